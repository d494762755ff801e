// Dash's side of the History page: the address and its answers, what the viewer may choose, and which regions there are.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const state = { asked: null, freed: false, config: null, the: null, drawn: 0 };

  // Anything of ours changed: all regions are looked at again.
  const told = () => sdot.page.change({ turn: (sdot.page.view.turn || 0) + 1 });

  // Nobody but the viewer knows which sensor is meant.
  const unnamed = () => state.asked.unit === "sensor" && !state.asked.places.length;

  // Whoever reloads the page, or is sent its address, is to see the district that the server chose now.
  function settle() {
    const { shown } = sdot.answers.have;
    if (!shown || shown.asked !== state.asked || state.asked.places.length) return;
    state.asked.places = shown.answers[0].series.map((series) => series.place);
    sdot.address.keep(state.asked);
  }

  function answered() {
    settle();
    return told();
  }

  function ask() {
    if (!unnamed()) return sdot.answers.ask(state.asked, answered);
    sdot.answers.forget();
    return told();
  }

  // Something else is asked for: into the address, and to the server.
  function go(fields) {
    const asked = { ...state.asked, ...fields };
    if (!sdot.address.go(asked)) return;
    state.asked = asked;
    state.freed = false;
    ask();
  }

  function arrived() {
    state.asked = sdot.address.read(location.search, state.config.headline);
    state.freed = false;
    ask();
  }

  // A span that was dragged over in the chart, as Plotly writes its ends: the city's clock.
  function between(from, to) {
    const minute = (text) => String(text).replace(" ", "T").slice(0, 16);
    const whole = (text) => (text.length === 10 ? `${text}T00:00` : text);
    const [start, end] = [whole(minute(from)), whole(minute(to))];
    if (start < end) go({ span: "", from: start, to: end });
    else {
      sdot.chart.forget();
      told();
    }
  }

  // The places that are shown: chosen ones, else those the server chose.
  function placesOf(shown) {
    if (state.asked.places.length) return state.asked.places;
    if (!shown || shown.asked.unit !== state.asked.unit) return [];
    return shown.answers[0].series.map((series) => series.place);
  }

  function look(snap, view, config, health) {
    const [now, lost] = [sdot.clock.now(), sdot.stream.lost()];
    const { shown, busy, trouble } = sdot.answers.have;
    const { asked, freed } = state;
    const causes = sdot.top.causes(health, lost, now);
    state.the = {
      snap,
      view,
      config,
      now,
      lost,
      causes,
      shown,
      busy,
      trouble,
      asked,
      freed,
      unnamed: unnamed(),
      places: placesOf(shown),
    };
    return state.the;
  }

  function header(the) {
    const { pick, say } = sdot.words;
    const at = the.snap && the.snap.data_at;
    const age = at ? h("span", { "data-at": at, "data-say": "data_age", "data-exact": true }) : say("no_data");
    fill(
      "history-header",
      h("h1", {}, pick(the.config.city.titles)),
      sdot.top.pages(the.config),
      h(
        "p",
        { class: "link" },
        sdot.top.state(the.causes.length, the.snap),
        h("span", { class: "dot" }, "·"),
        h("span", { class: "data-age" }, age),
      ),
      sdot.top.time(),
      sdot.top.controls(the.config, the.view.lang),
    );
    fill("history-skip", say("skip_to_finding"));
  }

  function cause(the) {
    sdot.top.cause("history", the, the.causes, null);
    const root = document.getElementById("history");
    root.classList.toggle("has-cause", the.causes.length > 0);
    root.classList.toggle("is-busy", the.busy);
    root.classList.toggle("is-empty", !the.shown);
    root.classList.toggle("is-stale", Boolean(the.trouble));
    root.setAttribute("aria-busy", the.busy ? "true" : "false");
  }

  // What went wrong with the last question, and what can be done; what is shown below is of the one before.
  function trouble(the) {
    const { say } = sdot.words;
    if (!the.trouble) {
      fill("history-trouble");
      return;
    }
    const below = the.shown ? ` ${say("failed_below")}` : "";
    fill(
      "history-trouble",
      h("p", {}, h("b", {}, sdot.answers.sentence(the.trouble.error)), below),
      h("button", { type: "button", "data-act": "again" }, say("again")),
      h("a", { class: "button", href: "/history" }, say("failed_start")),
    );
  }

  // The chart comes after its script; everything else is there at once.
  function chart(the) {
    if (!the.shown) return;
    sdot.chart.chart(the, the.shown).then(
      (fresh) => fresh && drawn(),
      (error) => {
        sdot.answers.have.trouble ??= { error: { status: 0, text: null }, asked: the.asked };
        reportError(error);
        told();
      },
    );
  }

  // For whoever waits for it.
  function drawn() {
    state.drawn += 1;
    document.getElementById("history").dataset.drawn = String(state.drawn);
    performance.mark("history-drawn");
  }

  const regions = [
    header,
    cause,
    (the) => sdot.controls.controls(the),
    (the) => sdot.finding.finding(the),
    trouble,
    (the) => sdot.multiples.multiples(the),
    (the) => sdot.finding.legend(the),
    chart,
    (the) => sdot.top.foot("history", the),
  ];

  const without = (list, key) => list.filter((one) => one !== key);

  // A place of the list comes first; another takes the place of the selected one.
  function bring(code) {
    const places = state.the.places;
    if (state.asked.unit !== "district") {
      const district = state.config.districts.some((one) => one.code === code);
      if (district) return go({ unit: "district", places: [code] });
    }
    return go({ places: places.includes(code) ? [code, ...without(places, code)] : [code, ...places.slice(1)] });
  }

  const acts = {
    bring: (node) => bring(node.dataset.code),
    before: () => go({ before: !state.asked.before }),
    again: ask,
    "drop-place": (node) => go({ places: without(state.the.places, node.dataset.key) }),
    "drop-metric": (node) => go({ metrics: without(state.asked.metrics, node.dataset.key) }),
    picture: (node) => sdot.chart.picture(state.the, state.the.shown, node.dataset.format),
  };

  function metricAt(i, key) {
    const metrics = state.asked.metrics.map((old, at) => (at === i ? key : old));
    go({ metrics: [...new Set(metrics)] });
  }

  function span(value) {
    if (value) return go({ span: value, from: "", to: "" });
    state.freed = true; // the fields appear, with what is shown now
    return told();
  }

  const picks = {
    metric0: (key) => metricAt(0, key),
    metric1: (key) => metricAt(1, key),
    metric2: (key) => metricAt(2, key),
    metric3: (key) => metricAt(3, key),
    "metric-add": (key) => key && go({ metrics: [...state.asked.metrics, key] }),
    "place-add": (code) => code && go({ places: [...state.the.places, code] }),
    "sensor-add": (serial) => serial.trim() && addSensor(serial.trim()),
    unit: (unit) => go({ unit, places: [] }),
    span,
  };

  function addSensor(serial) {
    document.getElementById("history-search").value = "";
    if (!state.the.places.includes(serial)) go({ places: [...state.the.places, serial] });
  }

  function submitted(event) {
    if (event.target.dataset.form !== "between") return;
    event.preventDefault();
    const [from, to] = ["from", "to"].map((name) => document.getElementById(`history-${name}`).value.slice(0, 16));
    go({ span: "", from, to });
  }

  function started() {
    addEventListener("popstate", arrived);
    addEventListener("resize", () => sdot.page.change({}));
    document.addEventListener("submit", submitted);
    document.addEventListener("input", (event) => sdot.controls.typed(event, told));
    sdot.chart.load(state.config.plotly).catch(() => {}); // beside the question; a failure is told where it is drawn
    sdot.clock.every(() => unnamed() || sdot.answers.again(state.asked, told));
    arrived();
  }

  sdot.history = { between };
  sdot.page.run("history", {
    kept: (config) => {
      state.config = config;
      return {};
    },
    acts,
    picks,
    started,
    pulse: () => String(sdot.stream.lost()),
    look,
    regions: () => regions,
  });
})();
