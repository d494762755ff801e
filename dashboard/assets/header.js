// The top of the page: which city, is it alive, is it old, what time; and, in words, what is wrong.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  let tabs = 6; // as many as the header has room for

  function header(the) {
    const { say, many, pick, number, district } = sdot.words;
    const size = the.config.districts.length;
    const extent = {
      districts: number(size),
      word: district(size),
      sensors: many("sensor_count", the.snap ? the.snap.sensors.total : null),
    };
    const node = fill(
      "live-header",
      h("h1", {}, pick(the.config.city.titles)),
      h("p", { class: "extent" }, say("extent", extent)),
      h("nav", { class: "metrics", "aria-label": say("metric") }, metricTabs(the)),
      h("p", { class: "link" }, link(the)),
      time(),
      controls(the),
    );
    room(node, the);
  }

  // The header holds one line: metrics that do not fit go into the select.
  function room(node, the) {
    const nav = node.querySelector("nav");
    const over = node.scrollWidth > node.clientWidth + 1 || nav.scrollWidth > nav.clientWidth + 1;
    if (over && tabs > 1) {
      tabs -= 1;
      header(the);
    } else if (over) node.classList.add("crowded");
  }

  const tab = (the, metric) =>
    h(
      "button",
      {
        key: metric.key,
        type: "button",
        "data-act": "metric",
        "data-key": metric.key,
        "aria-pressed": metric === the.metric ? "true" : "false",
      },
      tabName(metric),
    );

  function tabName(metric) {
    const { name, formula } = sdot.words.metricName(metric);
    return [
      h("span", { class: "full" }, [name, formula].filter(Boolean).join(" ")),
      h("span", { class: "short" }, sdot.words.pick(metric.short)),
    ];
  }

  function metricTabs(the) {
    const all = the.metrics;
    const shown = all.length <= tabs ? all : all.slice(0, tabs);
    const rest = all.slice(shown.length);
    return [shown.map((metric) => tab(the, metric)), rest.length ? more(the, rest) : null];
  }

  function more(the, rest) {
    const chosen = rest.includes(the.metric) ? the.metric.key : "";
    const label = sdot.words.say("more_metrics");
    return h(
      "select",
      { key: "more", "data-pick": "metric", "aria-label": label, value: chosen, class: chosen ? "chosen" : "" },
      h("option", { value: "" }, `${label} (${rest.length})`),
      rest.map((metric) => h("option", { value: metric.key }, sdot.words.pick(metric.names))),
    );
  }

  function link(the) {
    const { say, many } = sdot.words;
    const down = sdot.figures.causes(the);
    const state = down.length ? "down" : the.snap ? "up" : "wait";
    const short = {
      down: () => many("links_down", down.length),
      up: () => say("links_up_short"),
      wait: () => say("connecting"),
    }[state]();
    const long = state === "up" ? say("links_up") : short;
    const at = the.snap && the.snap.data_at;
    const age = at
      ? [
          h("span", { class: "long" }, sdot.speech.ago(at, "data_age", true)),
          h("span", { class: "tight" }, sdot.speech.ago(at, "ago", true)),
        ]
      : say("no_data");
    return [
      h(
        "span",
        { class: `state ${state}` },
        h("i", { class: "lamp" }),
        h("span", { class: "full" }, long),
        h("span", { class: "short" }, short),
      ),
      h("span", { class: "dot" }, "·"),
      h("span", { class: "data-age" }, age),
    ];
  }

  function time() {
    const now = sdot.clock.now();
    const { date, hhmm, hhmmss } = sdot.words;
    const face = [h("span", {}, hhmm(now)), h("span", { class: "seconds" }, hhmmss(now).slice(-3))];
    return h("p", { class: "time" }, h("span", { class: "date" }, date(now)), h("span", { class: "face" }, face));
  }

  // Called each second: the face runs whether or not anything arrives.
  function tick() {
    const node = document.querySelector("#live-header .time");
    if (node) sdot.dom.patch(node, time().kids);
  }

  // A pack may have languages that our words lack; they are named by the browser.
  const languageName = (the, lang) =>
    (the.config.text[lang] || {}).language_name || new Intl.DisplayNames([lang], { type: "language" }).of(lang);

  function controls(the) {
    const { say } = sdot.words;
    const other = sdot.theme.now() === "dark" ? "light" : "dark";
    return h(
      "div",
      { class: "controls" },
      h(
        "button",
        {
          type: "button",
          class: "theme",
          "data-act": "theme",
          "data-theme-wanted": other,
          "aria-label": say(`theme_${other}`),
        },
        h("i", { class: `sun ${other}` }),
        h("span", {}, say(`theme_${other}`)),
      ),
      h(
        "select",
        { "data-pick": "lang", "aria-label": say("language"), value: the.view.lang },
        the.config.languages.map((lang) => h("option", { value: lang, lang }, languageName(the, lang))),
      ),
    );
  }

  // Announced politely: only what is wrong. The growing age beside it is for the eye.
  function cause(the) {
    const found = sdot.figures.causes(the);
    fill(
      "live-cause",
      found.map((one) => h("p", { key: one.part, class: "cause" }, h("b", {}, sentence(the, one)))),
    );
    const at = found.length && the.snap && the.snap.data_at;
    fill("live-cause-age", at ? h("span", { "data-at": at, "data-say": "cause_age", "data-exact": true }) : null);
    document.getElementById("live").classList.toggle("has-cause", found.length > 0);
    document.getElementById("live").classList.toggle("is-lost", the.lost);
  }

  function sentence(the, { part, since, detail }) {
    const { say, moment, hhmmss } = sdot.words;
    const own = `cause_${part}`;
    const words = detail[sdot.words.lang] || (own in the.config.text.en ? say(own) : say("cause_other", { part }));
    if (!since) return words;
    const time = the.now - since < 43200000 ? hhmmss(since) : moment(since, the.now);
    return say("cause_since", { cause: words, time });
  }

  // On a phone, where the header has no room for them.
  const foot = (the) => fill("live-foot", controls(the));

  function forget() {
    tabs = 6;
    document.getElementById("live-header").classList.remove("crowded");
  }

  addEventListener("resize", forget);
  sdot.header = { header, cause, foot, tick, controls, forget };
})();
