// One dot a sensor on the metric's scale: the mean as a line, what is left out with its reason, nothing cropped.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h } = sdot.dom;
  const [DOT, TALL, AXIS] = [6, 64, 5]; // px: width of a dot's column, height of the pile, thickness of the scale
  const FAR = 2.5; // an outlier this many times beyond the rest gets a broken scale
  const TAIL = 0.16; // share of the width behind the break

  const counted = (sensor) => sensor.v !== null && sensor.status !== "flagged" && sensor.status !== "unverified";
  const aside = (sensor) => sensor.v !== null && !counted(sensor);

  // Value → px, with a marked break where one value would press all others into a corner.
  function scaleOf(metric, sensors, width) {
    const inner = sensors.filter(counted).map((s) => s.v);
    const all = sensors.filter((s) => s.v !== null).map((s) => s.v);
    const [low, high] = sdot.figures.domain(metric, inner.length ? inner : all);
    const [bottom, top] = [Math.min(low, ...all), Math.max(high, ...all)];
    const span = high - low || 1;
    const broken = { right: top > high + FAR * span, left: bottom < low - FAR * span };
    const from = broken.left ? low : bottom;
    const to = broken.right ? high : top;
    const [x0, x1] = [broken.left ? width * TAIL : 7, broken.right ? width * (1 - TAIL) : width - 7];
    const inside = (v) => x0 + ((v - from) / (to - from || 1)) * (x1 - x0);
    const x = (v) => {
      if (v > to) return x1 + ((v - to) / (top - to)) * (width - 8 - x1);
      if (v < from) return 8 + ((v - bottom) / (from - bottom)) * (x0 - 8);
      return inside(v);
    };
    return { x, from, to, x0, x1, broken, width };
  }

  // Dots of one column pile up; a pile that grows too tall moves closer together.
  function pile(sensors, scale) {
    const columns = new Map();
    for (const sensor of sensors.filter(counted)) {
      const place = Math.round(scale.x(sensor.v) / DOT);
      columns.set(place, [...(columns.get(place) || []), sensor]);
    }
    const tallest = Math.max(1, ...[...columns.values()].map((list) => list.length));
    const rise = Math.min(DOT, TALL / tallest);
    return [...columns].flatMap(([place, list]) =>
      list.map((sensor, i) =>
        h("circle", { key: sensor.serial, class: "sensor", cx: place * DOT, cy: TALL + 20 - 5 - i * rise, r: 2.5 }),
      ),
    );
  }

  function axis(the, metric, scale, y) {
    const ends = metric.bands
      ? metric.bands.map((b) => (b[1] === null ? scale.to : Math.min(b[1], scale.to)))
      : [scale.to];
    let left = scale.x0;
    const pieces = ends.map((end, i) => {
      const right = Math.max(left, scale.x(Math.min(end, scale.to)));
      const piece = h("rect", {
        class: metric.bands ? `axis g${i}` : "axis",
        x: left,
        y,
        width: right - left,
        height: AXIS,
      });
      left = right;
      return piece;
    });
    return [
      pieces,
      ticks(metric, scale, y),
      scale.broken.right ? gap(scale.x1 + 6, y) : null,
      scale.broken.left ? gap(scale.x0 - 6, y) : null,
    ];
  }

  const gap = (x, y) => h("path", { class: "break", d: `M${x - 4} ${y + 8}l4 -12M${x} ${y + 8}l4 -12` });

  function ticks(metric, scale, y) {
    const values = [
      scale.from,
      ...(metric.bands || []).map((b) => b[1]).filter((v) => v !== null && v < scale.to && v > scale.from),
      scale.to,
    ];
    let last = -99;
    return values.map((v, i) => {
      const x = scale.x(v);
      const anchor = i === 0 ? "start" : i === values.length - 1 ? "end" : "middle";
      const text = sdot.words.figure(metric, v);
      const left = { start: x, middle: x - text.length * 3.5, end: x - text.length * 7 }[anchor];
      if (left < last + 6) return null;
      last = left + text.length * 7;
      return h("text", { class: "tick", x, y: y + 19, "text-anchor": anchor }, text);
    });
  }

  // What is left out stands on the scale, too: a ring with a stroke through it, its reason above.
  function left(sensors, scale) {
    const out = sensors.filter(aside);
    const y = TALL + 13;
    return out.map((sensor) => {
      const x = scale.x(sensor.v);
      return h(
        "g",
        { key: sensor.serial, class: "out" },
        h("circle", { cx: x, cy: y, r: 4.5 }),
        sensor.status === "flagged" ? h("line", { x1: x - 3, y1: y + 3, x2: x + 3, y2: y - 3 }) : null,
      );
    });
  }

  function reasons(sensors) {
    const { say, many, number, pick } = sdot.words;
    const groups = new Map();
    for (const sensor of sensors.filter(aside)) {
      const why =
        sensor.status === "unverified" ? say("status_unverified") : sensor.why ? pick(sensor.why) : say("why_flagged");
      groups.set(why, (groups.get(why) || 0) + 1);
    }
    return [...groups].map(([why, n]) =>
      h("p", { class: "left-out" }, n === 1 ? say("strip_out", { why }) : say("strip_more", { why, n: number(n) })),
    );
  }

  function strip(the, metric, figure, sensors, width) {
    if (!sensors.some((s) => s.v !== null)) return h("p", { class: "nothing" }, sdot.words.say("strip_empty"));
    const scale = scaleOf(metric, sensors, width);
    const base = TALL + 20;
    const shown = figure.s === "ok" && metric.aggregation !== "sum" && figure.v !== null;
    const x = shown ? scale.x(figure.v) : 0;
    const text = shown
      ? sdot.words.many("strip_mean", figure.n, { v: sdot.words.figure(metric, figure.v) })
      : "";
    const flip = x > width * 0.6;
    return [
      h(
        "svg",
        { class: "strip", width, height: base + 26, role: "img", "aria-label": text },
        axis(the, metric, scale, base),
        pile(sensors, scale),
        left(sensors, scale),
        shown
          ? [
              h("line", { class: "mean", x1: x, y1: 8, x2: x, y2: base }),
              h(
                "text",
                { class: "mean-text", x: x + (flip ? -6 : 6), y: 12, "text-anchor": flip ? "end" : "start" },
                text,
              ),
            ]
          : null,
      ),
      reasons(sensors),
    ];
  }

  sdot.strip = { strip };
})();
