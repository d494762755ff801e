// The value axis: one scale for all that is compared, its ticks, and the grades of the standard along it.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const HEADROOM = 1.04; // of the highest value, so that no line touches the frame
  const DAY = 86400000;

  const metricOf = (config, key) => config.metrics.find((metric) => metric.key === key);

  // A step of 1, 2 or 5 of some power of ten, so that at most `most` of them cover `size`.
  function niceStep(size, most) {
    const rough = size / most || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * [1, 2, 5, 10].find((m) => m * power >= rough * (1 - 1e-9));
  }

  // Least and most of lists of numbers and nulls; null where there is none.
  function extent(lists) {
    let [low, high] = [Infinity, -Infinity];
    for (const list of lists) {
      for (const value of list) {
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return low <= high ? [low, high] : null;
  }

  // Graded metrics and counts begin at 0 and reach past the limit, or a calm day would look like a cliff.
  function axis(metric, range, limit, most = 5) {
    if (metric.aggregation === "vector") return { start: 0, end: 360, ticks: [0, 90, 180, 270, 360], digits: 0 };
    const [low, high] = range || [0, limit || 1];
    const fromZero = metric.scales.length > 0 || metric.aggregation === "sum";
    const top = Math.max(high, limit === null ? -Infinity : limit * 1.2);
    const least = fromZero ? 0 : low;
    const step = niceStep(Math.max(top * HEADROOM - least, 1e-6), most);
    const start = fromZero ? 0 : Math.floor(low / step) * step;
    const end = Math.max(start + step, Math.ceil((top * (top > 0 ? HEADROOM : 1) - 1e-9) / step) * step);
    const ticks = [];
    for (let i = 0; start + i * step <= end + step * 1e-6; i += 1) ticks.push(start + i * step);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return { start, end, ticks, digits };
  }

  // The scales of the standard that hold within a span on the city's clock, each with its part of it.
  function inForce(metric, start, end) {
    return metric.scales
      .map((scale, i) => {
        const since = Date.parse(`${scale.since}T00:00:00Z`);
        const until = i === 0 ? Infinity : Date.parse(`${metric.scales[i - 1].since}T00:00:00Z`);
        return { ...scale, from: Math.max(start, since), to: Math.min(end, until) };
      })
      .filter((scale) => scale.from < scale.to);
  }

  // The highest value that is not yet bad: the threshold that the pages count hours over.
  const BAD = 2;
  const limitOf = (scale) => scale.bands[BAD - 1][1];

  // Of the standard of today.
  const limit = (metric) => (metric.scales.length ? limitOf(metric.scales[0]) : null);

  sdot.scale = { metricOf, niceStep, extent, axis, inForce, limitOf, limit, BAD, DAY };
})();
