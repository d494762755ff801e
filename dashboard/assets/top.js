// What the top of every page shares: the other pages, is it alive, what time, theme and language, and what is wrong.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, patch, fill } = sdot.dom;
  const ORDER = ["database", "broker", "ingest", "slots"]; // the root first

  // "/" is called page_live, "/ingest" page_ingest.
  const pageName = (path) => sdot.words.say(`page_${path.slice(1) || "live"}`);

  function pages(config) {
    if (config.pages.length < 2) return null;
    const link = (path) => {
      const here = path === location.pathname;
      return h("a", { key: path, href: path, "aria-current": here ? "page" : null }, pageName(path));
    };
    return h("nav", { class: "pages", "aria-label": sdot.words.say("pages") }, config.pages.map(link));
  }

  // What stands between the page and the truth: behind a lost server nothing else is known.
  function causes(health, lost, now) {
    if (lost) return [{ part: "server", since: now - sdot.clock.silence(), detail: {} }];
    if (!health) return [];
    const parts = Object.entries(health.parts).filter(([, state]) => !state.ok);
    parts.sort((a, b) => ORDER.indexOf(a[0]) - ORDER.indexOf(b[0]));
    return parts.map(([part, state]) => ({ part, since: state.since, detail: state.detail || {} }));
  }

  // A cause in words, with its time.
  function sentence(config, now, { part, since, detail }) {
    const { say, moment, hhmmss } = sdot.words;
    const own = `cause_${part}`;
    const words = detail[sdot.words.lang] || (own in config.text.en ? say(own) : say("cause_other", { part }));
    if (!since) return words;
    const time = now - since < 43200000 ? hhmmss(since) : moment(since, now);
    return say("cause_since", { cause: words, time });
  }

  // Lamp and words: all up, so many down, or not connected yet.
  function state(down, known) {
    const { say, many } = sdot.words;
    const which = down ? "down" : known ? "up" : "wait";
    const short = {
      down: () => many("links_down", down),
      up: () => say("links_up_short"),
      wait: () => say("connecting"),
    }[which]();
    return h(
      "span",
      { class: `state ${which}` },
      h("i", { class: "lamp" }),
      h("span", { class: "full" }, which === "up" ? say("links_up") : short),
      h("span", { class: "short" }, short),
    );
  }

  function time() {
    const now = sdot.clock.now();
    const { date, hhmm, hhmmss } = sdot.words;
    const face = [h("span", {}, hhmm(now)), h("span", { class: "seconds" }, hhmmss(now).slice(-3))];
    return h("p", { class: "time" }, h("span", { class: "date" }, date(now)), h("span", { class: "face" }, face));
  }

  // Called each second: the face runs whether or not anything arrives.
  function tick() {
    const node = document.querySelector(".bar .time");
    if (node) patch(node, time().kids);
  }

  // A pack may have languages that our words lack; they are named by the browser.
  const languageName = (config, lang) =>
    (config.text[lang] || {}).language_name || new Intl.DisplayNames([lang], { type: "language" }).of(lang);

  function controls(config, lang) {
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
        { "data-pick": "lang", "aria-label": say("language"), value: lang },
        config.languages.map((one) => h("option", { value: one, lang: one }, languageName(config, one))),
      ),
    );
  }

  // Announced politely: only what is wrong. The growing age of what is shown (from `at` on) is for the eye.
  function cause(page, the, found, at) {
    fill(
      `${page}-cause`,
      found.map((one) => h("p", { key: one.part, class: "cause" }, h("b", {}, sentence(the.config, the.now, one)))),
    );
    fill(`${page}-cause-age`, at ? h("span", { "data-at": at, "data-say": "cause_age", "data-exact": true }) : null);
  }

  // On a phone, where the header has no room for them.
  const foot = (page, the) => fill(`${page}-foot`, pages(the.config), controls(the.config, the.view.lang));

  sdot.top = { pages, causes, state, time, tick, controls, cause, foot };
})();
