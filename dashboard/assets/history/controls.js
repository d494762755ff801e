// What may be chosen: metrics, span, districts or sensors, the time before; and what can be taken away.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const TYPING_MS = 250;
  const WHOLE = "2026-11-24T14:30".length;
  const WIDE_PX = 900; // as in page.css
  const found = { text: "", list: [], timer: 0 };

  const option = (value, text) => h("option", { value, key: value }, text);

  function metricOption(metric) {
    const { name, formula } = sdot.words.metricName(metric);
    return option(metric.key, `${[name, formula].filter(Boolean).join(" ")} (${sdot.words.unit(metric)})`);
  }

  // One select a metric; the first is the one that is compared below.
  function metrics(the) {
    const { say } = sdot.words;
    const { asked, config } = the;
    const select = (key, i) =>
      h(
        "span",
        { class: "chip", key: `m${i}` },
        h(
          "select",
          { "data-pick": `metric${i}`, "aria-label": say(i ? "metric_more" : "metric"), value: key },
          config.metrics.some((metric) => metric.key === key) ? null : option(key, key),
          config.metrics.map(metricOption),
        ),
        i ? remove("drop-metric", key, say("remove", { name: key })) : null,
      );
    const rest = config.metrics.filter((metric) => !asked.metrics.includes(metric.key));
    return [
      asked.metrics.map(select),
      asked.metrics.length < sdot.address.MOST_METRICS
        ? h(
            "select",
            { key: "m+", class: "add", "data-pick": "metric-add", "aria-label": say("add_metric"), value: "" },
            option("", `+ ${say("metric")}`),
            rest.map(metricOption),
          )
        : null,
    ];
  }

  const remove = (act, key, label) =>
    h("button", { type: "button", class: "remove", "data-act": act, "data-key": key, "aria-label": label }, "×");

  function spans(the) {
    const { say } = sdot.words;
    const free = the.asked.span === "";
    const known = sdot.address.SPANS.includes(the.asked.span);
    return [
      h(
        "select",
        { key: "span", "data-pick": "span", "aria-label": say("span_choose"), value: the.asked.span },
        known || free ? null : option(the.asked.span, the.asked.span),
        sdot.address.SPANS.map((span) => option(span, say(`last_${span}`))),
        option("", say("span_free")),
      ),
      free || the.freed ? between(the) : null,
    ];
  }

  function between(the) {
    const { say } = sdot.words;
    const input = (name) => {
      const given = the.asked[name];
      const shown = the.shown ? sdot.zone.written(the.shown.answers[0][name === "from" ? "start" : "end"]) : "";
      const value = given.length === WHOLE ? given : shown; // a day alone does not fit into the field
      return h("input", {
        key: name,
        type: "datetime-local",
        id: `history-${name}`,
        "aria-label": say(`span_${name}`),
        value,
      });
    };
    return h(
      "form",
      { key: "between", class: "between", "data-form": "between" },
      input("from"),
      h("span", { "aria-hidden": "true" }, "–"),
      input("to"),
      h("button", { type: "submit" }, say("span_show")),
    );
  }

  // The places that are drawn, the selected one first; each can be selected or taken away.
  function places(the) {
    const { say } = sdot.words;
    const list = the.places;
    const chip = (code, i) =>
      h(
        "span",
        { class: `chip place p${Math.min(i, 3)}`, key: `p-${code}` },
        h(
          "button",
          { type: "button", "data-act": "bring", "data-code": code, "aria-pressed": i === 0 ? "true" : "false" },
          h("i", { class: "stroke", "aria-hidden": "true" }),
          sdot.finding.placeName(the, code),
        ),
        list.length > 1 ? remove("drop-place", code, say("remove", { name: sdot.finding.placeName(the, code) })) : null,
      );
    return [unit(the), list.map(chip), list.length < sdot.address.MOST_PLACES ? add(the) : null];
  }

  function unit(the) {
    const { say } = sdot.words;
    const word = sdot.words.district(2);
    return h(
      "select",
      { key: "unit", "data-pick": "unit", "aria-label": say("unit_choose"), value: the.asked.unit },
      ["district", "sensor"].includes(the.asked.unit) ? null : option(the.asked.unit, the.asked.unit),
      option("district", word.charAt(0).toUpperCase() + word.slice(1)),
      option("sensor", say("unit_sensors")),
    );
  }

  function add(the) {
    const { say } = sdot.words;
    if (the.asked.unit === "sensor") return search(say("add_sensor"));
    const rest = the.config.districts.filter((one) => !the.places.includes(one.code));
    const label = say("add_place", { word: sdot.words.district(1) });
    return h(
      "select",
      { key: "p+", class: "add", "data-pick": "place-add", "aria-label": label, value: "" },
      option("", `+ ${label}`),
      rest.map((one) => option(one.code, sdot.words.pick(one.names))),
    );
  }

  function search(label) {
    return h(
      "span",
      { key: "s+", class: "search" },
      h("input", {
        type: "search",
        id: "history-search",
        list: "history-found",
        placeholder: `+ ${label}`,
        "aria-label": label,
        "data-pick": "sensor-add",
        autocomplete: "off",
        spellcheck: "false",
        maxlength: "64",
      }),
      h(
        "datalist",
        { id: "history-found" },
        found.list.map((one) => h("option", { value: one.serial, key: one.serial }, about(one))),
      ),
    );
  }

  function about(sensor) {
    const { say } = sdot.words;
    const state = `state_${sensor.state}`;
    const words = say(state);
    return [sensor.district, words === state ? sensor.state : words].filter(Boolean).join(" · ");
  }

  // While a serial is typed, those that fit are asked for.
  function typed(event, told) {
    if (event.target.id !== "history-search") return;
    const text = event.target.value.trim();
    clearTimeout(found.timer);
    if (text === found.text || found.list.some((one) => one.serial === text)) return;
    found.timer = setTimeout(() => look(text, told), TYPING_MS);
  }

  async function look(text, told) {
    found.text = text;
    const answer = await fetch(`/api/history/sensors?${new URLSearchParams({ q: text })}`).catch(() => null);
    const list = answer && answer.ok ? await answer.json().catch(() => []) : [];
    if (found.text !== text) return;
    found.list = Array.isArray(list) ? list : list.sensors || [];
    told();
  }

  function take(the) {
    const { say } = sdot.words;
    const csv = the.shown ? `/api/history.csv?${sdot.address.ofTable(the.shown.asked, the.places, the.shown.answers)}` : null;
    const picture = (format) =>
      h(
        "button",
        { type: "button", key: format, "data-act": "picture", "data-format": format, disabled: !the.shown },
        format.toUpperCase(),
      );
    return h(
      "div",
      { class: "take", key: "take" },
      h(
        "a",
        {
          class: "button csv",
          key: "csv",
          href: csv,
          download: "",
          title: say("csv_hint"),
          "aria-disabled": csv ? null : "true",
        },
        "CSV",
      ),
      picture("png"),
      picture("svg"),
    );
  }

  function controls(the) {
    const { say } = sdot.words;
    const label = say(sdot.finding.isLong(the) ? "before_span" : "before_week");
    const wide = innerWidth >= WIDE_PX;
    const body = [
      metrics(the),
      spans(the),
      places(the),
      h(
        "button",
        {
          type: "button",
          key: "before",
          class: "before",
          "data-act": "before",
          "aria-pressed": the.asked.before ? "true" : "false",
        },
        h("i", { class: "stroke dots", "aria-hidden": "true" }),
        label.charAt(0).toUpperCase() + label.slice(1),
      ),
      take(the),
    ];
    fill(
      "history-controls",
      h(
        "details",
        { open: wide || the.unnamed },
        h("summary", {}, h("b", {}, say("controls")), h("span", {}, chosen(the))),
        h("div", { class: "choices" }, body),
      ),
    );
  }

  // On a phone the choices are folded up: the finding comes first.
  function chosen(the) {
    const { say, pick } = sdot.words;
    const names = the.asked.metrics.map((key) =>
      pick((sdot.scale.metricOf(the.config, key) || { short: { en: key } }).short),
    );
    const span = sdot.address.SPANS.includes(the.asked.span)
      ? say(`over_${the.asked.span}`)
      : `${the.asked.from} – ${the.asked.to}`;
    return [...names, span.replaceAll("T", " "), ...the.places.map((code) => sdot.figure.nameOf(the, code))].join(
      " · ",
    );
  }

  sdot.controls = { controls, typed };
})();
