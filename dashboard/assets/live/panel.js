// One district: its figures, its sensors on the scale, and the list of them, who needs a person first.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const DAY_MS = 86400000;
  const AGAIN_MS = 2000; // between two requests for the sensors of the open district
  const SHOWN = 10; // rows before "show all"
  const URGENCY = { flagged: 0, unverified: 1, silent: 2, stale: 3, ok: 4, none: 5 };
  const data = { key: "", sensors: null, failed: false, asked: 0, all: false };
  let last = null;
  let focus = null; // what a deed of the viewer wants focused once it is drawn

  async function load(the) {
    const key = `${the.view.district} ${the.metric.key}`;
    const wait = AGAIN_MS - (performance.now() - data.asked);
    if (key === data.key && (data.seq === (the.snap && the.snap.seq) || wait > 0)) return;
    if (key !== data.key) Object.assign(data, { key, sensors: null, all: false });
    Object.assign(data, { asked: performance.now(), seq: the.snap && the.snap.seq });
    const wanted = new URLSearchParams({ district: the.view.district, metric: the.metric.key });
    try {
      const answer = await fetch(`/api/sensors?${wanted}`);
      if (!answer.ok) throw new Error(`sensors: ${answer.status}`);
      const { sensors } = await answer.json();
      if (data.key === key) Object.assign(data, { sensors, failed: false });
    } catch {
      if (data.key === key) data.failed = true;
    }
    if (last && last.view.district) draw(last);
  }

  function panel(the) {
    const node = document.getElementById("live-panel");
    const open = Boolean(the.view.district);
    const before = last && last.view.district;
    document.getElementById("live").classList.toggle("has-panel", open);
    node.hidden = !open;
    last = the;
    if (open) {
      if (!the.past) load(the);
      draw(the);
      if (before !== the.view.district) node.scrollTop = 0;
    }
    const wanted = before === the.view.district ? null : focus && document.querySelector(focus);
    if (wanted) wanted.focus({ preventScroll: true });
    if (before !== the.view.district) focus = null;
  }

  function draw(the) {
    const { say, pick } = sdot.words;
    const one = the.config.districts.find((d) => d.code === the.view.district);
    const node = document.getElementById("live-panel");
    node.setAttribute("aria-label", pick(one.names));
    const second = sdot.words.lang === "ko" ? one.names.en : one.names.ko;
    fill(
      "live-panel",
      h(
        "header",
        { class: "head" },
        h("h2", { id: "panel-name", tabindex: -1 }, pick(one.names)),
        h("p", {}, second || ""),
        h("a", { class: "past", href: `/history?place=${one.code}&metric=${the.metric.key}` }, say("page_history")),
        h("button", { type: "button", class: "close", "data-act": "close" }, say("close"), h("kbd", {}, "Esc")),
      ),
      h(
        "ul",
        { class: "figures" },
        the.metrics.map((metric) => figure(the, one.code, metric)),
      ),
      the.past ? h("p", { class: "nothing" }, say("past_sensors")) : sensors(the, the.of(one.code, the.metric.key), node),
    );
  }

  function figure(the, code, metric) {
    const value = the.of(code, metric.key);
    const { say, figure: print } = sdot.words;
    const ends =
      value.s === "ok" && value.lo !== null
        ? h(
            "p",
            { class: "fine" },
            `${say("low")} ${print(metric, value.lo)} · ${say("high")} ${print(metric, value.hi)}`,
          )
        : null;
    return h(
      "li",
      { key: metric.key, class: metric === the.metric ? "figure chosen" : "figure" },
      h(
        "div",
        { class: "now" },
        h("h3", {}, sdot.city.nameOf(metric)),
        h("p", { class: "value" }, sdot.speech.value(the, metric, value)),
      ),
      sdot.city.spark(the, code, metric),
      h(
        "div",
        { class: "about" },
        before(the, code, metric),
        value.N ? sdot.city.fine(the, metric, value, true) : null,
        ends,
      ),
    );
  }

  // What it was a day before now; in the past nothing, since the day reaches no further back.
  function before(the, code, metric) {
    const k = the.past ? -1 : sdot.day.stepOf(the.now - DAY_MS, metric.key);
    const old = k < 0 ? null : sdot.day.figure(code, metric.key, k);
    if (!old || old.v === null) return null;
    return h("p", { class: "fine" }, sdot.words.say("day_ago", { v: sdot.words.figure(metric, old.v) }));
  }

  function sensors(the, value, node) {
    const { say, many } = sdot.words;
    if (!data.sensors) return h("p", { class: "nothing" }, say(data.failed ? "list_failed" : "loading"));
    const style = getComputedStyle(node);
    const width = Math.floor(node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
    const title = the.metric.aggregation === "sum" ? "panel_strip_sum" : "panel_strip";
    const head = h(
      "header",
      { class: "head" },
      h("h3", {}, many(title, data.sensors.length, { min: the.minutes })),
      h("p", {}, say("strip_dot")),
    );
    return [
      head,
      h("div", { class: "strip-box" }, sdot.strip.strip(the, the.metric, value, data.sensors, width)),
      data.failed ? h("p", { class: "nothing" }, say("list_failed")) : null,
      table(the),
    ];
  }

  const urgent = (sensor) => URGENCY[sensor.status] ?? 0;

  function table(the) {
    const { say, number, unit } = sdot.words;
    const sorted = [...data.sensors].sort(
      (a, b) => urgent(a) - urgent(b) || (b.shown ?? -1e9) - (a.shown ?? -1e9) || (a.serial < b.serial ? -1 : 1),
    );
    const rows = data.all ? sorted : sorted.slice(0, SHOWN);
    const head = ["sensor", "place", null, "age", "state"].map((key) =>
      h("th", { scope: "col" }, key ? say(key) : unit(the.metric)),
    );
    const more =
      sorted.length > SHOWN
        ? h(
            "button",
            { type: "button", class: "more", "data-act": "list", "aria-expanded": data.all ? "true" : "false" },
            data.all ? say("list_less") : say("list_more", { n: number(sorted.length) }),
          )
        : null;
    return [
      h(
        "table",
        { class: "sensors" },
        h("thead", {}, h("tr", {}, head)),
        h(
          "tbody",
          {},
          rows.map((sensor) => row(the, sensor)),
        ),
      ),
      h("div", { class: "list-foot" }, h("p", {}, say("list_order")), more),
    ];
  }

  function row(the, sensor) {
    const { say, pick, kind } = sdot.words;
    const person = urgent(sensor) < 3;
    const own = `status_${sensor.status}`;
    const why = sensor.why && sensor.status === "flagged" ? ` · ${pick(sensor.why)}` : "";
    const value =
      sensor.shown === null || sensor.shown === undefined ? "–" : sdot.words.figure(the.metric, sensor.shown);
    return h(
      "tr",
      { key: sensor.serial, class: `s-${sensor.status}` },
      h("th", { scope: "row", class: sensor.serial.length > 16 ? "long" : null }, sensor.serial),
      h("td", {}, kind(sensor.kind)),
      h("td", { class: "num" }, value),
      h("td", { class: "num" }, sdot.speech.ago(sensor.at)),
      h("td", { class: person ? "person" : "" }, `${own in the.config.text.en ? say(own) : sensor.status}${why}`),
    );
  }

  function toggle() {
    data.all = !data.all;
    if (last) draw(last);
  }

  sdot.panel = {
    panel,
    toggle,
    focusOn: (selector) => {
      focus = selector;
    },
  };
})();
