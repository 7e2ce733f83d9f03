"use strict";

// Reads the Prometheus text format: name → [{ labels, value }], without the gateway's prefix.
const readMetrics = (text) => {
  const families = new Map();
  for (const line of text.split("\n")) {
    const match = /^passport_gateway_(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name] = value.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
    }
    if (!families.has(match[1])) families.set(match[1], []);
    families.get(match[1]).push({ labels, value: Number(match[3]) });
  }
  return families;
};

const matches = (labels, wanted) =>
  Object.entries(wanted).every(([name, want]) => (typeof want === "function" ? want(labels[name]) : labels[name] === want));

const sum = (metrics, name, wanted = {}) =>
  (metrics.get(name) ?? []).reduce((total, { labels, value }) => (matches(labels, wanted) ? total + value : total), 0);

const labelValues = (metrics, name, label) => [...new Set((metrics.get(name) ?? []).map(({ labels }) => labels[label]))];

// What was read in the last minute, oldest first: a rate is what came since the oldest.
class Window {
  static LENGTH = 60_000;
  constructor() { this.samples = []; }

  add(metrics, at) {
    const last = this.samples.at(-1);
    // The gateway was started anew: what was counted before is no measure.
    if (last && sum(metrics, "requests_total") < sum(last.metrics, "requests_total")) this.samples = [];
    this.samples.push({ metrics, at });
    while (this.samples.length > 2 && at - this.samples[1].at >= Window.LENGTH) this.samples.shift();
  }

  get now() { return this.samples.at(-1).metrics; }

  increase(name, wanted) { return sum(this.now, name, wanted) - sum(this.samples[0].metrics, name, wanted); }

  rate(name, wanted) {
    const seconds = (this.samples.at(-1).at - this.samples[0].at) / 1000;
    return seconds > 0 ? this.increase(name, wanted) / seconds : null;
  }

  // The rate between each two readings, for a line.
  rates(name, wanted) {
    return this.samples.slice(1).map(({ metrics, at }, place) => {
      const before = this.samples[place];
      return Math.max(0, sum(metrics, name, wanted) - sum(before.metrics, name, wanted)) / Math.max(0.001, (at - before.at) / 1000);
    });
  }

  // A quantile of the last minute, or of all time if nothing happened in it; null if nothing ever did. As Prometheus reckons it.
  quantile(share, name, wanted = {}) {
    const recent = this.increase(`${name}_count`, wanted) > 0;
    const bounds = labelValues(this.now, `${name}_bucket`, "le").map((text) => ({ text, bound: text === "+Inf" ? Infinity : Number(text) }));
    bounds.sort((one, other) => one.bound - other.bound);
    const count = (le) => (recent ? this.increase(`${name}_bucket`, { ...wanted, le }) : sum(this.now, `${name}_bucket`, { ...wanted, le }));
    const counts = bounds.map(({ text }) => count(text));
    const all = counts.at(-1) ?? 0;
    if (all === 0) return null;
    const place = counts.findIndex((reached) => reached >= share * all);
    const [low, below] = place > 0 ? [bounds[place - 1].bound, counts[place - 1]] : [0, 0];
    if (bounds[place].bound === Infinity) return low;
    return low + (bounds[place].bound - low) * ((share * all - below) / (counts[place] - below || 1));
  }
}
