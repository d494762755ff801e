// A small line of 24 hours: graded metrics from 0 with their threshold, others between least and most, both printed.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h } = sdot.dom;

  // From where to where: [low, high] of the line, and its threshold where the standard has one.
  function scale(metric, values) {
    const known = values.filter((v) => v !== null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    if (!metric.bands) return { low, high: high === low ? low + 1 : high, threshold: null };
    const threshold = metric.bands[1][1];
    return { low: Math.min(0, low), high: Math.max(threshold * 1.1, high), threshold };
  }

  // Pieces of the line between gaps, in a box of `last` by 100.
  function path(values, { low, high }) {
    const y = (v) => (100 - ((v - low) / (high - low)) * 100).toFixed(1);
    let pen = "M";
    return values
      .map((v, x) => {
        if (v === null) {
          pen = "M";
          return "";
        }
        const alone = pen === "M" && (values[x + 1] ?? null) === null;
        const piece = `${pen}${x} ${y(v)}${alone ? "h0.01" : ""}`;
        pen = "L";
        return piece;
      })
      .join("");
  }

  // Runs of steps without a figure: [from, to, why].
  function gaps(series) {
    const runs = [];
    series.forEach(({ v, s }, x) => {
      const last = runs[runs.length - 1];
      const why = s === "few" ? "few" : "nothing";
      if (v !== null) return;
      if (last && last[1] === x - 1 && last[2] === why) last[1] = x;
      else runs.push([x, x, why]);
    });
    return runs;
  }

  // `series`: [{v, s}] by step, `mark`: the step that is looked at.
  function spark(metric, series, mark) {
    const values = series.map((one) => one.v);
    const known = values.filter((v) => v !== null);
    if (known.length < 2) return null;
    const { say, figure: print, number } = sdot.words;
    const span = scale(metric, values);
    const last = values.length - 1;
    const percent = (share) => `${(share * 100).toFixed(2)}%`;
    const down = (v) => percent(1 - (v - span.low) / (span.high - span.low));
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const holes = gaps(series);
    const at = mark === null || mark === undefined ? last : mark;
    const words = say("spark", { low: print(metric, low), high: print(metric, high), n: number(holes.length) });
    return h(
      "div",
      { class: "spark" },
      h(
        "div",
        { class: "plot", role: "img", "aria-label": words },
        holes.map(([from, to, why]) => {
          const [left, right] = [Math.max(0, from - 0.5), Math.min(last, to + 0.5)];
          return h("i", {
            class: `hole ${why}`,
            style: `left:${percent(left / last)};width:${percent((right - left) / last)}`,
          });
        }),
        span.threshold === null
          ? h("i", { class: "ground" })
          : [h("i", { class: "limit", style: `top:${down(span.threshold)}` }), h("i", { class: "ground" })],
        h(
          "svg",
          { viewBox: `0 0 ${last} 100`, preserveAspectRatio: "none", "aria-hidden": "true" },
          h("path", { d: path(values, span) }),
        ),
        at === last ? null : h("i", { class: "cursor", style: `left:${percent(at / last)}` }),
        values[at] === null || values[at] === undefined
          ? null
          : h("i", { class: "end", style: `left:${percent(at / last)};top:${down(values[at])}` }),
      ),
      h(
        "p",
        { class: "ends", "aria-hidden": "true" },
        h("span", {}, h("span", { class: "end-word" }, say("low"), " "), h("b", {}, print(metric, low))),
        span.threshold === null ? null : h("span", { class: "limit-word" }, say("spark_limit", { v: span.threshold })),
        h("span", {}, h("span", { class: "end-word" }, say("high"), " "), h("b", {}, print(metric, high))),
      ),
    );
  }

  sdot.spark = { spark, scale, path, gaps };
})();
