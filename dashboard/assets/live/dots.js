// Sensors as dots on a canvas: grouped by colour, nothing under a label, nothing out of view.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const MANY = 5000; // beyond it the whole city would be a grey veil: dots wait for a closer look
  const CLOSE = 3; // zoom from which they show then
  const CELL = 4; // px of the mask of labels
  let dots = [];
  let version = null;
  let asked = null;

  // Fetch the places of all sensors when their version changed; `done` when they are here.
  async function refresh(wanted, done) {
    if (wanted === undefined || wanted === version || wanted === asked) return;
    asked = wanted;
    try {
      const answer = await fetch("/api/dots");
      if (!answer.ok) return;
      const data = await answer.json();
      [dots, version] = [data.dots, wanted];
      done();
    } catch {
      // the connection is lost: the bar says so, and the next tick asks again
    } finally {
      asked = null;
    }
  }

  const forget = () => {
    version = null;
  };
  const shown = (zoom, mode) => dots.length <= MANY || zoom >= CLOSE || (mode === "sensors" && zoom >= CLOSE / 2);
  const hidden = (zoom, mode) => dots.length > 0 && !shown(zoom, mode);

  // One byte for each cell of the canvas that a label covers.
  function mask(boxes, width, height) {
    const columns = Math.ceil(width / CELL);
    const cells = new Uint8Array(columns * Math.ceil(height / CELL));
    for (const b of boxes) {
      const [x0, x1] = [Math.max(0, Math.floor(b.l / CELL)), Math.min(columns - 1, Math.floor(b.r / CELL))];
      const [y0, y1] = [
        Math.max(0, Math.floor(b.t / CELL)),
        Math.min(Math.ceil(height / CELL) - 1, Math.floor(b.b / CELL)),
      ];
      for (let y = y0; y <= y1; y += 1) cells.fill(1, y * columns + x0, y * columns + x1 + 1);
    }
    return (x, y) => cells[Math.floor(y / CELL) * columns + Math.floor(x / CELL)] === 1;
  }

  // `frame`: {width, height, k, x, y, zoom, mode, boxes, colours: [colour of each district's label]}
  function draw(canvas, frame) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(frame.width * ratio), Math.round(frame.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, frame.width, frame.height);
    if (!shown(frame.zoom, frame.mode)) return;
    const size =
      (frame.mode === "sensors" ? 3 : 2) * Math.min(2.2, Math.sqrt(frame.zoom)) * (frame.width < 500 ? 0.8 : 1);
    pen.globalAlpha = frame.mode === "sensors" ? 0.75 : 0.36;
    for (const [colour, places] of visible(frame)) {
      pen.fillStyle = colour;
      if (size < 3.2)
        for (let i = 0; i < places.length; i += 2)
          pen.fillRect(places[i] - size / 2, places[i + 1] - size / 2, size, size);
      else round(pen, places, size / 2);
    }
  }

  // Screen places in view and under no label, as x, y, x, y …, by colour.
  function visible(frame) {
    const { width, height, k, x: left, y: top } = frame;
    const covered = mask(frame.boxes, width, height);
    const byColour = new Map();
    for (const [mapX, mapY, , district] of dots) {
      const [x, y] = [mapX * k + left, mapY * k + top];
      if (x < 0 || y < 0 || x >= width || y >= height || covered(x, y)) continue;
      const colour = frame.colours[district] || frame.colours.none;
      if (!byColour.has(colour)) byColour.set(colour, []);
      byColour.get(colour).push(x, y);
    }
    return byColour;
  }

  function round(pen, places, r) {
    pen.beginPath();
    for (let i = 0; i < places.length; i += 2) {
      pen.moveTo(places[i] + r, places[i + 1]);
      pen.arc(places[i], places[i + 1], r, 0, 2 * Math.PI);
    }
    pen.fill();
  }

  sdot.dots = { refresh, forget, hidden, draw };
})();
