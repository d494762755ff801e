// Moving about on the map: wheel, drag, two fingers, buttons and keys, never beyond the city.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const DRAG = 4; // px before a press becomes a drag and stops being a click
  let room = null;
  let waiting = false;
  const pointers = new Map();
  let travelled = 0;

  const frame = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      room.moved();
    });
  };

  // Keep at least the city's box in touch with the view.
  function clamp() {
    const { map } = room;
    const [free, size] = [(zoom, length) => length * (zoom - 1), { x: map.W, y: map.H }];
    for (const axis of ["x", "y"]) map[axis] = Math.min(0, Math.max(-free(map.zoom, size[axis]), map[axis]));
  }

  function zoomAt(factor, x, y) {
    const { map } = room;
    const zoom = Math.min(room.MAX_ZOOM, Math.max(1, map.zoom * factor));
    map.x = x - ((x - map.x) * zoom) / map.zoom;
    map.y = y - ((y - map.y) * zoom) / map.zoom;
    map.zoom = zoom;
    clamp();
    frame();
  }

  function drag(dx, dy) {
    room.map.x += dx;
    room.map.y += dy;
    clamp();
    frame();
  }

  const local = (event) => {
    const r = room.root.getBoundingClientRect();
    return [event.clientX - r.left, event.clientY - r.top];
  };

  // A wheel zooms, except where the page itself has something left to scroll and the map is at rest.
  function onWheel(event) {
    const atRest = room.map.zoom === 1;
    if (atRest && !event.ctrlKey && (event.deltaY > 0 || scrollY > 0)) return;
    event.preventDefault();
    zoomAt(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), ...local(event));
  }

  function onMove(event) {
    const old = pointers.get(event.pointerId);
    if (!old) return;
    const [dx, dy] = [event.clientX - old.clientX, event.clientY - old.clientY];
    const others = [...pointers.entries()].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
    pointers.set(event.pointerId, event);
    travelled += Math.abs(dx) + Math.abs(dy);
    if (others.length) pinch(old, event, others[0]);
    else if (room.map.zoom > 1 && travelled > DRAG) drag(dx, dy);
  }

  function pinch(old, now, other) {
    const apart = (p) => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY) || 1;
    const middle = { clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2 };
    zoomAt(apart(now) / apart(old), ...local(middle));
  }

  const centre = () => [room.map.W / 2, room.map.H / 2];
  const step = {
    in: () => zoomAt(1.6, ...centre()),
    out: () => zoomAt(1 / 1.6, ...centre()),
    fit: () => zoomAt(1e-9, ...centre()),
  };

  function onKey(event) {
    const deed = { "+": step.in, "=": step.in, "-": step.out, 0: step.fit }[event.key];
    if (deed && !event.ctrlKey && !event.metaKey) deed();
  }

  function watch(root, given) {
    room = { ...given, root };
    root.addEventListener("wheel", onWheel, { passive: false });
    root.addEventListener("pointerdown", (event) => {
      travelled = pointers.size ? travelled : 0;
      pointers.set(event.pointerId, event);
    });
    root.addEventListener("pointermove", onMove);
    for (const end of ["pointerup", "pointercancel"])
      addEventListener(end, (event) => pointers.delete(event.pointerId));
    root.addEventListener("click", (event) => travelled > DRAG && event.detail > 0 && event.stopPropagation(), true);
    root.addEventListener("keydown", onKey);
  }

  sdot.pan = { watch, step };
})();
