// Time on the city's clock: instants as that clock shows them, ticks of the time axis, spans and moments in words.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const [MINUTE, HOUR, DAY] = [60000, 3600000, 86400000];
  const LOOK_MS = 14 * DAY; // clocks are never changed twice within two weeks
  const BETWEEN_PX = { wide: 88, narrow: 60 }; // ticks stand at least so far apart
  const HOURS = [1, 2, 3, 6, 12];
  const DAYS = [1, 2, 7, 14];
  const MONTHS = [1, 2, 3, 6, 12];

  // Instants of a span → ms that read as UTC are the city's clock. Asking Intl for each of 27,000 points would take
  // longer than drawing them; the offset is asked every two weeks, and its change looked for by halves.
  function clockOf(start, end) {
    const marks = [[start, sdot.words.offset(start)]];
    for (let at = start; at < end; at += LOOK_MS) {
      const next = Math.min(at + LOOK_MS, end);
      const [before, after] = [sdot.words.offset(at), sdot.words.offset(next)];
      if (before !== after) marks.push([changeBetween(at, next, before), after]);
    }
    if (marks.length === 1) return (ms) => ms + marks[0][1];
    return (ms) => ms + marks.findLast(([from], i) => i === 0 || from <= ms)[1];
  }

  function changeBetween(early, late, offset) {
    let [a, b] = [early, late];
    while (b - a > MINUTE) {
      const middle = Math.floor((a + b) / 2);
      if (sdot.words.offset(middle) === offset) a = middle;
      else b = middle;
    }
    return Math.floor(b / MINUTE) * MINUTE;
  }

  // Formats of times that read as UTC, in the viewer's language.
  const made = new Map();
  function format(options, ms) {
    const key = `${sdot.words.lang} ${JSON.stringify(options)}`;
    if (!made.has(key)) made.set(key, new Intl.DateTimeFormat(sdot.words.lang, { timeZone: "UTC", ...options }));
    return made.get(key).format(ms);
  }

  const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const LABELS = {
    hour: (ms) => (ms % DAY === 0 ? LABELS.day(ms) : format(CLOCK, ms)),
    day: (ms) =>
      sdot.words.lang === "ko"
        ? `${new Date(ms).getUTCDate()}일 ${format({ weekday: "short" }, ms)}`
        : `${format({ weekday: "short" }, ms)} ${new Date(ms).getUTCDate()}`,
    week: (ms) => format({ month: "short", day: "numeric" }, ms),
    month: (ms) =>
      new Date(ms).getUTCMonth() === 0 ? String(new Date(ms).getUTCFullYear()) : format({ month: "short" }, ms),
  };

  // Ticks of a span given on the city's clock: [{at, text}], as many as there is room for.
  function ticks(start, end, width) {
    const most = Math.max(2, Math.floor(width / BETWEEN_PX[width < 500 ? "narrow" : "wide"]));
    const hours = HOURS.find((n) => (end - start) / (n * HOUR) <= most);
    if (hours) return each(start, end, hours * HOUR, 0, LABELS.hour);
    const days = DAYS.find((n) => (end - start) / (n * DAY) <= most);
    // 1970-01-01 was a Thursday: weeks begin on Mondays
    if (days) return each(start, end, days * DAY, days < 7 ? 0 : 4 * DAY, days < 7 ? LABELS.day : LABELS.week);
    const months = MONTHS.find((n) => (end - start) / (n * 30.4 * DAY) <= most) || 12;
    return eachMonth(start, end, months);
  }

  function each(start, end, step, phase, label) {
    const found = [];
    for (let at = Math.ceil((start - phase) / step) * step + phase; at <= end; at += step) {
      found.push({ at, text: label(at) });
    }
    return found;
  }

  function eachMonth(start, end, step) {
    const found = [];
    const first = new Date(start);
    for (let month = 0; month < 1200; month += 1) {
      const at = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + month, 1);
      if (at > end) break;
      if (at >= start && new Date(at).getUTCMonth() % step === 0) found.push({ at, text: LABELS.month(at) });
    }
    return found;
  }

  // "Nov 17 15:00", with the year where the span holds several or is of another one than now.
  function moment(ms, year, time = true) {
    const at = ms + sdot.words.offset(ms);
    const day = format({ day: "numeric", month: "short", ...(year ? { year: "numeric" } : {}) }, at);
    return time ? `${day} ${format(CLOCK, at)}` : day;
  }

  // "Mon 23, 14:00": a moment inside a span that is told elsewhere.
  function inside(ms, span) {
    const at = ms + sdot.words.offset(ms);
    if (span > 45 * DAY) return moment(ms, span > 300 * DAY, span < 100 * DAY);
    return `${LABELS.day(at)}, ${format(CLOCK, at)}`;
  }

  // As the address has it: the city's clock, to the minute.
  const written = (ms) => new Date(ms + sdot.words.offset(ms)).toISOString().slice(0, 16);

  // How long something lasted, in the largest unit that tells it.
  function length(ms) {
    const { say, number } = sdot.words;
    if (ms < HOUR) return say("age_min", { n: Math.round(ms / MINUTE) });
    if (ms < 2 * DAY) return say("age_h", { n: number(ms / HOUR, 0, ms < 10 * HOUR ? 1 : 0) });
    return say("age_d", { n: number(ms / DAY, 0, ms < 10 * DAY ? 1 : 0) });
  }

  function zoneName(ms, zone) {
    const parts = new Intl.DateTimeFormat(sdot.words.lang, { timeZone: zone, timeZoneName: "short" }).formatToParts(ms);
    return parts.find((part) => part.type === "timeZoneName").value;
  }

  sdot.zone = { clockOf, ticks, moment, inside, written, length, zoneName, HOUR, DAY };
})();
