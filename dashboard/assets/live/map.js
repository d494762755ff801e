// The city's map: districts as SVG paths, sensors on a canvas above them, words and rings on top.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, patch } = sdot.dom;
  const MAX_ZOOM = 40;
  const FOOT = 36; // px at the map's foot for scale and source
  const SETTLE_MS = 140; // labels find new places when a movement has come to rest
  const map = { geometry: null, asked: false, zoom: 1, x: 0, y: 0, key: "", items: [], plates: [], parts: null };

  async function load(again) {
    if (map.asked) return;
    map.asked = true;
    try {
      const answer = await fetch("/api/geometry");
      if (!answer.ok) throw new Error(`geometry: ${answer.status}`);
      map.geometry = await answer.json();
      map.outline = new Path2D(map.geometry.outline);
      map.shapes = new Map(map.geometry.districts.map((d) => [d.code, new Path2D(d.path)]));
      map.pen = document.createElement("canvas").getContext("2d");
      map.key = "";
      if (map.parts) map.parts.world.replaceChildren();
      again();
    } catch {
      map.asked = false; // the next tick tries again; the bar names a lost server
    }
  }

  function forget() {
    map.asked = false;
    sdot.dots.forget();
    sdot.day.forget();
  }

  // The layers, made once. Only the districts are for pointers, keys and screen readers.
  function build(root) {
    const make = (tag, name) => {
      const node = document.createElementNS(tag === "svg" ? sdot.dom.SVG : "http://www.w3.org/1999/xhtml", tag);
      node.setAttribute("class", name);
      root.append(node);
      return node;
    };
    const [base, canvas, over] = [make("svg", "map-base"), make("canvas", "map-dots"), make("svg", "map-over")];
    const notes = make("div", "map-notes");
    for (const node of [canvas, over]) node.setAttribute("aria-hidden", "true");
    base.setAttribute("role", "group");
    patch(base, [hatch(), h("g", { class: "world" })]);
    map.parts = {
      root,
      base,
      canvas,
      over,
      notes,
      hatch: base.querySelector("pattern"),
      world: base.querySelector(".world"),
    };
    sdot.pan.watch(root, { map, moved, MAX_ZOOM });
    new ResizeObserver(() => map.the && draw(map.the)).observe(root);
  }

  const hatch = () =>
    h(
      "defs",
      {},
      h(
        "pattern",
        { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse" },
        h("rect", { width: 7, height: 7, class: "hatch-ground" }),
        h("line", { x1: 0, y1: 0, x2: 0, y2: 7, class: "hatch-line" }),
      ),
    );

  // Scale and place that show the whole city in the room the map has: `l` and `r` px left free at the sides,
  // `low` as far down as the notes at the map's foot allow.
  function fit({ l, r, low }) {
    const { clientWidth: W, clientHeight: H } = map.parts.root;
    const [left, top, width, height] = map.geometry.viewBox;
    const margin = W < 500 ? 4 : 8;
    const free = W - l - r;
    const scale = Math.min((free - 2 * margin) / width, (H - 2 * margin) / height);
    const above = low ? Math.max((H - scale * height) / 2, H - FOOT - scale * height) : (H - scale * height) / 2;
    Object.assign(map, { W, H, k0: scale, x0: l + (free - scale * width) / 2 - left * scale, y0: above - top * scale });
  }

  // Legend, buttons and scale stand in the city's empty corners; where it leaves none, it moves down and aside.
  function fitBeside() {
    const moved = { zoom: map.zoom, x: map.x, y: map.y };
    Object.assign(map, { zoom: 1, x: 0, y: 0 });
    fit({ l: 0, r: 0 });
    const boxes = fixedBoxes();
    for (const [aside, low] of [[0, false], [0, true], [0.2, true], [0.4, true], [0.6, true], [1, true]]) {
      fit({ ...need(boxes, aside), low });
      if (!boxes.some(overCity)) break;
    }
    Object.assign(map, moved);
  }

  // So much of the boxes' own width is kept free on their side.
  function need(boxes, share) {
    const [left, right] = [boxes.filter((b) => b.l < map.W / 2), boxes.filter((b) => b.l >= map.W / 2)];
    return {
      l: share * Math.max(0, ...left.map((b) => b.r)),
      r: share * 0.3 * Math.max(0, ...right.map((b) => map.W - b.l)),
    };
  }

  const k = () => map.k0 * map.zoom;
  const toScreen = (x, y) => [x * k() + map.x0 * map.zoom + map.x, y * k() + map.y0 * map.zoom + map.y];
  const toMap = (x, y) => [(x - map.x0 * map.zoom - map.x) / k(), (y - map.y0 * map.zoom - map.y) / k()];

  // How a district is filled: by its grade, by its value's fifth of the range, or not at all.
  function shade(the, code, range) {
    const figure = the.of(code, the.metric.key);
    if (figure.s !== "ok" || figure.v === null) return figure.s === "ok" ? "none" : figure.s;
    if (the.mode === "sensors") return "plain";
    if (the.mode === "grade") return figure.g === null ? "none" : `g${figure.g}`;
    const [low, high] = range;
    return `r${Math.min(4, Math.floor(((figure.v - low) / (high - low || 1)) * 5))}`;
  }

  function drawDistricts(the) {
    const spoken = (d) => ({
      key: d.code,
      d: d.path,
      class: `d ${map.shades.get(d.code)}`,
      "data-act": "district",
      "data-code": d.code,
      tabindex: 0,
      role: "button",
      "aria-pressed": the.view.district === d.code ? "true" : "false",
      "aria-label": sdot.speech.district(the, d),
    });
    const thin = map.geometry.districts.filter((d) => map.shades.get(d.code) === "few");
    patch(
      map.parts.world,
      [
        h("path", { d: map.geometry.outline, class: "coast" }),
        h("path", { d: map.geometry.outline, class: "coast-gap" }),
        map.geometry.districts.map((d) => h("path", spoken(d))),
        thin.map((d) => h("path", { key: `edge ${d.code}`, d: d.path, class: "edge" })),
      ].flat(),
    );
    map.parts.base.setAttribute("aria-label", sdot.words.say("map"));
  }

  // Rings stand where a sensor said it is; one that said nothing marks the word of its district instead.
  function rings(the) {
    const list = (the.snap ? the.snap.attention : []).filter((a) => a.x !== null && a.x !== undefined).slice(0, 300);
    return list.map((a) => {
      const [x, y] = toScreen(a.x, a.y);
      return { serial: a.serial, x, y, r: map.W < 500 ? 6 : 9, mapX: a.x, mapY: a.y };
    });
  }

  function layout(the) {
    const pen = map.pen;
    map.rings = rings(the);
    map.items = map.geometry.districts.map((d) => sdot.mapwords.item(the, d, map));
    const inside = (code, x, y) => pen.isPointInPath(map.shapes.get(code), ...toMap(x, y));
    const items = map.items;
    for (const item of items) [item.x, item.y] = toScreen(...item.anchor);
    const room = {
      W: map.W,
      H: map.H,
      rings: map.rings,
      inside,
      most: map.W < 500 ? 430 : 700,
      overCity,
      fixed: fixedBoxes(),
    };
    const key = JSON.stringify([
      map.W,
      map.H,
      map.zoom,
      the.view.metric,
      items.map((i) => [i.code, i.w, i.h]),
      map.rings.map((r) => [r.serial, r.mapX, r.mapY]),
    ]);
    if (key === map.key) {
      reuse();
      return;
    }
    map.key = key;
    sdot.labels.place(items, room);
    for (const item of items) item.centre = toMap((item.box.l + item.box.r) / 2, (item.box.t + item.box.b) / 2);
    map.placed = new Map(items.map((i) => [i.code, i]));
    const named = map.W >= 700 && map.zoom === 1 ? map.rings.slice(0, 3) : [];
    if (named.length) room.overCity = cityGrid();
    const sizes = named.map((ring) => sdot.mapwords.plate(ring));
    map.plates = !named.length
      ? []
      : sdot.labels.plates(named, sizes, room).map((plate, i) => plate && { ...plate, serial: named[i].serial });
  }

  // The same words as before, perhaps other figures: every label stays where it was.
  function reuse() {
    for (const item of map.items) {
      const old = map.placed.get(item.code);
      if (old.isSmall) Object.assign(item, item.small, { isSmall: true });
      item.centre = old.centre;
    }
  }

  function overCity(b) {
    for (let x = b.l - 6; x <= b.r + 6; x += 6) {
      for (let y = b.t - 6; y <= b.b + 6; y += 6) if (map.pen.isPointInPath(map.outline, ...toMap(x, y))) return true;
    }
    return false;
  }

  // The same question for very many boxes, answered from a grid of the city's shape.
  function cityGrid() {
    const [cell, columns] = [8, Math.ceil(map.W / 8)];
    const cells = new Uint8Array(columns * Math.ceil(map.H / cell));
    for (let i = 0; i < cells.length; i += 1) {
      const [x, y] = [((i % columns) + 0.5) * cell, (Math.floor(i / columns) + 0.5) * cell];
      cells[i] = map.pen.isPointInPath(map.outline, ...toMap(x, y)) ? 1 : 0;
    }
    return (b) => {
      for (let y = Math.max(0, Math.floor((b.t - 6) / cell)); y * cell < b.b + 6; y += 1) {
        for (let x = Math.max(0, Math.floor((b.l - 6) / cell)); x * cell < b.r + 6; x += 1)
          if (cells[y * columns + x]) return true;
      }
      return false;
    };
  }

  // What lies over the map's corners, in the map's own pixels.
  function fixedBoxes() {
    const home = map.parts.root.getBoundingClientRect();
    return [...map.parts.root.parentNode.querySelectorAll("[data-over-map]")]
      .map((node) => {
        const r = node.getBoundingClientRect();
        return { l: r.left - home.left, r: r.right - home.left, t: r.top - home.top, b: r.bottom - home.top };
      })
      .filter((b) => b.b > 1 && b.t < map.H - 1 && b.r - b.l < map.W / 2);
  }

  function settleWords() {
    for (const item of map.items) {
      const [x, y] = toScreen(...item.centre);
      item.box = { l: x - item.w / 2, r: x + item.w / 2, t: y - item.h / 2, b: y + item.h / 2 };
    }
    for (const ring of map.rings) [ring.x, ring.y] = toScreen(ring.mapX, ring.mapY);
  }

  // Everything whose place on the screen depends on pan and zoom.
  function position() {
    const scale = k();
    map.parts.world.setAttribute(
      "transform",
      `translate(${map.x0 * map.zoom + map.x} ${map.y0 * map.zoom + map.y}) scale(${scale})`,
    );
    map.parts.hatch.setAttribute("patternTransform", `rotate(45) scale(${1 / scale})`);
    settleWords();
    patch(map.parts.over, sdot.mapwords.draw(map.the, map, toScreen));
    const colours = sdot.theme.labels(map.geometry.districts.map((d) => map.shades.get(d.code)));
    const boxes = map.items.map((item) => item.box);
    const [x, y] = [map.x0 * map.zoom + map.x, map.y0 * map.zoom + map.y];
    sdot.dots.draw(map.parts.canvas, {
      width: map.W,
      height: map.H,
      k: scale,
      x,
      y,
      zoom: map.zoom,
      mode: map.the.mode,
      boxes,
      colours,
    });
    patch(map.parts.notes, sdot.mapwords.notes(map.the, map, scale));
    map.parts.root.classList.toggle("zoomed", map.zoom > 1);
  }

  function moved() {
    position();
    clearTimeout(map.timer);
    map.timer = setTimeout(() => draw(map.the), SETTLE_MS);
  }

  function draw(the) {
    const root = document.getElementById("live-map");
    if (!root) return;
    if (!map.parts || map.parts.root !== root) build(root);
    map.the = the;
    load(() => draw(map.the));
    if (!the.past) sdot.dots.refresh(the.snap ? the.snap.dots_version : undefined, () => draw(map.the));
    if (!map.geometry || !root.clientWidth) return;
    fitBeside();
    const span = sdot.figures.extent(the);
    map.shades = new Map(the.config.districts.map(({ code }) => [code, shade(the, code, span)]));
    drawDistricts(the);
    layout(the);
    position();
  }

  sdot.map = {
    draw,
    forget,
    attribution: () => (map.geometry || {}).attribution || "",
    get state() {
      return map;
    },
  };
})();
