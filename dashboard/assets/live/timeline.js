// Districts per grade, every 10 minutes of the last 24 hours: the arrival of a front, and the slider that goes back to it.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const FRAME_MS = 110; // between two steps while it plays: a day in 16 s
  const HOUR_MS = 3600000;
  const HOLE = 6; // steps without any figure that are told with their length
  let [playing, timer, pending, key, shown] = [false, null, null, "", null];
  let kept = { key: "", data: null, columns: [] }; // how many districts had what, by step

  const count = () => sdot.day.steps(key);
  const place = () => {
    const { at } = sdot.page.view;
    return at ? sdot.day.nearest(at, key) : count();
  };

  // Go to a step; the one behind the last is now.
  function go(k) {
    const to = Math.min(count(), Math.max(0, k));
    const at = to === count() ? null : sdot.day.at(to);
    if (at !== (sdot.page.view.at || null)) sdot.page.change({ at });
  }

  function stop() {
    if (!playing) return;
    playing = false;
    clearTimeout(timer);
    sdot.page.change({});
  }

  // The next frame is ordered when this one is drawn, so that a slow machine plays slower and never piles up.
  function frame() {
    if (!playing) return;
    const next = place() + 1;
    if (next >= count()) {
      playing = false;
      go(count());
      return;
    }
    go(next);
    requestAnimationFrame(() => {
      timer = setTimeout(frame, FRAME_MS);
    });
  }

  function play() {
    if (playing) {
      stop();
      return;
    }
    playing = true;
    if (place() >= count()) go(0);
    else sdot.page.change({});
    timer = setTimeout(frame, FRAME_MS);
  }

  function live() {
    if (playing) stop();
    if (sdot.page.view.at) sdot.page.change({ at: null });
  }

  const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -6, PageUp: 6 };

  function keyed(event) {
    const known = event.key in KEYS || ["Home", "End", " "].includes(event.key);
    if (!known) return;
    event.preventDefault();
    if (event.key === " ") {
      play();
      return;
    }
    if (playing) stop();
    if (event.key in KEYS) go(place() + KEYS[event.key]);
    else go(event.key === "Home" ? 0 : count());
  }

  function dragged(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const order = pending === null;
    pending = Math.floor(share * (count() + 1));
    if (!order) return;
    requestAnimationFrame(() => {
      const to = pending;
      pending = null;
      go(to);
    });
  }

  function watch(slider) {
    if (slider.sdotWatched) return;
    slider.sdotWatched = true;
    slider.addEventListener("keydown", keyed);
    slider.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      if (playing) stop();
      slider.setPointerCapture(event.pointerId);
      slider.focus({ preventScroll: true });
      dragged(event);
    });
    slider.addEventListener("pointermove", (event) => slider.hasPointerCapture(event.pointerId) && dragged(event));
  }

  // How many districts have each grade, and how many have none, at a step; behind the last, now.
  function tally(the, k) {
    const counts = { grades: the.config.standard.bands.map(() => 0), few: 0, none: 0, stale: 0, ok: 0 };
    for (const { code } of the.config.districts) {
      const figure = k < count() ? sdot.day.figure(code, key, k) : the.live(code, key);
      if (figure.s === "ok" && figure.g !== null) counts.grades[figure.g] += 1;
      counts[figure.s] += 1;
    }
    return counts;
  }

  // Layers from the ground up: the grades, best first, then districts without one.
  function layersOf(the, codes) {
    const names = [...the.config.standard.bands.map((_, i) => `g${i}`), "void"];
    const column = (figureOf) => {
      const sizes = names.map(() => 0);
      for (const code of codes) {
        const figure = figureOf(code);
        sizes[figure.s === "ok" && figure.g !== null ? figure.g : names.length - 1] += 1;
      }
      return sizes;
    };
    const name = `${key} ${codes.join()}`;
    if (kept.key !== name || kept.data !== sdot.day.data) {
      const columns = Array.from({ length: count() }, (_, k) => column((code) => sdot.day.figure(code, key, k)));
      kept = { key: name, data: sdot.day.data, columns };
    }
    const columns = [...kept.columns, column((code) => the.live(code, key))];
    return names.map((name, i) => ({
      name,
      low: columns.map((column) => column.slice(0, i).reduce((sum, n) => sum + n, 0)),
      size: columns.map((column) => column[i]),
    }));
  }

  // A stepped band, in a box as many units wide as there are steps: along its top, and back along its foot.
  function band({ name, low, size }, most) {
    const runs = [];
    size.forEach((n, x) => {
      const last = runs[runs.length - 1];
      if (!n) return;
      if (last && last[1] === x) last[1] = x + 1;
      else runs.push([x, x + 1]);
    });
    if (!runs.length) return null;
    const edge = (from, to, y) => {
      const ahead = to > from ? 1 : -1;
      const steps = Array.from({ length: Math.abs(to - from) }, (_, i) => from + i * ahead);
      return steps.map((x) => `V${most - y(ahead > 0 ? x : x - 1)}H${x + ahead}`).join("");
    };
    const outline = ([from, to]) =>
      `M${from} ${most - low[from]}${edge(from, to, (x) => low[x] + size[x])}${edge(to, from, (x) => low[x])}Z`;
    return h("path", { key: name, class: `layer ${name}`, d: runs.map(outline).join("") });
  }

  // The grade's word where its band is wide and tall enough to hold it.
  function wordOf(the, layer, most, width) {
    if (layer.name === "void") return null;
    const grade = Number(layer.name.slice(1));
    const words = sdot.speech.band(the, grade);
    const tall = (n) => (n / most) * shown.tall >= 17;
    let best = { from: 0, to: 0 };
    let from = null;
    [...layer.size, 0].forEach((n, x) => {
      if (tall(n) && from === null) from = x;
      if (!tall(n) && from !== null) {
        if (x - from > best.to - best.from) best = { from, to: x };
        from = null;
      }
    });
    const unit = width / (count() + 1);
    if ((best.to - best.from) * unit < sdot.mapwords.measure(words, 12, 500) + 12) return null;
    const middle = Math.floor((best.from + best.to) / 2);
    const up = layer.low[middle] + layer.size[middle] / 2;
    const style = `left:${((middle + 0.5) / (count() + 1)) * 100}%;bottom:${(up / most) * 100}%`;
    return h("span", { key: layer.name, class: `band-word l-${layer.name}`, style }, words);
  }

  // Steps at which no district was heard at all: an outage, hatched, with its length where there is room.
  function holes(the, codes) {
    const runs = [];
    for (let k = 0; k < count(); k += 1) {
      if (!codes.every((code) => sdot.day.figure(code, key, k).s === "none")) continue;
      const last = runs[runs.length - 1];
      if (last && last.to === k) last.to = k + 1;
      else runs.push({ from: k, to: k + 1 });
    }
    const all = count() + 1;
    return runs.map(({ from, to }) => {
      const long = sdot.words.span((to - from) * sdot.day.data.step_s * 1000);
      const style = `left:${(from / all) * 100}%;width:${((to - from) / all) * 100}%`;
      const room = ((to - from) / all) * shown.width > sdot.mapwords.measure(long, 12, 400) + 8;
      return h("span", { key: `hole ${from}`, class: "hole", style, title: long }, to - from >= HOLE && room ? h("b", {}, long) : null);
    });
  }

  function valuesOf(the, code) {
    const now = code === null ? the.liveCity(key) : the.live(code, key);
    return sdot.day.series(code, key, now).map((one) => one.v);
  }

  function ends(values) {
    const known = values.filter((v) => v !== null);
    return [Math.min(...known), Math.max(...known)];
  }

  // A metric without grades: the line of the city, or of the district that is open.
  function line(the, code) {
    const values = valuesOf(the, code);
    const [low, high] = ends(values);
    if (low === high) return null;
    const pad = (high - low || 1) * 0.08;
    const d = sdot.spark.path(values, { low: low - pad, high: high + pad });
    return h(
      "svg",
      { key: "line", class: "line", viewBox: `-0.5 0 ${values.length} 100`, preserveAspectRatio: "none", "aria-hidden": "true" },
      h("path", { d }),
    );
  }

  function stack(the, codes, width) {
    const layers = layersOf(the, codes);
    const most = codes.length;
    return [
      h(
        "svg",
        { key: "stack", viewBox: `0 0 ${count() + 1} ${most}`, preserveAspectRatio: "none", "aria-hidden": "true" },
        layers.map((layer) => band(layer, most)),
      ),
      layers.map((layer) => wordOf(the, layer, most, width)),
    ];
  }

  // "13:20", and of the day before "yesterday 13:20".
  function when(the, ms) {
    const { hhmm, say, offset } = sdot.words;
    const day = (instant) => Math.floor((instant + offset(instant)) / (24 * HOUR_MS));
    return day(ms) === day(the.now) ? hhmm(ms) : say("yesterday", { time: hhmm(ms) });
  }

  // "13:20: 좋음 2, 보통 14 …": what a screen reader hears while the slider moves.
  function spoken(the, k) {
    const { say, many, number, pick } = sdot.words;
    const instant = k < count() ? say("slider_past", { time: when(the, sdot.day.at(k)) }) : say("slider_live");
    if (!the.graded) return instant;
    const counts = tally(the, k);
    const parts = the.config.standard.bands.map((one, i) => `${pick(one.names)} ${number(counts.grades[i])}`);
    const without = counts.few + counts.none + counts.stale;
    if (without) parts.push(many("slider_without", without));
    return `${instant}: ${parts.join(", ")}`;
  }

  // Whole hours of the city's clock below the strip, as far apart as there is room for.
  function axis(the, width) {
    const { say, hhmm, offset } = sdot.words;
    const [first, last] = [sdot.day.at(0), sdot.day.at(count())];
    const every = [1, 2, 3, 6, 12].find((n) => (width / 24) * n >= 76) * HOUR_MS || 12 * HOUR_MS;
    const ticks = [];
    for (let ms = first; ms < last; ms += sdot.day.data.step_s * 1000) {
      if ((ms + offset(ms)) % every === 0) ticks.push(ms);
    }
    const now = say("slider_now", { time: hhmm(the.snap ? the.snap.now : the.now) });
    const edge = sdot.mapwords.measure(now, 12, 600) + 28;
    const left = (ms) => ((ms - first) / (sdot.day.data.step_s * 1000) + 0.5) / (count() + 1);
    const midnight = (ms) => (ms + offset(ms)) % (24 * HOUR_MS) === 0;
    const words = (ms) => (midnight(ms) ? say("midnight", { time: hhmm(ms) }) : hhmm(ms));
    return h(
      "div",
      { class: "axis", "aria-hidden": "true" },
      ticks
        .filter((ms) => left(ms) * width > 20 && left(ms) * width < width - edge - 20)
        .map((ms) => h("span", { key: ms, style: `left:${left(ms) * 100}%` }, words(ms))),
      h("b", {}, now),
    );
  }

  function head(the) {
    const { say, number, pick, district, unit, figure: print } = sdot.words;
    const one = the.config.districts.find((d) => d.code === the.view.district);
    const what = the.graded ? (one ? "day_sub_one" : "day_sub") : "day_sub_line";
    const [low, high] = the.graded ? [null, null] : ends(valuesOf(the, the.view.district)).map((v) => print(the.metric, v));
    const words = { low, high, word: district(2), min: the.minutes, n: number(the.config.districts.length), unit: unit(the.metric) };
    const title = say("day", { place: one ? `${pick(one.names)} · ` : "" });
    return h(
      "header",
      {},
      h(
        "button",
        { type: "button", class: "play", "data-act": "play", "aria-pressed": playing ? "true" : "false" },
        h("i", { class: playing ? "sign pause" : "sign go" }),
        say(playing ? "pause" : "play"),
      ),
      h("h2", {}, title),
      the.past
        ? h(
            "p",
            { class: "then" },
            h("b", {}, say("past", { time: when(the, the.past.at) })),
            h("button", { type: "button", class: "to-live", "data-act": "live" }, say("to_live"), h("kbd", {}, "Esc")),
          )
        : [h("p", {}, say(what, words)), h("p", { class: "hint" }, say("day_hint"))],
    );
  }

  function draw(the) {
    const node = document.getElementById("live-day");
    if (key && key !== the.metric.key && playing) stop();
    key = the.metric.key;
    node.hidden = !count();
    if (!count()) return;
    const style = getComputedStyle(node);
    const width = node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    shown = { width, tall: width < 500 ? 44 : 56 };
    const one = the.view.district;
    const codes = one ? [one] : the.config.districts.map((d) => d.code);
    const k = the.past ? the.past.k : count();
    const left = ((k + 0.5) / (count() + 1)) * 100;
    fill(
      "live-day",
      head(the),
      h(
        "div",
        {
          class: "slider",
          style: `height:${shown.tall}px`,
          tabindex: 0,
          role: "slider",
          "aria-label": sdot.words.say("slider"),
          "aria-valuemin": 0,
          "aria-valuemax": count(),
          "aria-valuenow": k,
          "aria-valuetext": spoken(the, k),
        },
        h("div", { class: the.graded ? "stack" : "stack plain" }, the.graded ? stack(the, codes, width) : line(the, one || null), holes(the, codes)),
        h("i", { class: "cursor", style: `left:${left}%` }),
      ),
      axis(the, width),
    );
    watch(node.querySelector(".slider"));
  }

  sdot.timeline = {
    draw,
    play,
    live,
    go,
    place,
    when,
    tally,
    get playing() {
      return playing;
    },
  };
})();
