// The last 24 hours, loaded once: the figure of any district at any of its 10-minute steps, without asking anybody.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const AGAIN_MS = 20000; // between two requests: a new step comes every 10 minutes, what is late in between
  const NONE = { v: null, n: 0, N: 0, at: null, g: null, s: "none", lo: null, hi: null, last: null };
  const day = { data: null, version: null, asked: -AGAIN_MS, busy: false, places: new Map(), lines: new Map() };

  // Fetch the day where the snapshot tells of another one; never while the viewer looks at the past.
  async function refresh(snap, past, done) {
    const wanted = snap && snap.day_version;
    const soon = performance.now() - day.asked < AGAIN_MS;
    if (!wanted || wanted === day.version || day.busy || past || (day.data && soon)) return;
    Object.assign(day, { busy: true, asked: performance.now() });
    try {
      const answer = await fetch("/api/day");
      if (!answer.ok) return;
      take(await answer.json());
      day.version = wanted;
      done();
    } catch {
      // the connection is lost: the bar says so, and a later tick asks again
    } finally {
      day.busy = false;
    }
  }

  function take(data) {
    day.data = data;
    day.lines = new Map();
    day.places = new Map(data.districts.map((code, i) => [code, i]));
  }

  const forget = () => Object.assign(day, { version: null });

  const steps = (key) => (day.data && day.data.metrics[key] ? day.data.metrics[key].s[0].length : 0);
  const at = (k) => day.data.first + k * day.data.step_s * 1000;

  // The step nearest to an instant, within those that there are; −1 where there is none.
  function nearest(ms, key) {
    if (!day.data || !steps(key)) return -1;
    return Math.min(steps(key) - 1, Math.max(0, Math.round((ms - day.data.first) / (day.data.step_s * 1000))));
  }

  // The step of an instant, −1 where it is not one of them.
  function stepOf(ms, key) {
    const k = nearest(ms, key);
    return k >= 0 && Math.abs(at(k) - ms) < day.data.step_s * 500 ? k : -1;
  }

  // A figure as the snapshot has it; without a code the city's.
  function figure(code, key, k) {
    const metric = day.data && day.data.metrics[key];
    const place = code === null ? (metric ? metric.s.length - 1 : 0) : day.places.get(code);
    if (!metric || place === undefined || !metric.s[place][k]) return NONE;
    const letter = metric.s[place][k];
    const n = metric.n[place][k];
    const N = Math.max(n, metric.N[place]);
    const common = { ...NONE, n, N, v: metric.v[place][k] };
    if (letter === "-") return { ...common, v: null };
    if (letter === "f") return { ...common, s: "few" };
    return { ...common, s: "ok", g: letter === "o" ? null : Number(letter) };
  }

  // All steps of one place and then what it is now: values that may be drawn as a line, else null.
  function series(code, key, now) {
    const point = ({ v, s }) => ({ v: s === "ok" ? v : null, s });
    const name = `${code} ${key}`;
    if (!day.lines.has(name)) {
      day.lines.set(
        name,
        Array.from({ length: steps(key) }, (_, k) => point(figure(code, key, k))),
      );
    }
    const past = day.lines.get(name);
    return now ? [...past, point(now)] : past;
  }

  sdot.day = {
    refresh,
    take,
    forget,
    steps,
    at,
    nearest,
    stepOf,
    figure,
    series,
    get data() {
      return day.data;
    },
  };
})();
