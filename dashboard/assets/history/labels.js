// Words and marks on a panel: what lines are called and end at, gaps, thresholds, grades, the highest value, its title.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const LABEL_PX = 16; // end labels stand at least so far apart
  const LETTER_PX = 7; // of 12 px type, on average
  const BOLD_PX = 7.8;

  // The value of each line at its end, beside the plot, moved apart where labels would touch.
  function ends(panel, colours) {
    const list = panel.answer.series.map((series, i) => ({
      value: lastOf(series.v),
      name: sdot.figure.nameOf(panel.the, series.place),
      main: i === 0,
    }));
    if (panel.answer.before) {
      list.push({ value: lastOf(panel.answer.before.series.v), name: sdot.finding.beforeName(panel.answer) });
    }
    const known = list.filter((one) => one.value !== null);
    known.sort((a, b) => panel.px(a.value) - panel.px(b.value));
    return apart(
      known.map((one) => panel.px(one.value)),
      panel.size.tall,
    ).map((y, i) => {
      const one = known[i];
      const print = sdot.words.figure(panel.metric, one.value);
      const letters = Math.floor((panel.size.right - 8) / BOLD_PX) - print.length - 1;
      const name = one.name.length > letters ? `${one.name.slice(0, letters - 1)}…` : one.name;
      const value = `<b>${print}</b>`;
      return words(panel, `${value}  ${one.main ? `<b>${name}</b>` : name}`, {
        xref: "paper",
        x: 1,
        xshift: 6,
        y: valueAt(panel, y),
        xanchor: "left",
        yanchor: "middle",
        font: { color: one.main ? colours.t1 : colours.t2, size: 12 },
      });
    });
  }

  function lastOf(list) {
    for (let i = list.length - 1; i >= 0 && i >= list.length - 3; i -= 1) if (list[i] !== null) return list[i];
    return null;
  }

  // Places from the top (px, rising), none nearer to the next than a label is tall, none below the plot.
  function apart(wanted, tall) {
    const at = [];
    for (const y of wanted) at.push(Math.max(y, at.length ? at[at.length - 1] + LABEL_PX : 0));
    for (let i = at.length - 1, most = tall; i >= 0; i -= 1, most = at[i + 1] - LABEL_PX) at[i] = Math.min(at[i], most);
    return at;
  }

  const valueAt = (panel, px) => panel.axis.end - (px / panel.size.tall) * (panel.axis.end - panel.axis.start);

  const words = (panel, text, where) => ({
    text,
    xref: "x",
    yref: panel.name,
    showarrow: false,
    align: "left",
    ...where,
  });

  // How long nothing came and why, above the plot; of gaps whose words would touch, the longer is told.
  function gapWords(panel, colours) {
    const titled = panel.size.plot > panel.size.tall ? titleText(panel).length * BOLD_PX : 0;
    const taken = titled ? [{ px: titled / 2, half: titled / 2 }] : [];
    const perMs = panel.size.wide / (panel.end - panel.start);
    const told = [...sdot.figure.gapsOf(panel)].sort((a, b) => b.to - b.from - (a.to - a.from));
    return told.flatMap((gap) => {
      const text = sdot.finding.gapWords(gap);
      const half = (text.length * LETTER_PX) / 2;
      const middle = panel.clock((gap.from + gap.to) / 2);
      const px = Math.min(Math.max((middle - panel.start) * perMs, half), panel.size.wide - half);
      if (half * 2 > panel.size.wide || taken.some((one) => Math.abs(one.px - px) < one.half + half + 12)) return [];
      taken.push({ px, half });
      return [
        words(panel, text, {
          x: panel.start + px / perMs,
          y: panel.axis.end,
          yanchor: "bottom",
          yshift: 2,
          font: { color: colours.t2, size: 12 },
        }),
      ];
    });
  }

  // Where in the span the highest hour is, 0 to 1; 1 where there is none.
  function peakShare(panel) {
    const { peak } = panel.answer.finding || {};
    return peak ? (panel.clock(peak.t) - panel.start) / (panel.end - panel.start) : 1;
  }

  // Each threshold from the day on which it came into force.
  function thresholds(panel, colours) {
    const shapes = [];
    const labels = [];
    for (const scale of panel.scales) {
      const limit = sdot.scale.limitOf(scale);
      const at = { yref: panel.name, y0: limit, y1: limit, x0: scale.from, x1: scale.to };
      shapes.push({ type: "line", ...at, line: { color: colours.t1, width: 1, dash: "6px,4px" }, name: "threshold" });
      const text = sdot.finding.thresholdWords(panel, scale);
      const right = peakShare(panel) < 0.35; // the highest hour's line would cross the words
      labels.push(
        words(panel, text, {
          x: right ? scale.to : scale.from,
          xshift: right ? -6 : 6,
          y: limit,
          xanchor: right ? "right" : "left",
          yanchor: "bottom",
          bgcolor: colours.plate,
          borderpad: 0,
          font: { color: colours.t2, size: 12 },
        }),
      );
    }
    return { shapes, labels };
  }

  // The grades as a bar along the axis; those of the end of the span.
  function gradeBar(panel, colours) {
    const newest = panel.scales[0];
    if (!newest) return [];
    return newest.bands
      .map(([low, high], i) => ({
        low: i ? newest.bands[i - 1][1] : low,
        high: Math.min(high ?? Infinity, panel.axis.end),
        colour: colours.grades[i],
      }))
      .filter(({ low, high }) => low < high)
      .map(({ low, high, colour }) => ({
        type: "rect",
        xref: "paper",
        xsizemode: "pixel",
        xanchor: 0,
        x0: -6,
        x1: -2,
        yref: panel.name,
        y0: low,
        y1: high,
        line: { width: 0 },
        fillcolor: colour,
        name: "grade",
      }));
  }

  function peak(panel, colours) {
    const finding = panel.answer.finding;
    if (!finding || !finding.peak || !panel.first || finding.peak.v === null) return [];
    const x = panel.clock(finding.peak.t);
    if (x < panel.start || x > panel.end) return [];
    const text = sdot.finding.peakWords(panel);
    const room = Math.max(...text.map((line) => line.length)) * BOLD_PX + 8;
    const px = peakShare(panel) * panel.size.wide;
    const left = panel.size.wide - px < room && px >= room;
    const inside = Math.min(6, panel.size.wide - px - room); // beside the line, or over it where neither side has room
    const html = `<b style="color:${colours.t1}">${text[0]}</b><br>${text[1]}`;
    return [
      words(panel, html, {
        x,
        y: panel.axis.end,
        yanchor: "top",
        yshift: -4,
        xanchor: left ? "right" : "left",
        xshift: left ? -6 : inside,
        align: left ? "right" : "left",
        bgcolor: colours.plate,
        borderpad: 0,
        font: { color: colours.t2, size: 12 },
      }),
    ];
  }

  function peakMarks(panel, colours) {
    const finding = panel.answer.finding;
    if (!finding || !finding.peak || finding.peak.v === null) return { shapes: [], data: [] };
    const x = panel.clock(finding.peak.t);
    const line = { type: "line", yref: panel.name, x0: x, x1: x, y0: finding.peak.v, y1: panel.axis.end };
    const dot = { size: 7, color: colours.t1 };
    return {
      shapes: [{ ...line, line: { color: colours.t1, width: 1 }, name: "peak" }],
      data: [sdot.figure.points(panel, [finding.peak.t], [finding.peak.v], dot, "peak")],
    };
  }

  // What a panel shows, where there are several: in words above its left end.
  function titleText(panel) {
    return `${sdot.words.pick(panel.metric.short)} ${sdot.words.unit(panel.metric)}`;
  }

  function title(panel, colours) {
    const name = sdot.words.pick(panel.metric.short);
    return words(panel, `<b>${name}</b>${titleText(panel).slice(name.length)}`, {
      xref: "paper",
      x: 0,
      xanchor: "left",
      y: panel.axis.end,
      yanchor: "bottom",
      yshift: 2,
      font: { color: colours.t1, size: 12 },
    });
  }

  sdot.labels = { ends, gapWords, thresholds, gradeBar, peak, peakMarks, title };
})();
