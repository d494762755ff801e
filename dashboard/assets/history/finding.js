// What the chart shows, in words: the finding, the data behind it, the resolution and why, what is left out.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const WEEK = 7 * 86400000;

  // The whole name: "Yeongdeungpo-gu"; a sensor's serial.
  function placeName(the, code) {
    const district = the.config.districts.find((one) => one.code === code);
    return district ? sdot.words.pick(district.names) : code;
  }

  function spanName(asked, answer) {
    return asked.span ? sdot.words.say(`over_${asked.span}`) : sdot.zone.length(answer.end - answer.start);
  }

  const isWeek = (answer) => answer.before && answer.before.shift_ms === WEEK;
  const beforeName = (answer) => sdot.words.say(isWeek(answer) ? "before_week" : "before_span");

  // Whether the time before is not the week before: it is as long as what is asked for.
  function isLong(the) {
    const { asked, shown } = the;
    if (asked.span) return sdot.address.SPANS.indexOf(asked.span) > 1;
    return Boolean(shown) && shown.answers[0].end - shown.answers[0].start > WEEK;
  }

  // Rounded as both are printed, so that the reader's own sum comes out.
  function delta(metric, now, then) {
    const round = (value) => Number(value.toFixed(metric.decimals));
    const value = round(now) - round(then);
    return `${value > 0 ? "+" : value < 0 ? "" : "±"}${sdot.words.figure(metric, value)}`;
  }

  // "Guro-gu: mean PM2.5 28 µg/m³ over 7 days, +12 on the week before".
  function verdict(the, shown, answer) {
    const { say, figure, unit, pick } = sdot.words;
    const metric = sdot.scale.metricOf(the.config, answer.metric);
    const { finding } = answer;
    const span = spanName(shown.asked, answer);
    if (!finding || finding.mean === null || finding.mean === undefined) {
      const place = answer.series.length ? placeName(the, answer.series[0].place) : "";
      return say(place ? "finding_none" : "finding_nothing", { place, metric: pick(metric.short), span });
    }
    const args = {
      place: placeName(the, finding.place),
      metric: pick(metric.short),
      v: `${figure(metric, finding.mean)} ${unit(metric)}`,
      span,
    };
    const kind = metric.aggregation === "sum" ? "sum" : "mean";
    const first =
      kind === "sum" ? say("finding_sum", { ...args, step: say(`step_${answer.level}`) }) : say("finding_mean", args);
    if (finding.before_mean === null || finding.before_mean === undefined || metric.aggregation === "vector")
      return first;
    return `${first}, ${say(isWeek(answer) ? "finding_on_week" : "finding_on_span", { d: delta(metric, finding.mean, finding.before_mean) })}`;
  }

  const DAY_AND_MORE = 300 * 86400000;

  function period(the, answer) {
    const year = answer.end - answer.start > DAY_AND_MORE || the.now - answer.start > DAY_AND_MORE;
    const time = answer.level !== "day";
    const zone = sdot.zone.zoneName(answer.end, the.config.zone);
    return `${sdot.zone.moment(answer.start, year, time)} – ${sdot.zone.moment(answer.end, year, time)} ${zone}`;
  }

  const range = ([low, high]) => {
    const { number } = sdot.words;
    return low === high ? number(low) : `${number(low)}–${number(high)}`;
  };

  // How much is behind it: a comparison without its count is none.
  function grounds(the, answer) {
    const { say, many, number } = sdot.words;
    const { finding } = answer;
    if (!finding) return [period(the, answer)];
    const told = [period(the, answer)];
    told.push(say(`have_${answer.level}`, { n: number(finding.have), of: number(finding.of) }));
    if (answer.unit === "district" && finding.sensors) {
      told.push(many(`sensors_${answer.level}`, finding.sensors[1], { n: range(finding.sensors) }));
    }
    if (finding.over) {
      const { limit, hours, of_hours: of } = finding.over;
      told.push(say("over_limit", { limit: number(limit), n: number(hours), of: number(of) }));
    }
    if (answer.before) {
      const have = { n: number(finding.before_have ?? 0), of: number(finding.before_of ?? finding.of) };
      told.push(`${beforeName(answer)}: ${say(`count_${answer.level}`, have)}`);
    }
    return told;
  }

  // As the picture and who hears the page get it.
  function sentences(the, shown) {
    return shown.answers.flatMap((answer) => [verdict(the, shown, answer), grounds(the, answer).join(" · ")]);
  }

  function resolution(the, answer) {
    const { say, number } = sdot.words;
    const metric = sdot.scale.metricOf(the.config, answer.metric);
    const kind = metric.aggregation === "sum" && answer.level !== "raw" ? "sum" : "mean";
    return say("resolution", { step: say(`level_${kind}_${answer.level}`), n: number(answer.points) });
  }

  const FINER = { "10min": "raw", hour: "10min", day: "hour" };
  const FINER_MS = { raw: 120000, "10min": 600000, hour: 3600000 };

  // Why this step and no finer one.
  function why(the, answer) {
    const { say, number } = sdot.words;
    const finer = FINER[answer.level];
    if (answer.why === "finest" || !finer) return say("why_finest");
    const step = say(`step_${finer}`);
    if (answer.why === "beside") return say("why_beside");
    if (answer.why === "pace") return say("why_pace", { step });
    if (answer.why === "kept") {
      const since = finer === "raw" || answer.unit === "sensor" ? answer.kept.raw : answer.kept.hours;
      return say("why_kept", { step, since: sdot.zone.moment(since, true, false) });
    }
    return say("why_points", { step, n: number((answer.end - answer.start) / FINER_MS[finer]) });
  }

  function finding(the) {
    const { shown } = the;
    if (!shown) {
      const words = the.unnamed ? "choose_sensor" : "loading";
      fill("history-finding", the.trouble ? null : h("h2", {}, sdot.words.say(words)));
      return;
    }
    fill(
      "history-finding",
      shown.answers.map((answer, i) => oneFinding(the, shown, answer, i)),
    );
  }

  function oneFinding(the, shown, answer, i) {
    const body = [
      h(i ? "h3" : "h2", { class: "verdict" }, verdict(the, shown, answer)),
      h("p", { class: "fine grounds" }, grounds(the, answer).join(" · ")),
    ];
    const [tag, reason] = [resolution(the, answer), why(the, answer)];
    const again = i > 0 && tag === resolution(the, shown.answers[0]) && reason === why(the, shown.answers[0]);
    const beside = again
      ? null
      : [h("p", { class: "resolution" }, tag), h("p", { class: "fine" }, sdot.words.say("why", { why: reason }))];
    return h(
      "div",
      { class: "one", key: answer.metric },
      h("div", { class: "said" }, body),
      h("div", { class: "how" }, beside),
    );
  }

  // Words at the chart.

  function gapWords(gap) {
    const key = `gap_${gap.cause}`;
    const known = gap.cause && sdot.words.say(key);
    const length = sdot.words.say("gap_none", { length: sdot.zone.length(gap.to - gap.from) });
    return known && known !== key ? `${length} · ${known}` : length;
  }

  function thresholdWords(panel, scale) {
    const { say, number, pick } = sdot.words;
    const band = panel.the.config.standard.bands[sdot.scale.BAD];
    const limit = scale.bands[sdot.scale.BAD][0];
    return say("threshold", { grade: pick(band.names), n: number(limit), since: scale.since });
  }

  function peakWords(panel) {
    const { say, many, number, figure, unit } = sdot.words;
    const { peak } = panel.answer.finding;
    const value = `${figure(panel.metric, peak.v)} ${unit(panel.metric)}`;
    const first = say(`peak_${panel.answer.level}`, { v: value });
    const at = sdot.zone.inside(peak.t, panel.answer.end - panel.answer.start);
    if (panel.answer.unit !== "district" || peak.sensors === null) return [first, at];
    const n = peak.of ? `${number(peak.sensors)}/${number(peak.of)}` : number(peak.sensors);
    return [first, `${at} · ${many("sensors_of", peak.sensors, { n })}`];
  }

  // The line below the chart: what its marks mean, and what is not in it.
  function legend(the) {
    const { say } = sdot.words;
    const { shown } = the;
    if (!shown) {
      fill("history-legend");
      return;
    }
    const [answer] = shown.answers;
    const district = answer.unit === "district";
    const key = (mark, text) =>
      h("span", { class: "key", key: mark }, h("i", { class: `mark ${mark}`, "aria-hidden": "true" }), text);
    fill(
      "history-legend",
      shown.answers.some((one) => sdot.figure.hasBand(sdot.scale.metricOf(the.config, one.metric)))
        ? key("band", say(district ? `key_band_${answer.level}` : "key_band_sensor"))
        : null,
      shown.answers.some((one) => one.gaps.length) ? key("hatch", say("key_gap")) : null,
      answer.before ? key("dots", beforeName(answer)) : null,
      nothingOf(the, shown),
      leftOut(the, answer),
      imported(answer),
      asOf(answer),
      answer.below_horizon
        ? h("span", { key: "below" }, say("below_horizon", { since: sdot.zone.moment(answer.kept.hours, true, false) }))
        : null,
    );
  }

  function asOf(answer) {
    const { say, hhmmss } = sdot.words;
    return h(
      "span",
      { class: "asof", key: "asof" },
      say("asof", { time: hhmmss(answer.asked) }),
      h("button", { type: "button", class: "again", "data-act": "again", "aria-label": say("again") }, "↻"),
    );
  }

  // Chosen and not drawn anywhere: there is nothing to draw.
  function nothingOf(the, shown) {
    const empty = (place) =>
      shown.answers.every((one) => one.series.every((series) => series.place !== place || series.v.every((v) => v === null)));
    const places = shown.answers[0].series.map((series) => series.place).filter(empty);
    if (!places.length || places.length === shown.answers[0].series.length) return null;
    const names = places.map((place) => sdot.figure.nameOf(the, place)).join(", ");
    return h("span", { key: "nothing" }, sdot.words.say("nothing_of", { places: names }));
  }

  function leftOut(the, answer) {
    const { say, number } = sdot.words;
    const { finding } = answer;
    if (!finding || (finding.flagged === null && finding.unverified === null)) return null;
    const parts = [
      finding.flagged === null || finding.flagged === undefined
        ? null
        : say("left_flagged", { n: number(finding.flagged) }),
      finding.unverified === null || finding.unverified === undefined
        ? null
        : say("left_unverified", { n: number(finding.unverified) }),
    ].filter(Boolean);
    if (!parts.length) return null;
    return h(
      "span",
      { key: "left" },
      say("left_out", { place: placeName(the, finding.place), parts: parts.join(" · ") }),
    );
  }

  function imported(answer) {
    const spans = answer.imported || [];
    if (!spans.length) return null;
    const days = spans.map(
      ([from, to]) => `${sdot.zone.moment(from, true, false)} – ${sdot.zone.moment(to, true, false)}`,
    );
    return h("span", { key: "imported" }, sdot.words.say("imported", { spans: days.join(", ") }));
  }

  sdot.finding = { finding, legend, sentences, gapWords, thresholdWords, peakWords, beforeName, placeName, isLong };
})();
