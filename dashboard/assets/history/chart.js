// The main chart: Plotly's script, fetched once when there is something to draw; drawing, zooming, pictures.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const ID = "history-chart";
  const SETTINGS = {
    displayModeBar: false,
    displaylogo: false,
    showSendToCloud: false,
    showEditInChartStudio: false,
    scrollZoom: false,
    doubleClick: false,
    responsive: false,
  };
  let script = null;
  let drawn = "";
  let zoomed = null; // told of a span that was dragged over

  function load(url) {
    script ??= new Promise((resolve, reject) => {
      const node = document.createElement("script");
      node.src = url;
      node.onload = () => resolve(window.Plotly);
      node.onerror = () => {
        script = null;
        node.remove();
        reject(new Error("the chart's script did not come"));
      };
      document.head.append(node);
    });
    return script;
  }

  // Our tokens as they are at this moment; Plotly knows no style sheet.
  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    const named = Object.fromEntries(
      ["t1", "t2", "t3", "ctl", "line", "panel", "raised"].map((name) => [name, of(name)]),
    );
    return {
      ...named,
      band: of("r0"),
      hatch: of("ctl"),
      plate: of("panel"), // words stand over lines
      grades: [0, 1, 2, 3].map((i) => of(`g${i}-fill`)),
      font: of("font"),
    };
  }

  function boxOf(node, panels) {
    const width = Math.floor(node.clientWidth);
    const narrow = width < 600;
    const room = innerHeight - (narrow ? 480 : 530);
    const tall = panels > 1 ? (narrow ? 160 : 200) : Math.min(560, Math.max(narrow ? 220 : 280, room));
    return {
      width,
      tall,
      left: 40,
      right: narrow ? 96 : 148,
      top: 24,
      bottom: 26,
      touch: matchMedia("(pointer: coarse)").matches,
    };
  }

  const said = (the, shown) =>
    sdot.words.say("chart_label", { finding: `${sdot.finding.sentences(the, shown).join(". ")}.` });

  // Draw what is not drawn yet; resolves when it is on the page.
  async function chart(the, shown) {
    const node = document.getElementById(ID);
    const key = [shown.number, sdot.words.lang, sdot.theme.now(), node.clientWidth, innerHeight].join(" ");
    if (key === drawn) return false;
    drawn = key;
    try {
      const plotly = await load(the.config.plotly);
      if (key !== drawn) return false;
      const { data, layout } = sdot.figure.figure(the, shown, boxOf(node, shown.answers.length), colours());
      await plotly.react(node, data, layout, SETTINGS);
      node.setAttribute("role", "img");
      node.setAttribute("aria-label", said(the, shown));
      listen(node);
      return true;
    } catch (error) {
      drawn = "";
      throw error;
    }
  }

  function listen(node) {
    if (zoomed || !node.on) return;
    zoomed = (event) => {
      const [from, to] = [event["xaxis.range[0]"], event["xaxis.range[1]"]];
      if (from && to) sdot.history.between(from, to);
    };
    node.on("plotly_relayout", zoomed);
  }

  // The picture carries what the page says above it.
  async function picture(the, shown, format) {
    const plotly = await load(the.config.plotly);
    const node = document.getElementById(ID);
    const { data, layout } = sdot.figure.figure(the, shown, boxOf(node, shown.answers.length), colours());
    const [first, ...more] = sdot.finding.sentences(the, shown);
    const text = `<b>${first}</b><br><span style="font-size:12px">${more.join(" · ")}</span>`;
    const title = { text, x: 0, xref: "container", xanchor: "left", pad: { l: 16 }, y: 1, yanchor: "top" };
    title.pad.t = 12;
    title.font = { size: 16, color: colours().t1 };
    const raised = {
      ...layout,
      title,
      height: layout.height + 56,
      margin: { ...layout.margin, t: layout.margin.t + 56 },
    };
    const size = { width: layout.width, height: raised.height, scale: format === "png" ? 2 : 1 };
    const filename = `${shown.answers[0].metric}-${sdot.zone.written(shown.answers[0].start).slice(0, 10)}`;
    return plotly.downloadImage({ data, layout: raised, config: SETTINGS }, { format, filename, ...size });
  }

  const forget = () => (drawn = "");

  sdot.chart = { chart, picture, forget, load };
})();
