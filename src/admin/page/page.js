const EVERY = 2000;
const FAILED = { status: (status) => status >= "500" };
const REFUSED = { status: (status) => status >= "400" && status < "500" };
const past = new Window();

const share = (part, whole) => (whole > 0 ? part / whole : null);
const latencies = (name, wanted) => [0.5, 0.95, 0.99].map((quantile) => latency(past.quantile(quantile, name, wanted)));

const tile = (title, figure, note, drawn, level) => {
  const frame = element("div", undefined, "tile"), what = element("dd");
  what.append(element("div", figure, `figure ${level ?? ""}`), element("div", note, "note"));
  if (drawn) what.append(drawn);
  frame.append(element("dt", title), what);
  return frame;
};

const showGlance = (status) => {
  const recent = past.increase("requests_total") > 0;
  const since = (wanted) => (recent ? past.increase("requests_total", wanted) : sum(past.now, "requests_total", wanted));
  const errors = share(since(FAILED), since());
  const asked = sum(past.now, "cache_requests_total", { result: (result) => result !== "bypass" });
  const lives = status.credentials.filter(({ token }) => token).map(({ token }) => token.expires_in_seconds);
  const soonest = lives.length ? Math.min(...lives) : null;
  document.getElementById("glance").replaceChildren(
    tile("Requests", perSecond(past.rate("requests_total")), `${count(sum(past.now, "requests_total"))} since the start`, sparkline(past.rates("requests_total"))),
    tile("Answered 5xx", percent(errors), recent ? "of the last minute’s" : "since the start", null, errors === null ? "" : errors > 0.05 ? "bad" : errors > 0 ? "fair" : "good"),
    tile("Our own work", latency(past.quantile(0.99, "overhead_seconds")), "99 % of requests within"),
    tile("Passport’s part", latency(past.quantile(0.99, "upstream_duration_seconds")), "99 % of its answers within"),
    tile("From the cache", percent(status.cache.hit_ratio), `of ${count(asked)} asked`),
    tile("Next token expires", soonest === null ? "–" : `in ${span(soonest)}`, "renewed at half of its life", null, soonest === null ? "bad" : ""),
  );
};

const showTraffic = () => {
  const names = labelValues(past.now, "requests_total", "operation");
  const rows = names.map((operation) => ({ operation, all: sum(past.now, "requests_total", { operation }), rate: past.rate("requests_total", { operation }) }));
  rows.sort((one, other) => other.all - one.all || one.operation.localeCompare(other.operation));
  fill("operations", ["Operation", "#Rate", "#Requests", "#4xx", "#5xx", "#Median", "#99 %", "#Passport’s 99 %"], rows.map(({ operation, all, rate }) => [
    operation, perSecond(rate), count(all),
    count(sum(past.now, "requests_total", { operation, ...REFUSED })), count(sum(past.now, "requests_total", { operation, ...FAILED })),
    latency(past.quantile(0.5, "request_duration_seconds", { operation })), latency(past.quantile(0.99, "request_duration_seconds", { operation })),
    latency(past.quantile(0.99, "upstream_duration_seconds", { operation })),
  ]), "No request yet.");
  const outcomes = labelValues(past.now, "requests_total", "outcome").filter((outcome) => outcome !== "ok");
  const ended = outcomes.map((outcome) => ({ outcome, all: sum(past.now, "requests_total", { outcome }) }));
  ended.sort((one, other) => other.all - one.all);
  fill("outcomes", ["Outcome", "#Requests", "#Rate"], ended.map(({ outcome, all }) => [outcome, count(all), perSecond(past.rate("requests_total", { outcome }))]),
    "Every request ended well.");
};

const showLatency = () => {
  const upstreams = labelValues(past.now, "upstream_duration_seconds_count", "upstream");
  fill("latencies", ["Part", "#Median", "#95 %", "#99 %"], [
    ["The gateway’s own work", ...latencies("overhead_seconds", {})],
    ...upstreams.map((upstream) => [`Passport: ${upstream}`, ...latencies("upstream_duration_seconds", { upstream })]),
    ["Whole requests", ...latencies("request_duration_seconds", {})],
  ], "");
};

const TOKEN = { ready: "good", pending: "fair", failing: "fair" };
const showTokens = (status) => {
  fill("credentials", ["Credential", "State", "Expires", "Age", "Remarks"], status.credentials.map((credential) => {
    const { token } = credential, remarks = [credential.failure].filter(Boolean);
    if (credential.lacking_scopes?.length) remarks.push(`not granted: ${credential.lacking_scopes.join(", ")}`);
    if (credential.refused_operations?.length) remarks.push(`refused by Passport: ${credential.refused_operations.join(", ")}`);
    const life = token ? token.age_seconds + token.expires_in_seconds : 0;
    return [credential.name, state(TOKEN[credential.state] ?? "bad", credential.state),
      token ? { text: `in ${span(token.expires_in_seconds)}`, share: share(token.expires_in_seconds, life) } : "no token",
      token ? span(token.age_seconds) : "", remarks.join("; ")];
  }), "No credential.");
  document.getElementById("issuers-part").hidden = !status.issuers.length;
  fill("issuers", ["Issuer", "State", "#Keys", "#Read", "Remarks"], status.issuers.map((issuer) => [
    issuer.issuer, issuer.failure ? state(issuer.keys ? "fair" : "bad", issuer.keys ? "failing" : "no keys") : state("good", "keys read"),
    count(issuer.keys), issuer.age_seconds === null ? "never" : `${span(issuer.age_seconds)} ago`, issuer.failure ?? "",
  ]), "");
};

const BREAKER = { closed: "good", "half open": "fair" };
const showUpstreams = (status) => {
  fill("upstream", ["Upstream", "Breaker", "#Answers", "#Failures", "#In flight", "#Idle connections", "#99 %", "Origin"], status.upstreams.map((upstream) => {
    const own = { upstream: upstream.name }, failed = { ...own, status: (value) => value >= "500" };
    return [upstream.name, upstream.origin ? state(BREAKER[upstream.breaker] ?? "bad", upstream.breaker) : { text: "no origin", level: "quiet" },
      perSecond(past.rate("upstream_requests_total", own)), count(sum(past.now, "upstream_requests_total", failed)), count(upstream.in_flight),
      count(upstream.idle_connections), latency(past.quantile(0.99, "upstream_duration_seconds", own)), upstream.origin ?? ""];
  }), "No upstream.");
};

const showCache = ({ cache, store }) => {
  const connected = store.state === "connected", away = `Redis: ${words(store.state)}, for ${span(store.since_seconds)}${store.failure ? ` (${store.failure})` : ""}.`;
  say("store", store.kind === "embedded" ? "" : connected ? `Redis: connected, for ${span(store.since_seconds)}.` : away, connected ? "" : "bad");
  const place = document.getElementById("cache-size");
  place.textContent = cache.max_bytes ? `${count(cache.entries)} ${cache.entries === 1 ? "entry" : "entries"}, ${size(cache.bytes)} of ${size(cache.max_bytes)}` : "Off.";
  if (cache.max_bytes) place.append(bar(cache.bytes / cache.max_bytes));
  const { evictions, invalidations, replicas } = cache, lag = replicas?.last_lag_seconds ?? null;
  say("cache-left", cache.max_bytes ? [`${count(invalidations.write)} invalidations by writes here`, `${count(invalidations.replica)} by other replicas`,
    `${count(invalidations.purge)} by hand`, `${count(evictions.size)} entries made room`, `${count(cache.flights)} calls under way`].join(", ") + "." : "");
  say("cache-replicas", !replicas ? "" : (replicas.heard ? "Other replicas are heard" : "Other replicas are not heard") +
    (lag === null ? "" : `; their last change came ${latency(lag)} late`) + (replicas.untold ? `; they wait for ${count(replicas.untold)} of ours` : "") + ".",
    !replicas || replicas.heard ? "" : "bad");
  const results = labelValues(past.now, "cache_requests_total", "result");
  fill("cache-results", ["Result", "#Requests", "#Rate"], results.map((result) => [result, count(sum(past.now, "cache_requests_total", { result })),
    perSecond(past.rate("cache_requests_total", { result }))]), "Not asked yet.");
};

const showLimits = (status) => {
  fill("limit", ["Limit", "Of", "Policy", "#Allowed", "#Denied", "#Denied now"], status.limits.map((limit) => {
    const name = limit.kind === "class" ? limit.name.split(" ")[0] : limit.name, own = { limit: limit.kind, name };
    const policy = `${limit.requests} per ${limit.per_seconds === 1 ? "second" : span(limit.per_seconds)}, ${limit.burst} at once`;
    return [words(limit.kind), limit.name, policy + (limit.shadow ? " (shadow: not enforced)" : ""),
      count(sum(past.now, "limit_decisions_total", { ...own, decision: "allowed" })), count(sum(past.now, "limit_decisions_total", { ...own, decision: "denied" })),
      perSecond(past.rate("limit_decisions_total", { ...own, decision: "denied" }))];
  }), "No limit is set.");
};

const showConfiguration = (status) => {
  const reload = status.last_reload, faults = reload?.applied === false ? reload.faults : [];
  say("reload", !reload ? `As read at the start, ${span(status.uptime_seconds)} ago.`
    : reload.applied ? `Read anew ${span(reload.age_seconds)} ago, and in force.`
    : `Refused ${span(reload.age_seconds)} ago; the one before stays in force.`);
  document.getElementById("reload").className = faults.length ? "bad" : "";
  const list = document.getElementById("faults");
  list.hidden = !faults.length;
  list.replaceChildren(...faults.map((fault) => element("li", fault)));
  fill("conditions", ["Condition", "Holds", "Why"], status.conditions.map(({ name, holds, reason }) => [name, holds ? state("good", "yes") : state("bad", "no"), reason]), "");
};

const show = (status) => {
  const open = status.connections.reduce((total, connections) => total + connections, 0);
  say("ready", status.ready ? "Ready" : "Not ready", status.ready ? "good" : "bad");
  document.title = `${status.ready ? "" : "Not ready: "}passport-gateway`;
  say("summary", [`version ${status.version}`, `up ${span(status.uptime_seconds)}`, `Passport: ${status.environment}`,
    `${count(open)} ${open === 1 ? "connection" : "connections"}`, `${count(sum(past.now, "requests_in_flight"))} in flight`].join(" · "));
  [showGlance, showTraffic, showLatency, showTokens, showUpstreams, showCache, showLimits, showConfiguration].forEach((part) => part(status));
};

const read = async (path) => {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer;
};

let heard = null, paused = false;
const refresh = async () => {
  if (paused || document.visibilityState === "hidden") return;
  try {
    const [status, metrics] = await Promise.all([read("/status").then((answer) => answer.json()), read("/metrics").then((answer) => answer.text())]);
    past.add(readMetrics(metrics), performance.now());
    heard = new Date();
    show(status);
  } catch {
    say("ready", "Not reachable", "bad");
    say("summary", heard ? `What follows is from ${heard.toLocaleTimeString()}.` : "Nothing has been heard yet.");
  }
};

document.getElementById("pause").addEventListener("click", ({ currentTarget }) => {
  paused = !paused;
  currentTarget.setAttribute("aria-pressed", String(paused));
  currentTarget.textContent = paused ? "Resume" : "Pause";
  if (!paused) refresh();
});
document.addEventListener("visibilitychange", refresh);
const again = async () => {
  await refresh();
  setTimeout(again, EVERY);
};
again();
