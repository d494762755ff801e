// What every page does alike, from its first message to each drawing of its regions; a page says where it differs.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const page = { name: "", own: null, config: null, view: null, data: null, health: "", pulse: "" };

  const put = (store, data) => window.dash_clientside.set_props(`${page.name}-${store}`, { data });

  // What the address keeps of a view: [the usual value, which stays out of it; text → value, null where it is none].
  const kept = () => page.own.kept(page.config);

  function firstView() {
    const query = new URLSearchParams(location.search);
    const view = { lang: oneOf(page.config.languages)(document.documentElement.lang) || page.config.languages[0] };
    for (const [key, [usual, read]] of Object.entries(kept())) {
      view[key] = query.has(key) ? (read(query.get(key)) ?? usual) : usual;
    }
    return view;
  }

  // The viewer chose something: into the address, and everything is drawn anew.
  function change(fields) {
    page.view = { ...page.view, ...fields };
    const query = new URLSearchParams(location.search);
    for (const [key, [usual]] of Object.entries(kept())) {
      const value = page.view[key];
      if (String(value) === String(usual)) query.delete(key);
      else query.set(key, value);
    }
    const search = query.size ? `?${query}` : "";
    if (search !== location.search) history.replaceState(history.state, "", `${location.pathname}${search}`);
    put("view", page.view);
  }

  const acts = {
    theme: (node) => {
      sdot.theme.choose(node.dataset.themeWanted);
      change({});
    },
  };

  const picks = {
    lang: (lang) => {
      sdot.theme.remember("sdot_lang", lang);
      document.documentElement.lang = lang;
      page.own.spoken?.();
      change({ lang });
    },
  };

  function act(event) {
    const node = event.target.closest("[data-act]");
    if (!node) return;
    const deed = acts[node.dataset.act] || (page.own.acts || {})[node.dataset.act];
    if (deed) deed(node);
  }

  function pick(event) {
    const name = event.target.dataset.pick;
    const deed = name && (picks[name] || (page.own.picks || {})[name]);
    if (deed) deed(event.target.value);
  }

  function tick(data) {
    page.data = data;
    page.health = JSON.stringify(data.health);
    put("tick", data);
  }

  // A beat brings no figures, but how the parts are: the database may be what is away.
  function beat(data) {
    const health = JSON.stringify(data.health);
    if (!data.health || health === page.health) return;
    page.health = health;
    if (page.data) page.data = { ...page.data, health: data.health };
    put("tick", page.data || { health: data.health });
  }

  // A beat that came before any tick is no snapshot.
  const whole = (data) => (data && data.seq ? data : null);

  // Each second by the page's own clock: did anything become old or lost meanwhile?
  function feel() {
    sdot.top.tick();
    const now = page.own.pulse(page.data, page.config);
    if (now === page.pulse) return;
    page.pulse = now;
    put("pulse", now);
  }

  function start(config) {
    if (page.config) return;
    page.config = config;
    page.view = firstView();
    document.documentElement.lang = page.view.lang;
    sdot.words.use(config, page.view.lang);
    sdot.theme.grades(config.standard);
    document.addEventListener("click", act);
    document.addEventListener("change", pick);
    sdot.theme.onChange(() => change({}));
    page.own.started?.();
    put("view", page.view);
    sdot.stream.start(tick, beat, page.own.stream);
    sdot.clock.every(feel);
    sdot.clock.start();
  }

  // All regions from one look at the stores. A region that fails is reported and leaves the others drawn.
  function draw(data, view, _pulse, config) {
    if (!view || !config) return;
    sdot.words.use(config, view.lang);
    const the = page.own.look(whole(data), view, config, data && data.health);
    for (const region of page.own.regions(the)) {
      try {
        region(the);
      } catch (error) {
        reportError(error);
      }
    }
  }

  // Let Dash drive the page `name` (`pages/skeleton.py`), whose scripts say, in `own`:
  // kept(config), look(snap, view, config, health), regions(the), pulse(snap, config), and, where it has any,
  // stream (its address), acts and picks (by data-act and data-pick), started() and spoken().
  function run(name, own) {
    Object.assign(page, { name, own });
    window.dash_clientside = Object.assign({}, window.dash_clientside, { [name]: { start, draw } });
  }

  // Reads a value that has to be one of these.
  const oneOf = (list) => (text) => (list.includes(text) ? text : null);

  sdot.page = {
    run,
    change,
    oneOf,
    act,
    get view() {
      return page.view;
    },
    get snap() {
      return whole(page.data);
    },
  };
})();
