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
      sdot.top.pages(the.config),
      h("nav", { class: "metrics", "aria-label": say("metric") }, metricTabs(the)),
      h("p", { class: "link" }, link(the)),
      sdot.top.time(),
      sdot.top.controls(the.config, the.view.lang),
    );
    room(node, the);
  }

  // The header holds one line: metrics that do not fit go into the select.
  function room(node, the) {
    const nav = node.querySelector(".metrics");
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
    const at = the.snap && the.snap.data_at;
    const age = at
      ? [
          h("span", { class: "long" }, sdot.speech.ago(at, "data_age", true)),
          h("span", { class: "tight" }, sdot.speech.ago(at, "ago", true)),
        ]
      : sdot.words.say("no_data");
    return [
      sdot.top.state(sdot.figures.causes(the).length, the.snap),
      h("span", { class: "dot" }, "·"),
      h("span", { class: "data-age" }, age),
    ];
  }

  function cause(the) {
    const found = sdot.figures.causes(the);
    sdot.top.cause("live", the, found, found.length && the.snap && the.snap.data_at);
    document.getElementById("live").classList.toggle("has-cause", found.length > 0);
    document.getElementById("live").classList.toggle("is-lost", the.lost);
  }

  function forget() {
    tabs = 6;
    document.getElementById("live-header").classList.remove("crowded");
  }

  addEventListener("resize", forget);
  sdot.header = { header, cause, forget };
})();
