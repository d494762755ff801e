// Dash's side of the Ingest page: each tick redraws the regions; each deed of the viewer changes the view.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const OLD_MS = 10000; // from then on the age of what is shown is told
  const SPANS = ["hour", "day"];
  let [view, config, snap, beatHealth, pulse] = [null, null, null, null, ""];

  const put = (id, data) => window.dash_clientside.set_props(id, { data });

  function firstView() {
    const wished = new URLSearchParams(location.search).get("span");
    const { lang } = document.documentElement;
    return {
      span: SPANS.includes(wished) ? wished : SPANS[0],
      lang: config.languages.includes(lang) ? lang : config.languages[0],
    };
  }

  function change(fields) {
    view = { ...view, ...fields };
    const query = new URLSearchParams(location.search);
    if (view.span === SPANS[0]) query.delete("span");
    else query.set("span", view.span);
    history.replaceState(history.state, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    put("ingest-view", view);
  }

  const acts = {
    span: (node) => change({ span: node.dataset.key }),
    theme: (node) => {
      sdot.theme.choose(node.dataset.themeWanted);
      change({});
    },
  };

  function speak(lang) {
    sdot.theme.remember("sdot_lang", lang);
    document.documentElement.lang = lang;
    change({ lang });
  }

  function listen() {
    document.addEventListener("click", (event) => {
      const node = event.target.closest("[data-act]");
      if (node && acts[node.dataset.act]) acts[node.dataset.act](node);
    });
    document.addEventListener("change", (event) => event.target.dataset.pick === "lang" && speak(event.target.value));
    addEventListener("resize", () => change({}));
    sdot.theme.onChange(() => change({}));
  }

  function tick(data) {
    snap = data;
    beatHealth = JSON.stringify(data.health);
    put("ingest-tick", data);
  }

  // A beat brings no figures, but how the parts are: the database may be what is away.
  function beat(data) {
    if (!data.health || JSON.stringify(data.health) === beatHealth) return;
    beatHealth = JSON.stringify(data.health);
    if (snap) snap = { ...snap, health: data.health };
    put("ingest-tick", snap || { health: data.health });
  }

  // Each second by the page's own clock: did anything become old or lost meanwhile?
  function feel() {
    sdot.top.tick();
    const now = `${sdot.stream.lost()} ${snap && sdot.clock.now() - snap.now > OLD_MS}`;
    if (now === pulse) return;
    pulse = now;
    put("ingest-pulse", now);
  }

  function start(given) {
    if (config) return;
    config = given;
    view = firstView();
    document.documentElement.lang = view.lang;
    sdot.words.use(config, view.lang);
    sdot.theme.grades(config.standard);
    listen();
    put("ingest-view", view);
    sdot.stream.start(tick, beat, "/api/stream/ingest");
    sdot.clock.every(feel);
    sdot.clock.start();
  }

  function look(data, newView, newConfig) {
    const whole = data && data.spans ? data : null;
    const [now, lost] = [sdot.clock.now(), sdot.stream.lost()];
    const causes = sdot.top.causes(data && data.health, lost, now);
    return { snap: whole, view: newView, config: newConfig, now, lost, causes, span: whole && whole.spans[newView.span] };
  }

  function header(the) {
    const { pick, say } = sdot.words;
    const at = the.snap && the.snap.last_at;
    const node = fill(
      "ingest-header",
      h("h1", {}, pick(the.config.city.titles)),
      sdot.top.pages(the.config),
      h(
        "p",
        { class: "link" },
        sdot.top.state(the.causes.length, the.snap),
        h("span", { class: "dot" }, "·"),
        h(
          "span",
          { class: "data-age" },
          at ? say("last_minute", { time: sdot.words.hhmm(at) }) : say("no_data"),
        ),
      ),
      sdot.top.time(),
      sdot.top.controls(the.config, the.view.lang),
    );
    fill("ingest-skip", say("skip_to_quarantine"));
    return node;
  }

  function cause(the) {
    fill(
      "ingest-cause",
      the.causes.map((one) => h("p", { key: one.part, class: "cause" }, h("b", {}, sdot.top.sentence(the.config, the.now, one)))),
    );
    const old = the.snap && the.now - the.snap.now > OLD_MS;
    fill("ingest-cause-age", old ? h("span", { "data-at": the.snap.now, "data-say": "cause_age", "data-exact": true }) : null);
    const root = document.getElementById("ingest");
    root.classList.toggle("has-cause", the.causes.length > 0 || Boolean(old));
    root.classList.toggle("is-old", Boolean(old));
  }

  const foot = (the) => fill("ingest-foot", sdot.top.pages(the.config), sdot.top.controls(the.config, the.view.lang));

  const always = [header, cause, (the) => sdot.book.finding(the), foot];
  const regions = [
    (the) => sdot.book.book(the),
    (the) => sdot.charts.rate(the),
    (the) => sdot.charts.lag(the),
    (the) => sdot.charts.outcomes(the),
    (the) => sdot.slots.slots(the),
    (the) => sdot.gaps.gaps(the),
    (the) => sdot.refused.reasons(the),
    (the) => sdot.refused.cases(the),
  ];

  // All regions from one look at the stores. A region that fails is reported and leaves the others drawn.
  function draw(data, newView, _pulse, newConfig) {
    if (!newView || !newConfig) return;
    sdot.words.use(newConfig, newView.lang);
    const the = look(data, newView, newConfig);
    document.getElementById("ingest").classList.toggle("is-empty", !the.snap);
    for (const region of the.snap ? [...always, ...regions] : always) {
      try {
        region(the);
      } catch (error) {
        reportError(error);
      }
    }
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { ingest: { start, draw } });
})();
