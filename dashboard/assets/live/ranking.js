// Districts from the highest figure to the lowest, and the legend that counts them.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const NAME_PX = 90; // what a full name may take of a row
  const MOVE_H = 4; // hours that the line in a row goes back
  let open = false; // on a phone: all rows, or the first three

  const percent = (value, [low, high]) => `${(((value - low) / (high - low || 1)) * 100).toFixed(1)}%`;

  function ranking(the) {
    const { say, pick, unit, metricName, district } = sdot.words;
    const title = say("ranking", { word: district() });
    const [full, empty] = sdot.figures.ranked(the);
    const moves = movesOf(the, full);
    const span = sdot.figures.domain(
      the.metric,
      [...full.map((row) => row.figure.v), ...moves.values()],
    );
    const sum = the.metric.aggregation === "sum";
    const node = fill(
      "live-ranking",
      h(
        "header",
        { class: "head" },
        h("h2", {}, title),
        h("h3", { class: "worst" }, worst(the, full)),
        h(
          "p",
          {},
          say(sum ? "ranking_sub_sum" : "ranking_sub", { min: the.minutes }),
          " · ",
          moves.size ? say("ranking_moves", { h: MOVE_H }) : metricName(the.metric).name,
        ),
        h(
          "button",
          { type: "button", class: "more", "data-act": "ranking", "aria-expanded": open ? "true" : "false" },
          say(open ? "show_less" : "show_all"),
        ),
      ),
      h(
        "div",
        { class: "row columns", "aria-hidden": "true" },
        h("span", { class: "first" }, district()),
        h("span", {}),
        scaleHead(the, span, full, moves),
        h("span", { class: "num" }, unit(the.metric)),
        h("span", { class: "num" }, say("sensors")),
        h("span", { class: "num" }, say("age")),
      ),
      h(
        "ol",
        { "aria-label": `${title}, ${pick(the.metric.names)}` },
        full.map((row) => h("li", { key: row.district.code }, line(the, row, span, moves))),
        empty.map((row) => h("li", { key: row.district.code, class: "without" }, without(the, row))),
      ),
      sums(the),
    );
    node.classList.toggle("open", open);
    node.style.setProperty("--rows", the.config.districts.length);
    node.style.setProperty("--name", `${nameWidth(the) + 4}px`);
  }

  const widest = (names) => Math.ceil(Math.max(...names.map((name) => sdot.mapwords.measure(name, 14, 400))));

  // Full names where they leave the scale its room, else short ones.
  function rowName(the, one) {
    const full = the.config.districts.map((each) => sdot.words.pick(each.names));
    return widest(full) <= NAME_PX ? sdot.words.pick(one.names) : sdot.words.shortName(one);
  }

  const nameWidth = (the) => widest(the.config.districts.map((one) => rowName(the, one)));

  // "나쁨 7개 구": the worst grade there is, and how many have it.
  function worst(the, full) {
    if (!the.graded || !full.length || full[0].figure.g === null)
      return sdot.words.say("highest", { word: sdot.words.district(2) });
    const grade = Math.max(...full.map((row) => row.figure.g ?? 0));
    const n = full.filter((row) => row.figure.g === grade).length;
    return sdot.words.say("worst", {
      n: sdot.words.number(n),
      word: sdot.words.district(n),
      grade: sdot.speech.band(the, grade),
    });
  }

  function scaleHead(the, span, full, moves) {
    const at = sdot.figures.thresholds(the.metric, span);
    if (at.length)
      return h(
        "span",
        { class: "scale-head" },
        at.map((v) => h("i", { style: `left:${percent(v, span)}` }, v)),
      );
    if (!full.length) return h("span", {});
    const drawn = [...full.map((row) => row.figure.v), ...moves.values()];
    const print = (v) => h("i", {}, sdot.words.figure(the.metric, v));
    return h("span", { class: "scale-head ends" }, print(Math.min(...drawn)), print(Math.max(...drawn)));
  }

  // Where each district stood some hours before what is shown: district → value.
  function movesOf(the, full) {
    const then = (the.past ? the.past.at : the.now) - MOVE_H * 3600000;
    const k = the.metric.aggregation === "vector" ? -1 : sdot.day.stepOf(then, the.metric.key);
    if (k < 0) return new Map();
    const old = full.map(({ district }) => [district.code, sdot.day.figure(district.code, the.metric.key, k)]);
    return new Map(old.filter(([, one]) => one.s === "ok").map(([code, one]) => [code, one.v]));
  }

  // The way from there to the dot.
  function move(from, to, span) {
    if (from === undefined) return null;
    const [left, right] = [Math.min(from, to), Math.max(from, to)];
    const width = `${(((right - left) / (span[1] - span[0] || 1)) * 100).toFixed(1)}%`;
    return h("i", { class: "move", style: `left:${percent(left, span)};width:${width}` });
  }

  function scale(the, figure, span, from) {
    return h(
      "span",
      { class: `scale-line${figure.g === null ? "" : ` g${figure.g}`}`, "aria-hidden": "true" },
      sdot.figures
        .thresholds(the.metric, span)
        .map((v) => h("i", { class: "threshold", style: `left:${percent(v, span)}` })),
      move(from, figure.v, span),
      h("i", { class: "dot", style: `left:${percent(figure.v, span)}` }),
    );
  }

  const button = (the, row, ...kids) =>
    h(
      "button",
      {
        type: "button",
        class: "row",
        "data-act": "district",
        "data-code": row.district.code,
        "aria-pressed": the.view.district === row.district.code ? "true" : "false",
      },
      kids,
    );

  const tail = (figure) => [
    h("span", { class: "num share" }, figure.N ? `${sdot.words.number(figure.n)}/${sdot.words.number(figure.N)}` : "–"),
    h("span", { class: "num" }, sdot.speech.ago(figure.at)),
  ];

  // The bars for the eye, the word for the ear.
  const gradeOf = (the, figure) => [
    sdot.speech.mark(figure.g, true),
    h("span", { class: "unseen" }, sdot.speech.band(the, figure.g)),
  ];

  function line(the, row, span, moves) {
    const { figure } = row;
    return button(
      the,
      row,
      h("span", { class: "name" }, rowName(the, row.district)),
      h("span", { class: "grade" }, figure.g === null ? null : gradeOf(the, figure)),
      scale(the, figure, span, moves.get(row.district.code)),
      h("b", { class: "num" }, sdot.words.figure(the.metric, figure.v)),
      tail(figure),
    );
  }

  // A district without a figure says why, and is never placed by an old value.
  function without(the, row) {
    const { say, moment, figure: print } = sdot.words;
    const { figure } = row;
    const reason = {
      few: () => say(the.graded ? "few_row" : "few_row_plain"),
      stale: () => say("stale_row", { time: moment(figure.at, the.now), v: print(the.metric, figure.last) }),
    }[figure.s];
    return button(
      the,
      row,
      h("span", { class: "name" }, rowName(the, row.district)),
      h("span", { class: "reason" }, h("i", { class: `swatch ${figure.s}` }), reason ? reason() : say("none")),
      tail(figure),
    );
  }

  // What the figures are made of, in a sum that the reader can check.
  function sums(the) {
    const counts = the.snap && the.snap.left_out[the.metric.key];
    if (the.past) return h("div", { class: "sums" }, h("p", {}, sdot.words.say("past_sums")));
    if (!counts || !counts.total) return null;
    const { say, many, number } = sdot.words;
    const { gap, closes, terms, beside } = sdot.figures.leftOut(counts);
    const parts = terms.map(([key, n]) => say(`sums_${key}`, { n: number(n) })).join(" + ");
    const notes = beside.map(([key, n]) => many(`beside_${key}`, n, { word: sdot.words.district() }));
    return h(
      "div",
      { class: "sums" },
      h(
        "p",
        {},
        many(gap ? "sums" : "sums_all", counts.total, {
          total: number(counts.total),
          in: number(counts.in),
          gap: number(gap),
          terms: closes ? parts : "?",
        }),
      ),
      h("p", {}, notes.join(" · ")),
      h("p", {}, say("rule_few", { few: the.config.few.sensors })),
    );
  }

  function legend(the) {
    const { say, number, pick } = sdot.words;
    const counts = sdot.figures.counts(the);
    const row = (key, swatch, name, hint, count) =>
      h(
        "li",
        { key, class: count ? "" : "zero" },
        swatch,
        h("span", { class: "word" }, name),
        h("span", { class: "hint" }, key === "stale" || key === "few" ? h("span", { class: "rule" }, hint) : hint),
        h(
          "span",
          { class: "num" },
          number(count),
          h(
            "span",
            { class: "counted" },
            say(key === "new" ? "sensors_n" : "districts_n", { word: sdot.words.district(count) }),
          ),
        ),
      );
    const swatch = (name) => h("i", { class: `swatch ${name}` });
    const minutes = Math.round(the.config.stale_s / 60);
    fill(
      "live-legend",
      h(
        "ul",
        { "aria-label": say("legend") },
        shades(the, counts, row),
        row("stale", swatch("stale"), say("stale"), say("stale_hint", { min: minutes }), counts.stale),
        row("few", swatch("few"), say("few"), say("few_hint", { few: the.config.few.sensors }), counts.few),
        counts.none ? row("none", swatch("void"), say("none"), "", counts.none) : null,
        row("new", h("i", { class: "swatch new" }), say("new_sensor"), "", the.snap ? the.snap.sensors.unverified : 0),
      ),
      the.graded && the.mode === "grade"
        ? h(
            "p",
            {},
            say("standard_since", { standard: pick(the.config.standard.names), date: the.metric.since }),
            h("br"),
            say("bars_too"),
          )
        : null,
      sdot.map.attribution()
        ? h("p", { class: "source-phone" }, say("map_source", { source: sdot.map.attribution() }))
        : null,
    );
  }

  // The legend names what is on the map, so the map's modes are its own.
  function shades(the, counts, row) {
    if (the.mode === "grade") {
      return the.config.standard.bands.map((band, i) =>
        row(
          `g${i}`,
          sdot.speech.mark(i),
          sdot.words.pick(band.names),
          sdot.speech.range(the.metric.bands[i]),
          counts.grades[i],
        ),
      );
    }
    if (the.mode === "sensors") return [];
    const [low, high] = sdot.figures.extent(the);
    if (!Number.isFinite(low)) return [];
    const print = (v) => sdot.words.figure(the.metric, v);
    const cells = [0, 1, 2, 3, 4].map((i) => h("i", { class: `swatch r${i}` }));
    return [
      h(
        "li",
        { key: "ramp", class: "ramp" },
        h("span", { class: "num" }, print(low)),
        cells,
        h("span", { class: "num" }, print(high)),
        h("span", { class: "unit" }, sdot.words.unit(the.metric)),
      ),
    ];
  }

  function toggle() {
    open = !open;
  }

  sdot.ranking = { ranking, legend, toggle, percent };
})();
