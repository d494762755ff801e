// Whole sentences for who hears the page, and the small pieces that every region shares.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h } = sdot.dom;

  // "영등포구, PM2.5 40 µg/m³, 나쁨, 42/45대, 10초 전"
  function district(the, one) {
    const { say, many, pick, figure: print, unit, age, number } = sdot.words;
    const figure = the.of(one.code, the.metric.key);
    const start = `${pick(one.names)}, ${pick(the.metric.short)}`;
    if (figure.s === "none") return `${start}: ${say("none")}`;
    const old = the.past ? sdot.words.hhmm(the.past.at) : say("ago", { age: age(the.now - figure.at) });
    if (figure.s === "stale") return `${start}: ${say("stale")}, ${old}`;
    const share = many("of", figure.N, { n: number(figure.n), N: number(figure.N) });
    if (figure.s === "few") return `${start}: ${say("few")}, ${share}, ${old}`;
    const grade = figure.g === null ? "" : `, ${pick(the.config.standard.bands[figure.g].names)}`;
    return `${start} ${print(the.metric, figure.v)} ${unit(the.metric)}${grade}, ${share}, ${old}`;
  }

  // Four rising bars on the grade's fill (or, plain, in its ink).
  function mark(grade, plain) {
    const bar = (i) => {
      const tall = 2.5 + i * 2.2;
      return h("rect", { class: i <= grade ? "step" : "step off", x: i * 4.5, y: 9.1 - tall, width: 3, height: tall });
    };
    const bars = h(
      "svg",
      { viewBox: "0 0 16.5 9.1", width: 16.5, height: 9.1, "aria-hidden": "true" },
      [0, 1, 2, 3].map(bar),
    );
    return h("span", { class: `mark g${grade}${plain ? " plain" : ""}` }, bars);
  }

  const band = (the, grade) => sdot.words.pick(the.config.standard.bands[grade].names);
  const range = ([low, high]) => (high === null ? `${low}–` : `${low}–${high}`);

  // An age that the page's clock keeps right.
  const ago = (at, phrase, exact) =>
    at === null || at === undefined
      ? "–"
      : h("span", { class: "age", "data-at": at, "data-say": phrase || null, "data-exact": exact || null });

  const period = (the, metric, short) =>
    sdot.words.say(metric.aggregation === "sum" ? "sum" : short ? "mean_short" : "mean", { min: the.minutes });

  // "42/45대", and in tight places "42/45".
  function share(figure) {
    const [n, N] = [sdot.words.number(figure.n), sdot.words.number(figure.N)];
    return h(
      "span",
      { class: "share" },
      h("span", { class: "long" }, sdot.words.many("of", figure.N, { n, N })),
      h("span", { class: "tight" }, `${n}/${N}`),
    );
  }

  // The number of a figure with its unit and grade, or in words why there is none of either.
  function value(the, metric, figure) {
    const { figure: print, unit, say, moment } = sdot.words;
    if (figure.s === "none") return h("span", { class: "nothing" }, say("none"));
    if (figure.s === "stale") {
      const old = { time: moment(figure.at, the.now), v: print(metric, figure.last) };
      return h("span", { class: "nothing" }, h("i", { class: "swatch stale" }), say("stale_row", old));
    }
    const graded = figure.s === "ok" && figure.g !== null;
    return [
      h("b", { class: "number" }, print(metric, figure.v)),
      " ",
      h("span", { class: "unit" }, unit(metric)),
      graded ? [" ", mark(figure.g), " ", h("span", { class: "word" }, band(the, figure.g))] : null,
      figure.s === "few" ? [" ", h("span", { class: "few" }, say(metric.bands ? "few_row" : "few_row_plain"))] : null,
    ];
  }

  sdot.speech = { district, mark, band, range, ago, period, share, value };
})();
