// Every district over the same span on one scale, small: whoever is chosen comes up into the chart.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const [WIDE, TALL, TICKS] = [84, 44, 6]; // px of the plot and of the row of ticks above it
  let last = { key: "", kids: null };

  // A path through what there is, broken where there is nothing.
  function path(series, x, y) {
    let [d, open] = ["", false];
    const { t, v } = series;
    for (let i = 0; i < t.length; i += 1) {
      if (v[i] === null) {
        open = false;
        continue;
      }
      d += `${open ? "L" : "M"}${x(t[i])} ${y(v[i])}`;
      if (!open) d += "h.1";
      open = true;
    }
    return d;
  }

  function order(series) {
    return [...series].sort((a, b) => (b.now ?? -Infinity) - (a.now ?? -Infinity) || (a.place < b.place ? -1 : 1));
  }

  function one(the, all, series, axis, metric, selected) {
    const { say, figure, number } = sdot.words;
    const tenth = (value) => Math.round(value * 10) / 10;
    const x = (ms) => tenth(((ms - all.start) / (all.end - all.start)) * WIDE);
    const y = (value) => tenth(TICKS + TALL - ((value - axis.start) / (axis.end - axis.start)) * TALL);
    const limit = all.limit ?? null;
    const ticks = (series.ticks || []).map(([from, to]) =>
      h("rect", { class: "over", x: x(from), y: 0, width: Math.max(1, tenth(x(to) - x(from))), height: 3 }),
    );
    const now = series.now === null ? say("no_data") : figure(metric, series.now);
    const over = limit === null ? null : say("hours_n", { n: number(series.over) });
    const name = sdot.figure.nameOf(the, series.place);
    return h(
      "li",
      { key: series.place },
      h(
        "button",
        {
          type: "button",
          class: selected ? "multiple chosen" : "multiple",
          "data-act": "bring",
          "data-code": series.place,
          "aria-pressed": selected ? "true" : "false",
          "aria-label": [
            sdot.finding.placeName(the, series.place),
            `${say("now")} ${now}`,
            over && `${over} > ${limit}`,
          ]
            .filter(Boolean)
            .join(", "),
        },
        h("span", { class: "name" }, name),
        h(
          "svg",
          { viewBox: `0 0 ${WIDE} ${TICKS + TALL}`, preserveAspectRatio: "none", "aria-hidden": "true" },
          limit === null ? null : h("line", { class: "limit", x1: 0, x2: WIDE, y1: y(limit), y2: y(limit) }),
          ticks,
          h("path", { class: "small", d: path(series, x, y) }),
        ),
        h("span", { class: "ends" }, h("span", {}, now), h("span", {}, over)),
      ),
    );
  }

  function multiples(the) {
    const { shown } = the;
    if (!shown) {
      fill("history-multiples");
      return;
    }
    if (!shown.all) {
      fill("history-multiples", h("p", { class: "nothing" }, sdot.answers.sentence(shown.failed)));
      return;
    }
    const key = [shown.number, sdot.words.lang, the.places[0]].join(" ");
    if (key !== last.key) last = { key, kids: drawn(the, shown) };
    fill("history-multiples", last.kids);
  }

  function drawn(the, shown) {
    const { all } = shown;
    const { say, number, unit, district } = sdot.words;
    const metric = sdot.scale.metricOf(the.config, shown.answers[0].metric);
    const range = sdot.scale.extent(all.series.map((series) => series.v));
    const axis = sdot.scale.axis(metric, range, all.limit ?? null);
    const title = say("all_title", { n: number(all.series.length), word: district(all.series.length) });
    const scale = say("all_scale", {
      low: number(axis.start, axis.digits),
      high: number(axis.end, axis.digits),
      unit: unit(metric),
    });
    const over = (all.limit ?? null) === null ? null : h("p", {}, say("all_over", { limit: number(all.limit) }));
    const selected = shown.asked.unit === "district" ? the.places[0] : null;
    return [
      h("header", { class: "head" }, h("h2", {}, title), h("p", {}, say("all_order"))),
      h(
        "ul",
        { class: "grid" },
        order(all.series).map((series) => one(the, all, series, axis, metric, series.place === selected)),
        h("li", { class: "scale fine", key: "scale" }, h("p", {}, scale), over, h("p", {}, say("all_left"))),
      ),
    ];
  }

  sdot.multiples = { multiples };
})();
