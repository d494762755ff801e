// The three charts: how much comes, how late it is stored, and what became of it.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const OUTCOMES = ["stored", "revised", "duplicate", "quarantined", "rejected"];
  const LEAST = 2; // px of anything that is not nothing

  const widthOf = (id) => {
    const node = document.getElementById(id);
    const style = getComputedStyle(node);
    return Math.floor(node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
  };

  const head = (title, note) => h("header", { class: "head" }, h("h2", {}, title), h("p", {}, note));
  const spanWords = (the) => sdot.words.say(`span_${the.view.span}`);
  const beforeLast = (list) => list[list.length - 2] ?? null;

  // "0.19", "3.4", "41": seconds as fine as they matter.
  function seconds(s) {
    if (s === null || s === undefined) return "–";
    if (s < 0.01) return `< ${sdot.words.number(0.01, 2)}`;
    return sdot.words.number(s, s < 1 ? 2 : s < 10 ? 1 : 0);
  }

  const perSecond = (v) => sdot.words.number(v, v < 100 ? 1 : 0);

  function rate(the) {
    const { say } = sdot.words;
    const { span, snap } = the;
    const total = span.bins.messages.map((_, i) => span.bins.readings.reduce((sum, list) => sum + list[i], 0));
    const lines = { readings: total, messages: span.bins.messages };
    for (const [key, list] of Object.entries(lines)) lines[key] = list.map((n) => n / span.step_s);
    const width = widthOf("ingest-rate");
    const axis = sdot.axes.linear(Math.max(0.1, ...lines.readings.slice(0, -1), ...lines.messages.slice(0, -1)), 0);
    const on = sdot.axes.plot(the, width, axis, (v) => sdot.words.number(v, 0, 1));
    const now = { v: perSecond(snap.rate.readings), m: perSecond(snap.rate.messages) };
    const chart = sdot.axes.svg(
      width,
      say("rate_label", { ...now, span: spanWords(the) }),
      on.grid,
      sdot.axes.gaps(the, on),
      sdot.axes.line(the, on, lines.messages, "thin"),
      sdot.axes.line(the, on, lines.readings, "main"),
      sdot.axes.ends(the, on, [
        { value: beforeLast(lines.readings), text: perSecond(beforeLast(lines.readings)), main: true },
      ]),
    );
    fill(
      "ingest-rate",
      head(say("rate"), say(the.view.span === "hour" ? "rate_note_hour" : "rate_note_day")),
      h(
        "p",
        { class: "now" },
        h("b", { class: "number" }, now.v),
        h("span", { class: "unit" }, say("readings_per_s")),
        h("span", { class: "fine" }, say("rate_minute", { time: sdot.words.hhmm(snap.rate.from) })),
      ),
      keys([
        ["main", say("readings"), say("per_s", { n: now.v })],
        ["thin", say("messages"), say("per_s", { n: now.m })],
      ]),
      chart,
    );
  }

  const LAGS = [
    ["measurement", "p95", "main"],
    ["measurement", "p50", "thin"],
    ["arrival", "p95", "dashed"],
  ];

  function lag(the) {
    const { say } = sdot.words;
    const { span, snap } = the;
    const lists = LAGS.map(([kind, of]) => span.lags[kind][of]);
    const top = Math.max(snap.lag.promised * 2, ...lists.flatMap((list) => list.slice(0, -1)).map((v) => v ?? 0));
    const width = widthOf("ingest-lag");
    const on = sdot.axes.plot(the, width, sdot.axes.logarithmic(top), (v) => sdot.words.number(v, 0, 2));
    const promised = on.y(snap.lag.promised);
    const chart = sdot.axes.svg(
      width,
      say("lag_label", { p95: seconds((snap.lag.measurement || {}).p95), span: spanWords(the) }),
      on.grid,
      h("line", { class: "promised", x1: on.x0, x2: on.x1, y1: promised, y2: promised }),
      h(
        "text",
        { class: "tick cased", x: on.x0 + 6, y: promised - 5 },
        say("lag_promised", { n: sdot.words.number(snap.lag.promised) }),
      ),
      sdot.axes.gaps(the, on),
      LAGS.map(([, , name], i) => sdot.axes.line(the, on, lists[i], name)),
      sdot.axes.ends(
        the,
        on,
        lists.map((list, i) => ({ value: beforeLast(list), text: seconds(beforeLast(list)), main: i === 0 })),
      ),
    );
    fill(
      "ingest-lag",
      head(say("lag"), say("lag_note")),
      lagNow(the),
      keys(LAGS.map(([kind, of, name]) => [name, say(`lag_${kind}_${of}`)])),
      chart,
    );
  }

  function lagNow(the) {
    const { say } = sdot.words;
    const { measurement, arrival, minutes } = the.snap.lag;
    if (!measurement && !arrival) {
      return h("p", { class: "now" }, h("span", { class: "fine" }, say("lag_none_now", { min: minutes })));
    }
    const part = (lags, word) => [
      h("b", { class: "number" }, seconds(lags ? lags.p95 : null)),
      h("span", { class: "unit" }, say(word)),
    ];
    return h(
      "p",
      { class: "now" },
      part(measurement, "lag_unit_measurement"),
      part(arrival, "lag_unit_arrival"),
      h("span", { class: "fine" }, say("lag_now", { min: minutes })),
    );
  }

  // What each line is, and where it stands now.
  const keys = (list) =>
    h(
      "ul",
      { class: "keys" },
      list.map(([name, word, value]) =>
        h(
          "li",
          { key: name },
          h("svg", { width: 20, height: 8, "aria-hidden": "true" }, h("path", { class: `line ${name}`, d: "M0 4H20" })),
          value ? [`${word} `, h("b", {}, value)] : word,
        ),
      ),
    );

  // Columns of the stack, from the bottom; what is little keeps LEAST px, so that no refusal is lost in rounding.
  function columns(the, on) {
    const { span } = the;
    const wide = Math.max(1, (on.x1 - on.x0) / span.bins.messages.length - 1);
    return span.bins.messages.map((_, i) => {
      const counts = span.bins.readings.map((list) => list[i]);
      const left = on.x(sdot.axes.startOf(span, i));
      let top = on.y0;
      const parts = counts.map((n, k) => {
        if (!n) return null;
        const tall = Math.max(LEAST, on.y0 - on.y(n));
        top -= tall;
        return h("rect", { class: `o-${OUTCOMES[k]}`, x: left, y: top, width: wide, height: tall });
      });
      return h("g", { key: `c${i}`, class: "column" }, h("title", {}, columnWords(the, i, counts)), parts);
    });
  }

  function columnWords(the, i, counts) {
    const { say, hhmm, number } = sdot.words;
    const parts = counts.map((n, k) => (n ? `${say(OUTCOMES[k])} ${number(n)}` : null)).filter(Boolean);
    return `${hhmm(sdot.axes.startOf(the.span, i))}: ${parts.join(" · ") || say("nothing_came")}`;
  }

  function outcomes(the) {
    const { say, number } = sdot.words;
    const { span } = the;
    const totals = span.bins.messages.map((_, i) => span.bins.readings.reduce((sum, list) => sum + list[i], 0));
    const width = widthOf("ingest-outcomes");
    const on = sdot.axes.plot(the, width, sdot.axes.linear(Math.max(1, ...totals), 1), (v) => short(v));
    const sums = span.readings_by.map((n, k) => `${say(OUTCOMES[k])} ${number(n)}`).join(" · ");
    fill(
      "ingest-outcomes",
      head(say("outcomes"), say(the.view.span === "hour" ? "outcomes_note_hour" : "outcomes_note_day")),
      h(
        "ul",
        { class: "keys totals" },
        OUTCOMES.map((key, k) =>
          h(
            "li",
            { key, class: span.readings_by[k] ? "" : "zero" },
            h("svg", { width: 12, height: 12, "aria-hidden": "true" }, h("rect", { class: `o-${key}`, width: 12, height: 12 })),
            `${say(key)} `,
            h("b", {}, number(span.readings_by[k])),
          ),
        ),
      ),
      sdot.axes.svg(width, say("outcomes_label", { span: spanWords(the), sums }), on.grid, columns(the, on)),
    );
  }

  // 1,200 → 1.2k on an axis.
  const short = (v) => (v >= 10000 ? `${sdot.words.number(v / 1000, 0, 1)}k` : sdot.words.number(v));

  sdot.charts = { rate, lag, outcomes, seconds, perSecond, OUTCOMES, spanWords };
})();
