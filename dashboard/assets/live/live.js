// Dash's side of the Live page: what the viewer may choose, and which regions are drawn from a look at the city.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const MODES = ["grade", "value", "sensors"];
  const { change, oneOf } = sdot.page;
  let opener = null;

  const kept = (config) => ({
    metric: [config.headline, oneOf(config.metrics.map((m) => m.key))],
    mode: [MODES[0], oneOf(MODES)],
    district: [null, oneOf(config.districts.map((d) => d.code))],
  });

  const acts = {
    metric: (node) => change({ metric: node.dataset.key }),
    mode: (node) => change({ mode: node.dataset.key }),
    district: (node) => openDistrict(node),
    close: () => closeDistrict(),
    ranking: () => {
      sdot.ranking.toggle();
      change({});
    },
    list: () => sdot.panel.toggle(),
    play: () => sdot.timeline.play(),
    live: () => sdot.timeline.live(),
    instant: (node) => sdot.timeline.go(Number(node.dataset.step)),
    feed: () => {
      sdot.feed.toggle();
      change({});
    },
    "zoom-in": () => sdot.pan.step.in(),
    "zoom-out": () => sdot.pan.step.out(),
    "zoom-fit": () => sdot.pan.step.fit(),
  };

  const picks = { metric: (value) => value && change({ metric: value }) };

  function openDistrict(node) {
    if (sdot.page.view.district === node.dataset.code) {
      closeDistrict();
      return;
    }
    opener = node.closest("#live-map, #live-ranking").id;
    sdot.panel.focusOn("#panel-name");
    change({ district: node.dataset.code });
  }

  // The focus goes back to where the panel was opened from.
  function closeDistrict() {
    const { district } = sdot.page.view;
    if (!district) return;
    sdot.panel.focusOn(`#${opener || "live-map"} [data-code="${district}"]`);
    change({ district: null });
  }

  function keyed(event) {
    if (event.key === "Escape") {
      if (sdot.page.view.at) sdot.timeline.live();
      else closeDistrict();
    }
    const onMap = event.target.matches && event.target.matches("path[data-act]");
    if (onMap && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      sdot.page.act(event);
    }
  }

  function mapHead(the) {
    const { h, fill } = sdot.dom;
    const { say, hhmm, unit, district } = sdot.words;
    const sum = the.metric.aggregation === "sum";
    const now = the.past ? the.past.at : the.snap ? the.snap.now : the.now;
    const words = {
      min: the.minutes,
      from: hhmm(now - the.minutes * 60000),
      to: hhmm(now),
      unit: unit(the.metric),
      word: district(),
    };
    const modes = MODES.filter((key) => key !== "grade" || the.graded).map((key) =>
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
      the.past ? h("b", { class: "past-mark" }, say("past", { time: sdot.timeline.when(the, the.past.at) })) : null,
      h("p", {}, the.past ? `${words.from}–${words.to} · ${words.unit}` : say(sum ? "map_sub_sum" : "map_sub", words)),
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
    (the) => document.getElementById("live").classList.toggle("is-past", Boolean(the.past)),
    mapHead,
    (the) => sdot.timeline.draw(the),
    (the) => sdot.city.hero(the),
    (the) => sdot.ranking.legend(the),
    (the) => sdot.map.draw(the),
    (the) => sdot.ranking.ranking(the),
    (the) => sdot.city.city(the),
    (the) => sdot.city.attention(the),
    (the) => sdot.city.empty(the),
    (the) => sdot.panel.panel(the),
    (the) => sdot.feed.draw(the),
    (the) => sdot.top.foot("live", the),
  ];

  sdot.page.run("live", {
    kept,
    acts,
    picks,
    started: () => {
      document.addEventListener("keydown", keyed);
      addEventListener("resize", () => change({}));
    },
    spoken: () => sdot.header.forget(),
    pulse: (snap, config) => sdot.figures.pulse(snap, config),
    look: (snap, view, config) => {
      sdot.day.refresh(snap, Boolean(view.at), () => change({}));
      return sdot.figures.look(snap, view, config);
    },
    regions: () => regions,
  });
})();
