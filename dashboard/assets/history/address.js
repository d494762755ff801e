// What is asked for, as the address of the page holds it: every link to it shows the same.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const SPANS = ["24h", "7d", "30d", "90d", "1y", "3y"];
  const USUAL_SPAN = "7d";
  const MOST_PLACES = 6;
  const MOST_METRICS = 4;

  // Nothing is mended here: of a wrong address the server says what is wrong with it.
  function read(search, headline) {
    const query = new URLSearchParams(search);
    const metrics = query.getAll("metric");
    return {
      unit: query.get("unit") || "district",
      places: query.getAll("place"),
      metrics: metrics.length ? metrics : [headline],
      span: query.get("span") || (query.has("from") || query.has("to") ? "" : USUAL_SPAN),
      from: query.get("from") || "",
      to: query.get("to") || "",
      level: query.get("level") || "",
      before: query.get("before") === "1",
    };
  }

  function written(asked, metrics, places) {
    const query = new URLSearchParams();
    if (asked.unit !== "district") query.set("unit", asked.unit);
    for (const place of places) query.append("place", place);
    for (const metric of metrics) query.append("metric", metric);
    return timed(query, asked);
  }

  function timed(query, asked) {
    if (asked.span) query.set("span", asked.span);
    if (asked.from) query.set("from", asked.from);
    if (asked.to) query.set("to", asked.to);
    if (asked.level) query.set("level", asked.level);
    if (asked.before) query.set("before", "1");
    return query;
  }

  // The page's own query.
  const ofPage = (asked) => written(asked, asked.metrics, asked.places);

  // What is asked of the server for one metric.
  const ofMetric = (asked, metric) => written(asked, [metric], asked.places);

  // All districts over the same span.
  function ofAll(asked) {
    const query = timed(new URLSearchParams({ metric: asked.metrics[0] }), asked);
    query.delete("before");
    query.delete("level");
    return query;
  }

  // The very span that an answer was drawn over, however long ago that was, and the places, be they chosen or not.
  function again(asked, places, answer) {
    const [from, to] = [answer.start, answer.end].map((ms) => new Date(ms).toISOString());
    return written({ ...asked, span: "", from, to, level: answer.level }, asked.metrics, places);
  }

  // What is drawn, as a table: by when it was asked for the server knows the very figures.
  function ofTable(asked, places, answers) {
    const query = again(asked, places, answers[0]);
    for (const answer of answers) query.append("asked", answer.asked);
    return query;
  }

  // The places that the server chose are part of the question from now on; no step of the browser's history.
  function keep(asked) {
    history.replaceState(null, "", `${location.pathname}?${ofPage(asked)}`);
  }

  // Into the browser's history; the same again is no step of it.
  function go(asked) {
    const query = `?${ofPage(asked)}`;
    if (query === location.search) return false;
    history.pushState(null, "", location.pathname + query);
    return true;
  }

  sdot.address = { read, ofPage, ofMetric, ofAll, again, ofTable, go, keep, SPANS, MOST_PLACES, MOST_METRICS };
})();
