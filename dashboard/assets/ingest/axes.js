// Charts of the Ingest page, of our own SVG: a plot with its axes, the gaps in it, lines and stacked columns.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h } = sdot.dom;
  const TALL = 160; // px, all of it
  const PAD = { left: 40, right: 56, top: 12, bottom: 24 };
  const NAMED = 2; // gaps told in words, a row each above the plot
  const TICK_MS = { hour: 600000, day: 14400000 };

  // "14:05" of the start of each bin; the last bin is under way.
  const startOf = (span, i) => span.from + i * span.step_s * 1000;
  const endOf = (span) => startOf(span, span.bins.messages.length);

  // A step of 1, 2 or 5 of some power of ten, so that `most` of them reach `top`.
  function niceStep(top, most) {
    const rough = top / most || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * [1, 2, 5, 10].find((m) => m * power >= rough);
  }

  function linear(top, least) {
    const step = Math.max(niceStep(top, 4), least || 0);
    const end = Math.max(step, Math.ceil(top / step - 1e-9) * step);
    const ticks = [];
    for (let v = 0; v <= end + 1e-9; v += step) ticks.push(v);
    return { ticks, share: (v) => v / end };
  }

  // From 0.01 s upwards by tens: lag is as wide as a histogram whose steps are factors.
  function logarithmic(top) {
    const last = Math.max(1, Math.ceil(Math.log10(Math.max(top, 1e-9)) - 1e-9));
    const ticks = [];
    for (let e = -2; e <= last; e += 1) ticks.push(10 ** e);
    return { ticks, share: (v) => (Math.log10(Math.max(v, 0.01)) + 2) / (last + 2) };
  }

  // What every chart stands on; `print` writes a tick of the y axis.
  function plot(the, width, axis, print) {
    const [x0, x1] = [PAD.left, Math.max(PAD.left + 40, width - PAD.right)];
    const [from, to] = [the.span.from, endOf(the.span)];
    const named = Math.min(NAMED, within(the, from, to).length);
    const [y0, y1] = [TALL - PAD.bottom, Math.max(PAD.top, 10 + 13 * named)];
    const x = (ms) => x0 + ((ms - from) / (to - from)) * (x1 - x0);
    const y = (v) => y0 - axis.share(v) * (y0 - y1);
    const grid = axis.ticks.map((v) => [
      h("line", { class: v === axis.ticks[0] ? "base" : "grid", x1: x0, x2: x1, y1: y(v), y2: y(v) }),
      h("text", { class: "tick", x: x0 - 8, y: y(v) + 4, "text-anchor": "end" }, print(v)),
    ]);
    return { x, y, x0, x1, y0, y1, from, to, width, grid: [grid, times(the, x, from, to)] };
  }

  function times(the, x, from, to) {
    const step = TICK_MS[the.view.span];
    const zone = sdot.words.offset(from);
    const marks = [];
    for (let ms = Math.ceil((from + zone) / step) * step - zone; ms <= to; ms += step) {
      marks.push(h("text", { class: "tick", x: x(ms), y: TALL - 6, "text-anchor": "middle" }, sdot.words.hhmm(ms)));
    }
    return marks;
  }

  const within = (the, from, to) =>
    the.snap.gaps.filter((gap) => (gap.to || the.snap.now) >= from && gap.from <= to);

  // Where something was missing: hatched over its length, a dashed line at its start, the newest two in words.
  function gaps(the, on) {
    const shown = within(the, on.from, on.to);
    const marks = shown.map((gap, i) => {
      const left = on.x(Math.max(gap.from, on.from));
      const right = Math.min(on.x1, Math.max(left + 1, on.x(gap.to || the.snap.now)));
      return [
        h("rect", { class: "gap", x: left, y: on.y1, width: right - left, height: on.y0 - on.y1 }),
        h("line", { class: "gap-line", x1: left, x2: left, y1: i < NAMED ? 14 * i + 2 : on.y1, y2: on.y0 }),
      ];
    });
    return [marks, shown.slice(0, NAMED).map((gap, i) => gapWords(the, gap, i, on))];
  }

  function gapWords(the, gap, row, on) {
    const left = on.x(Math.max(gap.from, on.from));
    const text = `${sdot.words.hhmm(gap.from)} ${sdot.gaps.name(gap)} ${sdot.gaps.length(the, gap)}`;
    const flip = left > (on.x0 + on.x1) / 2;
    return h(
      "text",
      { class: "gap-words", x: left + (flip ? -6 : 6), y: 12 + 14 * row, "text-anchor": flip ? "end" : "start" },
      text,
    );
  }

  // A line through the middles of its bins, broken where there is no value; the bin under way is left out.
  function line(the, on, values, name) {
    const half = (the.span.step_s * 1000) / 2;
    let d = "";
    let open = false;
    values.slice(0, -1).forEach((v, i) => {
      if (v === null) open = false;
      else {
        d += `${open ? "L" : "M"}${on.x(startOf(the.span, i) + half).toFixed(1)} ${on.y(v).toFixed(1)}`;
        if (!open) d += "h0";
        open = true;
      }
    });
    return h("path", { class: `line ${name}`, d });
  }

  // The last value of each line beside the plot, moved apart where they would touch.
  function ends(the, on, list) {
    const known = list.filter((one) => one.value !== null && one.value !== undefined);
    const half = (the.span.step_s * 1000) / 2;
    const at = on.x(startOf(the.span, the.span.bins.messages.length - 2) + half);
    known.sort((a, b) => on.y(a.value) - on.y(b.value));
    let last = -99;
    return known.map((one) => {
      const y = Math.max(on.y(one.value) + 4, last + 14);
      last = y;
      return [
        one.main ? h("circle", { class: "end", cx: at, cy: on.y(one.value), r: 3.5 }) : null,
        h("text", { class: one.main ? "end-words main" : "end-words", x: on.x1 + 6, y }, one.text),
      ];
    });
  }

  const svg = (width, label, ...kids) =>
    h("svg", { class: "chart", width, height: TALL, role: "img", "aria-label": label }, ...kids);

  sdot.axes = { linear, logarithmic, plot, gaps, line, ends, svg, startOf, endOf };
})();
