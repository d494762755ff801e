// Where the map's words go: inside their district, never on each other, never under a ring.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const STEP = 5; // px between two places that are tried
  const REACH = 9; // steps to each side
  const GAP = 3; // px that stay free round each label
  const FAR = 330; // px, longest leader
  const CROSSED = 150; // px of detour that spare a crossed word
  const [OVERLAP, OUTSIDE, RING] = [1e5, 6, 2e5]; // cost of touching a label, of a px² outside, of a ring

  const box = (item, x, y) => ({ l: x - item.w / 2, r: x + item.w / 2, t: y - item.h / 2, b: y + item.h / 2 });
  const touch = (a, b, gap) => a.l < b.r + gap && b.l < a.r + gap && a.t < b.b + gap && b.t < a.b + gap;

  function ringTouches(ring, b) {
    const dx = Math.max(b.l - ring.x, 0, ring.x - b.r);
    const dy = Math.max(b.t - ring.y, 0, ring.y - b.b);
    return dx * dx + dy * dy < (ring.r + 5) ** 2;
  }

  // How much of a box, in px², stands outside its district: fifteen points of it are looked at.
  function outside(item, b, inside) {
    const [dx, dy] = [(b.r - b.l) / 4, (b.b - b.t) / 2];
    let count = 0;
    for (let i = 0; i < 5; i += 1)
      for (let j = 0; j < 3; j += 1) if (!inside(item.code, b.l + i * dx, b.t + j * dy)) count += 1;
    return (count / 15) * item.w * item.h;
  }

  function cost(item, x, y, best, room) {
    let sum = (x - item.x) ** 2 + (y - item.y) ** 2;
    if (sum >= best) return sum;
    const b = box(item, x, y);
    if (b.l < 0 || b.t < 0 || b.r > room.W || b.b > room.H) sum += OVERLAP;
    for (const other of room.items) if (other !== item && other.box && touch(b, other.box, GAP)) sum += OVERLAP;
    for (const ring of room.rings) if (ringTouches(ring, b)) sum += RING;
    if (sum >= best) return sum;
    return sum + OUTSIDE * outside(item, b, room.inside);
  }

  function settle(item, room) {
    let [best, at] = [Infinity, [item.x, item.y]];
    for (let i = 0; i <= REACH; i += 1) {
      for (const [dx, dy] of shell(i)) {
        const [x, y] = [item.x + dx * STEP, item.y + dy * STEP];
        const sum = cost(item, x, y, best, room);
        if (sum < best) [best, at] = [sum, [x, y]];
      }
      if (best < (STEP * (i + 1)) ** 2) break; // nothing farther out can be better
    }
    item.cost = best;
    item.box = box(item, ...at);
  }

  function shell(i) {
    if (!i) return [[0, 0]];
    const places = [];
    for (let j = -i; j <= i; j += 1) places.push([j, -i], [j, i]);
    for (let j = -i + 1; j < i; j += 1) places.push([-i, j], [i, j]);
    return places;
  }

  // Small districts choose first, then everyone once more, knowing the others. An item that still touches
  // another, or hangs out of its district by most of its width, falls back to its smaller form.
  function place(items, room) {
    const order = [...items].sort((a, b) => a.area - b.area);
    room.items = items;
    for (let pass = 0; pass < 3; pass += 1) for (const item of order) settle(item, room);
    for (let worst = misfits(order, room); worst.length; worst = misfits(order, room)) {
      for (const item of worst) Object.assign(item, item.small, { small: null, isSmall: true });
      for (const item of order) settle(item, room);
    }
    return items;
  }

  // The two labels that fit worst; making them small may be enough for the rest.
  function misfits(items, room) {
    const bad = items.filter((item) => item.small && item.cost >= OUTSIDE * room.most);
    return bad.sort((a, b) => b.cost - a.cost).slice(0, 2);
  }

  // A plate for each ring: outside the city, clear of everything, its leader short and crossing few words; none
  // for a ring that is too far from any free place (the box beside the map lists it anyway).
  function plates(rings, sizes, room) {
    const taken = [...room.fixed];
    return rings.map((ring, i) => {
      const plate = bestPlate(ring, sizes[i], room, taken);
      if (plate) taken.push(plate.box);
      return plate;
    });
  }

  function bestPlate(ring, size, room, taken) {
    let best = null;
    for (let x = size.w / 2 + 1; x < room.W - size.w / 2; x += 12) {
      for (let y = 14; y < room.H - 14; y += 12) {
        const b = box(size, x, y);
        const end = { x: Math.min(b.r, Math.max(b.l, ring.x)), y: Math.min(b.b, Math.max(b.t, ring.y)) };
        const length = Math.hypot(end.x - ring.x, end.y - ring.y);
        if (length > FAR || (best && length >= best.score)) continue;
        if (room.overCity(b) || taken.some((other) => touch(b, other, 8))) continue;
        const score = length + CROSSED * crossings(ring, end, room);
        if (!best || score < best.score) best = { score, box: b, end };
      }
    }
    return best;
  }

  function crossings(from, to, room) {
    const steps = 40;
    const hit = new Set();
    for (let i = 1; i < steps; i += 1) {
      const [x, y] = [from.x + ((to.x - from.x) * i) / steps, from.y + ((to.y - from.y) * i) / steps];
      for (const item of room.items) {
        const b = item.box;
        if (x > b.l - 2 && x < b.r + 2 && y > b.t - 2 && y < b.b + 2) hit.add(item);
      }
      for (const ring of room.rings) if (Math.hypot(ring.x - x, ring.y - y) < ring.r && ring !== from) hit.add(ring);
    }
    return hit.size;
  }

  sdot.labels = { place, plates, touch };
})();
