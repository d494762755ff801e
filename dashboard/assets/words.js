// Words, numbers and times as this viewer reads them: language, the city's time zone, tabular figures.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const MINUS = "\u2212";
  const HALF_DAY_MS = 43200000;
  let config = null;
  let lang = "en";
  let cache = new Map();

  function use(newConfig, newLang) {
    if (config === newConfig && lang === newLang) return;
    config = newConfig;
    lang = newLang;
    cache = new Map();
  }

  // Formatters of Intl are dear to make and cheap to keep.
  function kept(key, make) {
    if (!cache.has(key)) cache.set(key, make());
    return cache.get(key);
  }

  function say(key, args) {
    const words = (config.text[lang] || config.text.en)[key];
    if (words === undefined) return key;
    return args ? words.replace(/\{(\w+)\}/g, (_, name) => args[name] ?? "") : words;
  }

  // say() where a language may want another sentence for one.
  function many(key, n, args) {
    const own = n === 1 && `${key}_one` in config.text.en;
    return say(own ? `${key}_one` : key, { n: number(n), ...args });
  }

  const pick = (names) => names[lang] || names.en || Object.values(names)[0] || "";

  // With `decimals` digits after the point; where the value has more, with up to `most`.
  function number(value, decimals = 0, most = decimals) {
    if (value === null || value === undefined) return "–";
    const make = () =>
      new Intl.NumberFormat(lang, { minimumFractionDigits: decimals, maximumFractionDigits: most });
    const text = kept(`n${decimals} ${most}`, make).format(value);
    return /^-0([.,]0*)?$/.test(text) ? text.slice(1) : text.replace("-", MINUS);
  }

  const figure = (metric, value) => number(value, metric.decimals);
  const unit = (metric) => (metric.units || {})[lang] || metric.unit;

  const clockFace = (options) => (ms) =>
    kept(JSON.stringify(options), () => new Intl.DateTimeFormat(lang, { timeZone: config.zone, ...options })).format(
      ms,
    );
  const hhmm = clockFace({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const hhmmss = clockFace({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const weekday = clockFace({ weekday: "short" });
  const dayMonth = clockFace({ day: "numeric", month: "short" });
  const isoDay = (ms) =>
    kept("iso", () => new Intl.DateTimeFormat("sv", { timeZone: config.zone, dateStyle: "short" })).format(ms);

  // How far the city's clocks are ahead of UTC at an instant, ms.
  function offset(ms) {
    const make = () =>
      new Intl.DateTimeFormat("sv", { timeZone: config.zone, dateStyle: "short", timeStyle: "medium" });
    return Date.parse(`${kept("local", make).format(ms).replace(" ", "T")}Z`) - Math.floor(ms / 1000) * 1000;
  }

  // A time of today or of the last half day as 13:45 (at 00:10 "23:50" is clear), of another day with its date.
  const moment = (ms, now) =>
    isoDay(ms) === isoDay(now) || Math.abs(now - ms) < HALF_DAY_MS ? hhmm(ms) : `${isoDay(ms)} ${hhmm(ms)}`;

  function date(ms) {
    const [year, month, day] = isoDay(ms).split("-");
    return lang === "ko" ? `${year}.${month}.${day} ${weekday(ms)}` : `${weekday(ms)} ${dayMonth(ms)}`;
  }

  // How old something is. From 10 s on in whole tens where many ages stand together, exact where one counts.
  function age(ms, exact) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) return say("age_s", { n: exact || s < 10 ? s : s - (s % 10) });
    const minutes = Math.floor(s / 60);
    if (minutes < 60 && exact) return `${say("age_min", { n: minutes })} ${say("age_s", { n: s % 60 })}`;
    if (minutes < 60) return say("age_min", { n: minutes });
    if (minutes < 48 * 60) return say("age_h", { n: Math.floor(minutes / 60) });
    return say("age_d", { n: number(Math.floor(minutes / 1440)) });
  }

  // A length of time in hours and minutes.
  function span(ms) {
    const minutes = Math.round(ms / 60000);
    const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
    const parts = [hours ? say("age_h", { n: hours }) : "", rest || !hours ? say("age_min", { n: rest }) : ""];
    return parts.filter(Boolean).join(" ");
  }

  // "강남", "Gangnam": the name without the word for district, as maps and tight places have it.
  const shortName = (district) => pick(district.short || {}) || pick(district.names);

  // What this city calls one district, or several.
  function district(count = 1) {
    const words = config.district_words[lang] || config.district_words.en || Object.values(config.district_words)[0];
    return words[count === 1 ? 0 : 1];
  }

  // "초미세먼지 PM2.5": the name, and its formula where the name does not hold it.
  function metricName(metric) {
    const [name, short] = [pick(metric.names), pick(metric.short)];
    return { name, formula: /\d/.test(short) && !name.includes(short) ? short : "" };
  }

  function kind(text) {
    if (!text) return "";
    const key = [`kind_${text}`, `kind_${text.replace(/s$/, "")}`, `kind_${text.replace(/ies$/, "y")}`].find(
      (name) => name in config.text.en,
    );
    return key ? say(key) : text.replaceAll("_", " ");
  }

  sdot.words = {
    use,
    say,
    many,
    pick,
    number,
    figure,
    unit,
    hhmm,
    hhmmss,
    moment,
    offset,
    date,
    age,
    span,
    shortName,
    district,
    metricName,
    kind,
    get lang() {
      return lang;
    },
  };
})();
