// What is written on the map: names and figures of districts, rings and plates of new sensors, the scale.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h } = sdot.dom;
  const pen = document.createElement("canvas").getContext("2d");
  const widths = new Map();
  const NICE_KM = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

  // Type sizes of a map this wide: name and figure, in px.
  function sizes(width) {
    if (width >= 900) return { name: 14, value: 20, mark: 22 };
    return width >= 560 ? { name: 12, value: 16, mark: 18 } : { name: 12, value: 14, mark: 0 };
  }

  // Every digit counts as 0 (figures are tabular), so a new figure of the same length needs no new place.
  function measure(text, size, weight) {
    const key = `${sdot.words.lang} ${size} ${weight} ${text.replace(/\d/g, "0")}`;
    if (!widths.has(key)) {
      pen.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
      widths.set(key, pen.measureText(text.replace(/\d/g, "0")).width);
    }
    return widths.get(key);
  }

  // The second line of a label: the figure, or why there is none.
  function second(the, figure, phone) {
    const { say, figure: print, number } = sdot.words;
    if (figure.s === "few") {
      return {
        text: phone ? `${figure.n}/${figure.N}` : say("few_map", { n: number(figure.n), N: number(figure.N) }),
        dim: true,
      };
    }
    if (figure.s === "stale") {
      const age = sdot.words.age(the.now - figure.at);
      return { text: phone ? age : say("ago", { age }), dim: true };
    }
    if (figure.s === "none" || figure.v === null) return { text: "–", dim: true };
    if (the.mode === "sensors") return { text: `${number(figure.n)}/${number(figure.N)}`, strong: true };
    return { text: print(the.metric, figure.v), strong: true, marks: the.mode === "grade" && figure.g !== null };
  }

  function item(the, district, map) {
    const size = sizes(map.W);
    const phone = map.W < 500;
    const line = second(the, the.of(district.code, the.metric.key), phone);
    const marked =
      the.snap && the.snap.attention.some((a) => a.district === district.code && (a.x === null || a.x === undefined));
    const name = sdot.words.shortName(district);
    const valueSize = line.dim ? 12 : the.mode === "sensors" ? Math.min(16, size.value) : size.value;
    const markWidth = line.marks && size.mark ? size.mark + 4 : 0;
    const valueWidth = measure(line.text, valueSize, line.dim ? 400 : 650) + markWidth;
    const nameWidth = measure(name, size.name, 500) + (marked ? 16 : 0);
    const base = { name, marked, line, valueSize, size, valueWidth, nameWidth, markWidth };
    const [nameHeight, valueHeight] = [size.name + 3, valueSize + 2];
    const anchor = phone ? district.label_phone || district.label : district.label;
    return {
      ...base,
      code: district.code,
      anchor,
      area: area(map, district),
      w: Math.ceil(Math.max(nameWidth, valueWidth)),
      h: nameHeight + valueHeight,
      small: { w: Math.ceil(valueWidth + (marked ? 16 : 0)), h: valueHeight },
    };
  }

  // Size of a district as its outline's box says; only the order matters.
  function area(map, district) {
    map.areas ||= new Map();
    if (!map.areas.has(district.path)) {
      const numbers = district.path.match(/-?[\d.]+/g).map(Number);
      const [xs, ys] = [numbers.filter((_, i) => i % 2 === 0), numbers.filter((_, i) => i % 2 === 1)];
      map.areas.set(district.path, (Math.max(...xs) - Math.min(...xs)) * (Math.max(...ys) - Math.min(...ys)));
    }
    return map.areas.get(district.path);
  }

  const ringMark = (x, y, r, inner) => [
    h("circle", { class: "ring-casing", cx: x, cy: y, r }),
    h("circle", { class: "ring-line", cx: x, cy: y, r }),
    inner ? h("circle", { class: "ring-dot", cx: x, cy: y, r: inner }) : null,
  ];

  // Four rising bars, `filled` of them full.
  const bars = (x, y, width, height, filled) =>
    [0, 1, 2, 3].map((i) => {
      const [w, tall] = [width / 5, (height * (i + 1.4)) / 4.4];
      return h("rect", {
        class: i < filled ? "step" : "step off",
        x: x + (i * width) / 4,
        y: y + height - tall,
        width: w,
        height: tall,
      });
    });

  function label(the, one, shade) {
    const { box, size } = one;
    const middle = (box.l + box.r) / 2;
    const shift = one.marked && !one.isSmall ? 8 : 0;
    const nameY = box.t + size.name - 1;
    const valueY = box.b - one.valueSize * 0.18 + 1;
    const left = middle - one.valueWidth / 2 + (one.isSmall && one.marked ? 8 : 0);
    const figure = the.of(one.code, the.metric.key);
    const nameText = one.isSmall
      ? null
      : h("text", { class: "name", x: middle + shift, y: nameY, "font-size": size.name }, one.name);
    const mark =
      one.line.marks && size.mark
        ? bars(left, valueY - size.mark * 0.6, size.mark, size.mark * 0.6, figure.g + 1)
        : null;
    const ringX = one.isSmall ? left - 9 : middle - one.nameWidth / 2 + 5;
    return h(
      "g",
      { key: one.code, class: `label l-${shade}` },
      shade === "stale"
        ? h("rect", { class: "plate-void", x: box.l - 6, y: box.t - 3, width: one.w + 12, height: one.h + 7, rx: 2 })
        : null,
      nameText,
      mark,
      h(
        "text",
        { class: one.line.dim ? "dim" : "value", x: left + one.markWidth, y: valueY, "font-size": one.valueSize },
        one.line.text,
      ),
      one.marked ? ringMark(ringX, one.isSmall ? valueY - 5 : nameY - 4, 4.5, 1.2) : null,
    );
  }

  function plate(ring) {
    const text = sdot.words.say("new_plate", { serial: ring.serial });
    return { w: Math.ceil(measure(text, 12, 500)) + 16, h: 20, text };
  }

  function leader(map, one) {
    const ring = map.rings.find((r) => r.serial === one.serial);
    if (!ring) return [];
    const { text } = plate(one);
    const length = Math.hypot(one.end.x - ring.x, one.end.y - ring.y) || 1;
    const line = {
      x1: ring.x + ((one.end.x - ring.x) * ring.r) / length,
      y1: ring.y + ((one.end.y - ring.y) * ring.r) / length,
      x2: one.end.x,
      y2: one.end.y,
    };
    const b = one.box;
    return [
      h("line", { class: "leader-casing", ...line }),
      h("line", { class: "leader", ...line }),
      h("rect", { class: "plate", x: b.l, y: b.t, width: b.r - b.l, height: b.b - b.t, rx: 3 }),
      h("text", { class: "plate-text", x: (b.l + b.r) / 2, y: b.b - 6, "font-size": 12 }, text),
    ];
  }

  // Everything above the dots, the selected district's outline at the bottom of it.
  function draw(the, map) {
    const chosen = map.geometry.districts.find((d) => d.code === the.view.district);
    const world = map.parts.world.getAttribute("transform");
    const outline = chosen
      ? h(
          "g",
          { key: "picked", transform: world },
          h("path", { d: chosen.path, class: "picked-casing" }),
          h("path", { d: chosen.path, class: "picked" }),
        )
      : null;
    const plates = map.zoom === 1 ? map.plates.filter(Boolean) : [];
    return h(
      "g",
      {},
      outline,
      h(
        "g",
        { key: "words" },
        map.items.map((one) => label(the, one, map.shades.get(one.code))),
      ),
      h(
        "g",
        { key: "leaders" },
        plates.map((one) => h("g", { key: one.serial }, leader(map, one))),
      ),
      h(
        "g",
        { key: "rings" },
        map.rings.map((ring) =>
          h("g", { key: ring.serial, class: "ring" }, ringMark(ring.x, ring.y, ring.r, ring.r / 3)),
        ),
      ),
    ).kids;
  }

  // Scale bar, and what the map does not show just now.
  function notes(the, map, scale) {
    const perKm = map.geometry.km * scale;
    const km = [...NICE_KM].reverse().find((n) => n * perKm <= (map.W < 500 ? 64 : 110)) || NICE_KM[0];
    const words = sdot.words;
    const source = map.geometry.attribution;
    const stopped = sdot.figures.causes(the).length && the.snap && the.snap.data_at;
    return [
      the.past
        ? h("p", { key: "past", class: "past-mark" }, words.say("past", { time: sdot.timeline.when(the, the.past.at) }))
        : null,
      stopped
        ? h("p", { key: "as-of", class: "as-of" }, words.say("as_of", { time: words.hhmmss(the.snap.data_at) }))
        : null,
      sdot.dots.hidden(map.zoom, the.mode)
        ? h("p", { key: "hidden", class: "dots-hidden" }, words.say("dots_hidden"))
        : null,
      source ? h("p", { key: "source", class: "source" }, words.say("map_source", { source })) : null,
      h(
        "div",
        { key: "scale", class: "scale", "data-over-map": true, style: `width:${Math.round(km * perKm)}px` },
        h("span", {}, words.say("km", { n: words.number(km, km < 1 ? 1 : 0) })),
      ),
    ].filter(Boolean);
  }

  sdot.mapwords = { measure, item, plate, draw, notes };
})();
