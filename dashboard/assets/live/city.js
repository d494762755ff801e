// The whole city's figures, and the box of what waits for a person.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const SHOWN = 5; // new sensors listed in full

  const nameOf = (metric) => {
    const { name, formula } = sdot.words.metricName(metric);
    return [h("span", { class: "name" }, name), formula ? h("span", { class: "formula" }, formula) : null];
  };

  // Period, n of N and age: what a number needs to be believed, one step smaller and greyer.
  const fine = (the, metric, figure, short) =>
    h(
      "p",
      { class: "fine" },
      h("span", { class: "period" }, sdot.speech.period(the, metric, short), " · "),
      sdot.speech.share(figure),
      " · ",
      the.past
        ? sdot.words.hhmm(the.past.at)
        : h(
            "span",
            {},
            h("span", { class: "long" }, sdot.speech.ago(figure.at, "ago")),
            h("span", { class: "tight" }, sdot.speech.ago(figure.at)),
          ),
    );

  // The last 24 hours of the city, or of a district, and now.
  function spark(the, code, metric) {
    const now = code === null ? the.liveCity(metric.key) : the.live(code, metric.key);
    return sdot.spark.spark(metric, sdot.day.series(code, metric.key, now), the.past && the.past.k);
  }

  function city(the) {
    const { say, pick } = sdot.words;
    const minutes = say("mean", { min: the.minutes });
    fill(
      "live-city",
      h(
        "header",
        { class: "head" },
        h("h2", {}, say("city", { city: pick(the.config.city.names) })),
        h(
          "p",
          {},
          h("span", { class: "narrow" }, minutes),
          h(
            "span",
            { class: "wide" },
            sdot.day.data ? say("city_sub_day") : say("city_sub", { word: sdot.words.district() }),
          ),
        ),
      ),
      h(
        "ul",
        { class: "figures" },
        the.metrics.map((metric) => one(the, metric)),
      ),
    );
  }

  function one(the, metric) {
    const figure = the.city(metric.key);
    return h(
      "li",
      { key: metric.key, class: metric === the.metric ? "figure chosen" : "figure" },
      h(
        "div",
        { class: "now" },
        h("h3", {}, nameOf(metric)),
        h("p", { class: "value" }, sdot.speech.value(the, metric, figure)),
      ),
      spark(the, null, metric) || spread(the, metric),
      fine(the, metric, figure),
    );
  }

  // Where the districts lie: a dot each, the lowest and the highest by name.
  function spread(the, metric) {
    const [full] = sdot.figures.ranked(the, metric);
    if (full.length < 2) return null;
    const span = sdot.figures.domain(
      metric,
      full.map((row) => row.figure.v),
    );
    const { say, shortName, figure: print } = sdot.words;
    const end = (key, row) =>
      h("span", {}, say(key), " ", shortName(row.district), " ", h("b", {}, print(metric, row.figure.v)));
    return h(
      "div",
      { class: "spread" },
      h(
        "div",
        { class: "spread-line", "aria-hidden": "true" },
        sdot.figures
          .thresholds(metric, span)
          .map((v) => h("i", { class: "threshold", style: `left:${sdot.ranking.percent(v, span)}` })),
        full.map((row) =>
          h("i", {
            key: row.district.code,
            class: row.figure.g === null ? "dot" : `dot g${row.figure.g}`,
            style: `left:${sdot.ranking.percent(row.figure.v, span)}`,
          }),
        ),
      ),
      h("p", { class: "ends" }, end("low", full[full.length - 1]), end("high", full[0])),
    );
  }

  // Only on a phone: the chosen metric first, in large.
  function hero(the) {
    const { say } = sdot.words;
    const figure = the.city(the.metric.key);
    fill(
      "live-hero",
      h(
        "div",
        { class: "top" },
        h(
          "select",
          { "data-pick": "metric", "aria-label": say("metric"), value: the.metric.key },
          the.metrics.map((metric) => h("option", { value: metric.key }, full(metric))),
        ),
        h("p", {}, sdot.speech.period(the, the.metric), " · ", sdot.speech.share(figure)),
      ),
      h(
        "div",
        { class: "first" },
        h("div", { class: "value" }, sdot.speech.value(the, the.metric, figure)),
        spark(the, null, the.metric),
      ),
      h("p", { class: "sentence" }, sentence(the)),
    );
  }

  const full = (metric) => Object.values(sdot.words.metricName(metric)).filter(Boolean).join(" ");

  function sentence(the) {
    const [rows] = sdot.figures.ranked(the);
    if (!rows.length) return "";
    const { say, number, district, shortName, figure: print } = sdot.words;
    const [top, bottom] = [rows[0], rows[rows.length - 1]];
    const ends = `${say("high")} ${shortName(top.district)} ${print(the.metric, top.figure.v)} · ${say("low")} ${shortName(bottom.district)} ${print(the.metric, bottom.figure.v)}`;
    if (!the.graded || top.figure.g === null) return ends;
    const grade = Math.max(...rows.map((row) => row.figure.g ?? 0));
    const count = rows.filter((row) => row.figure.g === grade).length;
    return [
      h("b", {}, say("phone_worst", { n: number(count), word: district(count), grade: sdot.speech.band(the, grade) })),
      ` · ${ends}`,
    ];
  }

  // A command as it is typed on this machine: it has to find the data folder of this stack.
  const command = (the, verb) => `sdot ${verb}${the.config.data_option}`;

  function attention(the) {
    const waiting = the.snap ? the.snap.attention : [];
    const newest = [...waiting].sort((a, b) => b.first_at - a.first_at);
    const { say, many, number } = sdot.words;
    const box = fill(
      "live-attention",
      newest.length
        ? [
            h("h2", {}, many("attention_new", the.snap.sensors.unverified || newest.length)),
            h(
              "ul",
              {},
              newest.slice(0, SHOWN).map((item) => h("li", { key: item.serial }, waits(the, item))),
            ),
            newest.length > SHOWN ? h("p", {}, say("attention_more", { n: number(newest.length - SHOWN), command: command(the, "sensor list") })) : null,
            h(
              "p",
              { class: "advice" },
              say("attention_do"),
              " ",
              h("code", {}, `${command(the, "sensor verify")} ${newest[0].serial}`),
            ),
          ]
        : null,
    );
    box.hidden = !newest.length;
  }

  function waits(the, item) {
    const { say, many, moment, number, pick } = sdot.words;
    const home = the.config.districts.find((d) => d.code === item.district);
    const place = home ? pick(home.names) : say("attention_noplace", { word: sdot.words.district() });
    const held = item.quarantined ? say("attention_held", { n: number(item.quarantined) }) : null;
    const nowhere = item.x === null || item.x === undefined ? say("attention_nowhere") : null;
    const line = say("attention_line", { place, time: moment(item.first_at, the.now), messages: many("messages", item.messages) });
    return [
      h("p", {}, h("b", {}, item.serial), " ", h("span", { class: "values" }, values(the, item))),
      h(
        "p",
        { class: "fine" },
        [line, held, nowhere].filter(Boolean).join(" · "),
        " ",
        h("span", { class: "age" }, "· ", sdot.speech.ago(item.last_at, "ago")),
      ),
    ];
  }

  // Its newest values, three at most, the chosen metric first, then what was flagged; they enter no figure.
  function values(the, item) {
    const sent = (metric) => item.values[metric.key] || [null, null, false];
    const known = the.config.metrics.filter((metric) => sent(metric)[0] !== null);
    known.sort((a, b) => (b === the.metric) - (a === the.metric) || sent(b)[2] - sent(a)[2]);
    return known.slice(0, 3).map((metric, i) => [i ? " · " : "", sentValue(metric, sent(metric))]);
  }

  // A value as it was sent, so with a digit more than figures have; not what they make of it.
  function sentValue(metric, [value, , flagged]) {
    const { say, pick, number, unit } = sdot.words;
    const words = `${pick(metric.short)} ${number(value, metric.decimals, Math.max(1, metric.decimals))} ${unit(metric)}`;
    return flagged ? h("span", { class: "flagged" }, say("attention_flagged", { value: words })) : words;
  }

  // Nothing was ever sent: what makes a first sensor appear.
  function empty(the) {
    const first = the.config.districts[0];
    const none = the.snap && !the.snap.sensors.total && !the.snap.attention.length;
    const { say } = sdot.words;
    const box = fill(
      "live-empty",
      none
        ? [
            h("h2", {}, say("empty")),
            h("p", {}, say("empty_do")),
            h("code", {}, `${command(the, "publish")} my-first '{"${the.config.headline}": 12.5, "district": "${first.code}"}'`),
          ]
        : null,
    );
    box.hidden = !none;
  }

  sdot.city = { city, hero, attention, empty, nameOf, fine, spark };
})();
