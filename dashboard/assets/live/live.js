// Dash's side of the Live page: each store's change redraws the regions; each deed of the viewer changes a store.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const SEEN = ["metric", "mode", "district"]; // what the address of the page keeps
  let view = null;
  let config = null;
  let beatHealth = null;
  let snap = null;
  let pulse = "";
  let opener = null;

  const put = (id, data) => window.dash_clientside.set_props(id, { data });

  function firstView() {
    const query = new URLSearchParams(location.search);
    const wished = Object.fromEntries(SEEN.map((key) => [key, query.get(key)]));
    const has = (list, value) => (list.includes(value) ? value : null);
    return {
      metric:
        has(
          config.metrics.map((m) => m.key),
          wished.metric,
        ) || config.headline,
      mode: has(["grade", "value", "sensors"], wished.mode) || "grade",
      district: has(
        config.districts.map((d) => d.code),
        wished.district,
      ),
      lang: has(config.languages, document.documentElement.lang) || config.languages[0],
    };
  }

  function change(fields) {
    view = { ...view, ...fields };
    const query = new URLSearchParams(location.search);
    const usual = { metric: config.headline, mode: "grade", district: null };
    for (const key of SEEN) {
      if (view[key] === usual[key]) query.delete(key);
      else query.set(key, view[key]);
    }
    history.replaceState(history.state, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    put("live-view", view);
  }

  const acts = {
    metric: (node) => change({ metric: node.dataset.key }),
    mode: (node) => change({ mode: node.dataset.key }),
    district: (node) => openDistrict(node),
    close: () => closeDistrict(),
    theme: (node) => {
      sdot.theme.choose(node.dataset.themeWanted);
      change({});
    },
    ranking: () => {
      sdot.ranking.toggle();
      change({});
    },
    list: () => sdot.panel.toggle(),
    "zoom-in": () => sdot.pan.step.in(),
    "zoom-out": () => sdot.pan.step.out(),
    "zoom-fit": () => sdot.pan.step.fit(),
  };

  const picks = {
    metric: (value) => value && change({ metric: value }),
    lang: (value) => speak(value),
  };

  function speak(lang) {
    sdot.theme.remember("sdot_lang", lang);
    document.documentElement.lang = lang;
    sdot.header.forget();
    change({ lang });
  }

  function openDistrict(node) {
    if (view.district === node.dataset.code) {
      closeDistrict();
      return;
    }
    opener = node.closest("#live-map, #live-ranking").id;
    sdot.panel.focusOn("#panel-name");
    change({ district: node.dataset.code });
  }

  // The focus goes back to where the panel was opened from.
  function closeDistrict() {
    if (!view.district) return;
    sdot.panel.focusOn(`#${opener || "live-map"} [data-code="${view.district}"]`);
    change({ district: null });
  }

  function listen() {
    const act = (event) => {
      const node = event.target.closest("[data-act]");
      if (node && acts[node.dataset.act]) acts[node.dataset.act](node);
    };
    document.addEventListener("click", act);
    document.addEventListener("change", (event) => {
      const { pick } = event.target.dataset;
      if (pick) picks[pick](event.target.value);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") closeDistrict();
      const onMap = event.target.matches && event.target.matches("path[data-act]");
      if (onMap && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        act(event);
      }
    });
    sdot.theme.onChange(() => change({}));
  }

  // A beat brings no figures, but how the parts are.
  function beat(data) {
    if (!snap || !data.health) return;
    const health = JSON.stringify(data.health);
    if (health === beatHealth) return;
    beatHealth = health;
    tick({ ...snap, health: data.health });
  }

  function tick(data) {
    snap = data;
    beatHealth = JSON.stringify(data.health);
    put("live-tick", data);
  }

  // Each second by the page's own clock: has anything become old or lost meanwhile?
  function feel() {
    sdot.top.tick();
    const now = sdot.figures.pulse(snap, config);
    if (now === pulse) return;
    pulse = now;
    put("live-pulse", now);
  }

  function start(given) {
    if (config) return;
    config = given;
    view = firstView();
    document.documentElement.lang = view.lang;
    sdot.words.use(config, view.lang);
    sdot.theme.grades(config.standard);
    listen();
    put("live-view", view);
    sdot.stream.start(tick, beat);
    sdot.clock.every(feel);
    sdot.clock.start();
  }

  function mapHead(the) {
    const { h, fill } = sdot.dom;
    const { say, hhmm, unit, district } = sdot.words;
    const sum = the.metric.aggregation === "sum";
    const now = the.snap ? the.snap.now : the.now;
    const words = {
      min: the.minutes,
      from: hhmm(now - the.minutes * 60000),
      to: hhmm(now),
      unit: unit(the.metric),
      word: district(),
    };
    const modes = ["grade", "value", "sensors"]
      .filter((key) => key !== "grade" || the.graded)
      .map((key) =>
        h(
          "button",
          {
            key,
            type: "button",
            "data-act": "mode",
            "data-key": key,
            "aria-pressed": the.mode === key ? "true" : "false",
          },
          say(`mode_${key}`),
        ),
      );
    fill(
      "live-maphead",
      h("h2", {}, sdot.city.nameOf(the.metric)),
      h("p", {}, say(sum ? "map_sub_sum" : "map_sub", words)),
      h("div", { class: "modes", role: "group", "aria-label": say("mode") }, modes),
    );
    const tools = { in: "+", out: "−", fit: "⤢" };
    fill(
      "live-tools",
      Object.entries(tools).map(([key, sign]) =>
        h(
          "button",
          {
            key,
            type: "button",
            "data-act": `zoom-${key}`,
            "aria-label": say(`zoom_${key}`),
            title: say(`zoom_${key}`),
          },
          sign,
        ),
      ),
    );
    fill("live-skip", say("skip_map"));
  }

  const regions = [
    (the) => sdot.header.header(the),
    (the) => sdot.header.cause(the),
    mapHead,
    (the) => sdot.city.hero(the),
    (the) => sdot.ranking.legend(the),
    (the) => sdot.map.draw(the),
    (the) => sdot.ranking.ranking(the),
    (the) => sdot.city.city(the),
    (the) => sdot.city.attention(the),
    (the) => sdot.city.empty(the),
    (the) => sdot.panel.panel(the),
    (the) => sdot.header.foot(the),
  ];

  // All regions from one look at the stores. A region that fails is reported and leaves the others drawn.
  function draw(newSnap, newView, newPulse, newConfig) {
    if (!newView || !newConfig) return;
    sdot.words.use(newConfig, newView.lang);
    const the = sdot.figures.look(newSnap, newView, newConfig);
    for (const region of regions) {
      try {
        region(the);
      } catch (error) {
        reportError(error);
      }
    }
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { live: { start, draw } });
})();
