// What a figure is worth right now: pure functions of the snapshot, the config and the page's own clock.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const NONE = { v: null, n: 0, N: 0, at: null, g: null, s: "none", lo: null, hi: null, last: null };

  // A figure whose newest value is older than the limit is stale, whatever the server last said of it.
  function judged(figure, now, staleMs) {
    if (!figure) return NONE;
    if (figure.s === "none" || figure.s === "stale" || now - figure.at <= staleMs) return figure;
    return { ...figure, s: "stale", v: null, g: null, last: figure.v ?? figure.last };
  }

  const has = (figure) => figure.s === "ok" && figure.v !== null;

  // Metrics that anybody ever sent, the headline first; the headline alone where nobody sent anything.
  function liveMetrics(config, snap) {
    const sent = config.metrics.filter((m) => snap && snap.city[m.key] && snap.city[m.key].s !== "none");
    const first = config.metrics.find((m) => m.key === config.headline) || config.metrics[0];
    return [first, ...sent.filter((m) => m !== first)];
  }

  // The step of the last 24 hours that the viewer looks at; null: now.
  function pastOf(view, metric) {
    const k = view.at ? sdot.day.nearest(view.at, metric.key) : -1;
    return k < 0 ? null : { k, at: sdot.day.at(k) };
  }

  // Everything a region needs to draw, made once for a tick.
  function look(snap, view, config) {
    const metrics = liveMetrics(config, snap);
    const metric = metrics.find((m) => m.key === view.metric) || metrics[0];
    const [now, staleMs] = [sdot.clock.now(), config.stale_s * 1000];
    const live = (code, key) => judged(((snap && snap.districts[code]) || {})[key], now, staleMs);
    const liveCity = (key) => judged(((snap && snap.city) || {})[key], now, staleMs);
    const past = pastOf(view, metric);
    const of = past ? (code, key) => sdot.day.figure(code, key, past.k) : live;
    const city = past ? (key) => sdot.day.figure(null, key, past.k) : liveCity;
    const graded = Boolean(metric.bands);
    const mode = view.mode === "grade" && !graded ? "value" : view.mode;
    const minutes = Math.round(((snap && snap.window_s) || config.window_s) / 60);
    const shown = { of, city, live, liveCity, past };
    return { snap, view, config, metrics, metric, now, ...shown, graded, mode, minutes, lost: sdot.stream.lost() };
  }

  // Districts with a figure by falling value; after them, in the pack's order, those without one.
  function ranked(the, metric = the.metric) {
    const rows = the.config.districts.map((district) => ({ district, figure: the.of(district.code, metric.key) }));
    const order = { few: 0, stale: 1, none: 2 };
    const [full, empty] = [rows.filter((r) => has(r.figure)), rows.filter((r) => !has(r.figure))];
    full.sort((a, b) => b.figure.v - a.figure.v);
    empty.sort((a, b) => (order[a.figure.s] ?? 2) - (order[b.figure.s] ?? 2));
    return [full, empty];
  }

  // Lowest and highest figure of the chosen metric; not finite where there is none.
  function extent(the) {
    const values = ranked(the)[0].map((row) => row.figure.v);
    return [Math.min(...values), Math.max(...values)];
  }

  function counts(the) {
    const result = { grades: the.config.standard.bands.map(() => 0), stale: 0, few: 0, none: 0, ok: 0 };
    for (const { code } of the.config.districts) {
      const figure = the.of(code, the.metric.key);
      if (figure.g !== null && figure.s === "ok") result.grades[figure.g] += 1;
      result[figure.s] += 1;
    }
    return result;
  }

  // From where to where values of a metric are drawn: with its thresholds from 0, else just the values.
  function domain(metric, values) {
    const known = values.filter((v) => v !== null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    if (metric.bands) return [Math.min(0, low), Math.max(metric.bands[1][1] * 1.6, high * 1.04)];
    if (!known.length) return [0, 1];
    const pad = (high - low || Math.abs(high) || 1) * 0.04;
    return [low - pad, high + pad];
  }

  const thresholds = (metric, [, high]) => (metric.bands || []).map((b) => b[1]).filter((v) => v !== null && v < high);

  // What stands between the figures and the truth.
  function causes(the) {
    const found = sdot.top.causes(the.snap && the.snap.health, the.lost, the.now);
    if (!the.snap) return found;
    const { data_at: newest } = the.snap;
    if (!found.length && newest && the.now - newest > the.config.stale_s * 1000) {
      found.push({ part: "data", since: newest, detail: {} });
    }
    return found;
  }

  // total − in = silent + flagged; who is counted in no district's grade, or in nothing, stands beside the sum.
  function leftOut(counts) {
    const gap = counts.total - counts.in;
    const terms = ["silent", "flagged"].map((key) => [key, counts[key] || 0]);
    const sum = (list) => list.reduce((total, [, n]) => total + n, 0);
    const beside = ["few", "unverified", "outside"].map((key) => [key, counts[key] || 0]);
    return { gap, closes: sum(terms) === gap, terms, beside: beside.filter(([, n]) => n > 0) };
  }

  // Changes when something on the page turns stale or lost by itself, without a word from the server.
  function pulse(snap, config) {
    if (!snap) return `${sdot.stream.lost()}`;
    const [now, limit] = [sdot.clock.now(), config.stale_s * 1000];
    let old = 0;
    for (const figures of [snap.city, ...Object.values(snap.districts)]) {
      for (const figure of Object.values(figures)) if (figure.at && now - figure.at > limit) old += 1;
    }
    return `${sdot.stream.lost()} ${old} ${now - snap.data_at > limit}`;
  }

  sdot.figures = { look, ranked, extent, counts, domain, thresholds, causes, leftOut, pulse, has };
})();
