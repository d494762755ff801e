// From answers to what Plotly draws: lines, bands, gaps, thresholds and words of every panel. Nothing is drawn here.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const BETWEEN_PX = 36; // between two panels: room for the words of gaps
  const DENSE_PX = 1.4; // points nearer than this are a cloud under a thick line
  const WIDTHS = { usual: [2.4, 1.5], dense: [1.5, 0.9] };

  function nameOf(the, code) {
    const district = the.config.districts.find((one) => one.code === code);
    return district ? sdot.words.shortName(district) : code;
  }

  // The least and most single value say nothing beside a sum, and are no band of a direction.
  const hasBand = (metric) => metric.aggregation !== "sum" && metric.aggregation !== "vector";

  const TALLEST = 1.5; // a single value of years would press the lines flat: the band may be so many times as high

  function spread(lists, first) {
    const lines = sdot.scale.extent(lists);
    const most = lines ? Math.max(lines[1] * TALLEST, lines[1]) : Infinity;
    return [first.lo, first.hi.map((value) => (value === null ? null : Math.min(value, most)))];
  }

  // Everything about one panel that its parts need.
  function panelOf(the, shown, i, size) {
    const answer = shown.answers[i];
    const metric = sdot.scale.metricOf(the.config, answer.metric);
    const clock = sdot.zone.clockOf(answer.start, answer.end);
    const [start, end] = [clock(answer.start), clock(answer.end)];
    const first = answer.series[0] || null;
    const lists = answer.series.map((one) => one.v);
    if (first && first.lo && hasBand(metric)) lists.push(...spread(lists, first));
    if (answer.before) lists.push(answer.before.series.v);
    const scales = sdot.scale.inForce(metric, start, end);
    const limit = scales.length ? Math.max(...scales.map(sdot.scale.limitOf)) : null;
    const axis = sdot.scale.axis(metric, sdot.scale.extent(lists), limit, size.tall < 240 ? 3 : 5);
    const top = 1 - (i * (size.tall + BETWEEN_PX)) / size.plot;
    const name = i ? `y${i + 1}` : "y";
    const px = (value) => ((axis.end - value) / (axis.end - axis.start)) * size.tall;
    return {
      the,
      answer,
      metric,
      clock,
      start,
      end,
      first,
      scales,
      axis,
      name,
      i,
      size,
      px,
      domain: [Math.max(0, top - size.tall / size.plot), top],
      x: (list) => list.map(clock),
    };
  }

  const widths = (panel) => WIDTHS[panel.size.wide / Math.max(1, panel.answer.points) < DENSE_PX ? "dense" : "usual"];

  // The middle of a bucket would be truer; its start is what the table has, and what hover tells.
  function lineOf(panel, series, place, colour) {
    const selected = place === 0;
    return {
      type: "scatter",
      mode: "lines",
      connectgaps: false,
      x: panel.x(series.t),
      y: series.v,
      yaxis: panel.name,
      name: nameOf(panel.the, series.place),
      line: { width: widths(panel)[selected ? 0 : 1], color: colour, shape: "linear", simplify: true },
      hovertemplate: hover(panel, selected && Boolean(series.lo)),
      customdata: selected && series.lo ? series.lo.map((low, i) => [low, series.hi[i], series.sensors[i]]) : null,
      meta: { role: selected ? "selected" : "other", place: series.place, metric: panel.metric.key },
    };
  }

  function hover(panel, whole) {
    const unit = sdot.words.unit(panel.metric);
    const print = `.${panel.metric.decimals}f`;
    const spread = whole
      ? ` (%{customdata[0]:${print}}–%{customdata[1]:${print}}${panel.answer.unit === "district" ? `, ${sdot.words.say("hover_sensors", { n: "%{customdata[2]}" })}` : ""})`
      : "";
    return `<b>%{y:${print}}</b> ${unit}${spread}`;
  }

  // Single values between two gaps have no line; they are points.
  function lonely(panel, series, place, colour) {
    const kept = series.v.map((v, i) =>
      v !== null && (series.v[i - 1] ?? null) === null && (series.v[i + 1] ?? null) === null ? v : null,
    );
    if (!kept.some((v) => v !== null)) return [];
    return [points(panel, series.t, kept, { size: place ? 3 : 4, color: colour }, "lonely")];
  }

  const points = (panel, t, y, marker, role) => ({
    type: "scatter",
    mode: "markers",
    x: panel.x(t),
    y,
    yaxis: panel.name,
    marker,
    hoverinfo: "skip",
    meta: { role },
  });

  // Lowest to highest of the selected place: a polygon for each unbroken piece, or a wedge would cross each gap.
  function bandOf(panel, colours) {
    const { first } = panel;
    if (!first || !first.lo || !hasBand(panel.metric)) return [];
    const [x, y] = [[], []];
    const t = panel.x(first.t);
    const there = (i) => i < t.length && first.lo[i] !== null && first.hi[i] !== null;
    for (let i = 0; i < t.length; i += 1) {
      if (!there(i)) continue;
      const from = i;
      while (there(i + 1)) i += 1;
      if (x.length) [x, y].forEach((list) => list.push(null));
      const piece = t.slice(from, i + 1);
      x.push(...piece, ...piece.reverse());
      y.push(...first.hi.slice(from, i + 1), ...first.lo.slice(from, i + 1).reverse());
    }
    return x.length ? [area(panel, x, y, { fillcolor: colours.band }, "band")] : [];
  }

  const area = (panel, x, y, look, role) => ({
    type: "scatter",
    mode: "lines",
    fill: "toself",
    connectgaps: false,
    x,
    y,
    yaxis: panel.name,
    line: { width: 0, simplify: false },
    hoverinfo: "skip",
    meta: { role },
    ...look,
  });

  const gapsOf = (panel) => panel.answer.gaps.filter((gap) => panel.first && gap.place === panel.first.place);

  function hatched(panel, colours) {
    const gaps = gapsOf(panel);
    if (!gaps.length) return [];
    const { start, end } = panel.axis;
    const [x, y] = [[], []];
    for (const gap of gaps) {
      const [from, to] = [panel.clock(gap.from), panel.clock(gap.to)];
      if (x.length) [x, y].forEach((list) => list.push(null));
      x.push(from, from, to, to);
      y.push(start, end, end, start);
    }
    const hatch = { shape: "/", fgcolor: colours.hatch, bgcolor: "rgba(0,0,0,0)", size: 7, solidity: 0.16 };
    return [area(panel, x, y, { fillcolor: "rgba(0,0,0,0)", fillpattern: hatch }, "gap")];
  }

  // Readings that were kept and left out of every figure: at raw level they are seen where they are.
  function flagged(panel, colours) {
    const { first } = panel;
    if (!first || !first.flagged || !first.flagged.some(Boolean)) return [];
    const y = first.v.map((v, i) => (first.flagged[i] ? v : null));
    const marker = { size: 6, symbol: "circle-open", color: colours.t3, line: { width: 1.5 } };
    return [points(panel, first.t, y, marker, "flagged")];
  }

  // A flagged value is no part of the line.
  const counted = (series) =>
    series.flagged ? { ...series, v: series.v.map((v, i) => (series.flagged[i] ? null : v)) } : series;

  function before(panel, colours) {
    if (!panel.answer.before) return [];
    const { series } = panel.answer.before;
    const line = lineOf(panel, { ...series, lo: null }, 1, colours.t3);
    line.line = { ...line.line, dash: "2px,3px" };
    return [{ ...line, name: sdot.finding.beforeName(panel.answer), meta: { ...line.meta, role: "before" } }];
  }

  function traces(panel, colours) {
    const inks = [colours.t1, colours.t2, colours.ctl, colours.t3];
    const all = panel.answer.series.map(counted);
    const lines = all.map((series, i) => lineOf(panel, series, i, inks[Math.min(i, 3)]));
    const singles = all.flatMap((series, i) => lonely(panel, series, i, inks[Math.min(i, 3)]));
    return [
      ...hatched(panel, colours),
      ...bandOf(panel, colours),
      ...before(panel, colours),
      ...lines.slice(1).reverse(),
      ...lines.slice(0, 1),
      ...singles,
      ...flagged(panel, colours),
    ];
  }

  function yAxis(panel, colours) {
    return {
      domain: panel.domain,
      anchor: "x",
      range: [panel.axis.start, panel.axis.end],
      fixedrange: true,
      tickvals: panel.axis.ticks,
      ticktext: panel.axis.ticks.map((v) => sdot.words.number(v, panel.axis.digits)),
      gridcolor: colours.line,
      zeroline: false,
      ticks: "",
      ticklabelstandoff: 6,
      tickfont: { color: colours.t3, size: 12 },
    };
  }

  function xAxis(panel, colours) {
    const marks = sdot.zone.ticks(panel.start, panel.end, panel.size.wide);
    return {
      type: "date",
      range: [panel.start, panel.end],
      domain: [0, 1],
      anchor: panel.name,
      tickvals: marks.map((mark) => mark.at),
      ticktext: marks.map((mark) => mark.text),
      gridcolor: colours.line,
      zeroline: false,
      ticks: "outside",
      tickcolor: colours.line,
      ticklen: 4,
      tickfont: { color: colours.t2, size: 12 },
      hoverformat: panel.answer.level === "day" ? "%Y-%m-%d" : "%Y-%m-%d %H:%M",
      showspikes: false,
    };
  }

  // Data and layout for Plotly: the panels one below the other, on one axis of time.
  function figure(the, shown, box, colours) {
    const count = shown.answers.length;
    const plot = count * box.tall + (count - 1) * BETWEEN_PX;
    const size = { tall: box.tall, wide: box.width - box.left - box.right, right: box.right, plot };
    const panels = shown.answers.map((_, i) => panelOf(the, shown, i, size));
    const lines = panels.map((panel) => sdot.labels.thresholds(panel, colours));
    const marks = panels.map((panel) => sdot.labels.peakMarks(panel, colours));
    const layout = {
      width: box.width,
      height: plot + box.top + box.bottom,
      margin: { l: box.left, r: box.right, t: box.top, b: box.bottom, pad: 0 },
      paper_bgcolor: colours.panel,
      plot_bgcolor: colours.panel,
      font: { family: colours.font, size: 12, color: colours.t2 },
      showlegend: false,
      hovermode: "x unified",
      hoverlabel: { bgcolor: colours.panel, bordercolor: colours.ctl, font: { color: colours.t1, size: 12 } },
      dragmode: box.touch ? false : "zoom",
      xaxis: xAxis(panels[count - 1], colours),
      shapes: panels.flatMap((panel, i) => [
        ...lines[i].shapes,
        ...sdot.labels.gradeBar(panel, colours),
        ...marks[i].shapes,
      ]),
      annotations: panels.flatMap((panel, i) => [
        ...lines[i].labels,
        ...sdot.labels.gapWords(panel, colours),
        ...sdot.labels.peak(panel, colours),
        ...sdot.labels.ends(panel, colours),
        ...(count > 1 ? [sdot.labels.title(panel, colours)] : []),
      ]),
    };
    panels.forEach((panel) => (layout[`yaxis${panel.i ? panel.i + 1 : ""}`] = yAxis(panel, colours)));
    return { data: panels.flatMap((panel, i) => [...traces(panel, colours), ...marks[i].data]), layout };
  }

  sdot.figure = { figure, nameOf, gapsOf, points, hasBand };
})();
