// Text for people.
const span = (seconds) => {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => seconds >= size);
  if (first < 0) return "0 s";
  const [size, unit] = parts[first], next = parts[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${next[1]}` : ""}`;
};

const latency = (seconds) => {
  if (seconds === null) return "–";
  const [value, unit] = seconds < 0.001 ? [seconds * 1e6, "µs"] : seconds < 1 ? [seconds * 1e3, "ms"] : [seconds, "s"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
};

const perSecond = (rate) => (rate === null ? "–" : `${rate === 0 || rate >= 10 ? Math.round(rate) : rate < 0.1 ? rate.toFixed(2) : rate.toFixed(1)}/s`);
const percent = (share) => (share === null || Number.isNaN(share) ? "–" : `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`);
const size = (bytes) => (bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`);
const count = (number) => number.toLocaleString("en");
const words = (name) => name.replaceAll("_", " ");

const element = (name, text, classes) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (classes) made.className = classes;
  return made;
};

const drawing = (name, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.append(...children);
  return made;
};

// A state is a sign, a word and a colour: never a colour alone. Signs are drawn, since not every font has them.
const SIGNS = { good: ["circle", { cx: 5, cy: 5, r: 4 }], fair: ["path", { d: "M5 0 10 5 5 10 0 5Z" }], bad: ["path", { d: "M5 .5 10 9.5H0Z" }] };
const state = (level, text) => ({ level, text, sign: true });
const sign = (level) => drawing("svg", { viewBox: "0 0 10 10", class: "sign", "aria-hidden": "true" }, drawing(...SIGNS[level]));

// What a share looks like, for eyes; the text beside it says the same.
const bar = (share) => {
  const part = { width: Math.max(0, Math.min(1, share)) * 100, height: 4, rx: 2, class: "part" };
  const frame = { class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" };
  return drawing("svg", frame, drawing("rect", { width: 100, height: 4, rx: 2, class: "whole" }), drawing("rect", part));
};

const sparkline = (values) => {
  const most = Math.max(...values, 0.001), step = 100 / Math.max(1, values.length - 1);
  const points = values.map((value, place) => `${(place * step).toFixed(1)},${(23 - (value / most) * 22).toFixed(1)}`).join(" ");
  const frame = { viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" };
  return drawing("svg", frame, drawing("polyline", { points, class: "line" }));
};

// A cell is text, or { text, level, sign, share, number }. Roles are written out: on a phone, rows are cards and would lose them.
const cell = (value, label, first) => {
  const { text, level, sign: signed, share, number } = typeof value === "object" && value !== null ? value : { text: value };
  const made = element(first ? "th" : "td", undefined, [level, number && "number", text === "" && "blank"].filter(Boolean).join(" "));
  made.append(element("span"));
  if (signed) made.lastChild.append(sign(level));
  made.lastChild.append(text ?? "");
  made.setAttribute("role", first ? "rowheader" : "cell");
  if (first) made.scope = "row";
  else made.dataset.label = label;
  if (share !== undefined && share !== null) made.lastChild.append(bar(share));
  return made;
};

const number = (text) => ({ text, number: true });

// Fills a table: its head once, its rows each time. Columns that start with `#` hold numbers.
const fill = (id, columns, rows, empty) => {
  const table = document.getElementById(id);
  const labels = columns.map((column) => column.replace("#", ""));
  if (!table.tHead) {
    table.setAttribute("role", "table");
    const head = table.createTHead().insertRow();
    columns.forEach((column, place) => {
      const title = element("th", labels[place], column.startsWith("#") ? "number" : "");
      title.scope = "col";
      title.setAttribute("role", "columnheader");
      head.append(title);
    });
    [table.tHead, table.createTBody()].forEach((group) => group.setAttribute("role", "rowgroup"));
    head.setAttribute("role", "row");
  }
  const lines = rows.map((row) => {
    const line = element("tr");
    line.setAttribute("role", "row");
    line.append(...row.map((value, place) => cell(columns[place].startsWith("#") ? number(value) : value, labels[place], !place)));
    return line;
  });
  if (!lines.length) {
    const line = element("tr"), nothing = element("td", empty, "empty");
    nothing.colSpan = columns.length;
    line.append(nothing);
    lines.push(line);
  }
  table.tBodies[0].replaceChildren(...lines);
};

// What a screen reader announces is written only when it changes.
const say = (id, text, level) => {
  const place = document.getElementById(id);
  if (place.textContent === text) return;
  place.replaceChildren(...(level ? [sign(level)] : []), text);
  if (level !== undefined) place.className = level && `state ${level}`;
};
