// What changed in the last 24 hours, newest first, each with the value that caused it.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const SHOWN = 8;
  const NAMED = 4; // districts named of many
  const PERSON = new Set(["silent", "flagged"]); // what lasts and asks for somebody
  let open = false;

  // Of the chosen metric and of sensors; and, before the server's, what is different now from the last step.
  function changes(the) {
    const own = sdot.day.data.changes.filter((one) => !one.m || one.m === the.metric.key || one.kind === "flagged");
    return [...fresh(the), ...own];
  }

  // A district whose grade is another one since the last step; the next step tells it for good.
  function fresh(the) {
    const k = sdot.day.steps(the.metric.key) - 1;
    if (k < 0 || !the.graded || !the.snap) return [];
    return the.config.districts.flatMap(({ code }) => {
      const [old, now] = [sdot.day.figure(code, the.metric.key, k), the.live(code, the.metric.key)];
      if (old.s !== "ok" || now.s !== "ok" || old.g === now.g || old.g === null || now.g === null) return [];
      const values = { v0: old.v, v1: now.v, g0: old.g, g1: now.g, n: now.n, N: now.N };
      return [{ kind: "grade", at: the.snap.now, ds: [code], m: the.metric.key, now: true, ...values }];
    });
  }

  const metricOf = (the, one) => the.config.metrics.find((m) => m.key === one.m) || the.metric;

  function names(the, one) {
    const { pick, shortName, say, number, district } = sdot.words;
    const known = one.ds.map((code) => the.config.districts.find((d) => d.code === code)).filter(Boolean);
    if (known.length === 1) return pick(known[0].names);
    if (!known.length) return "";
    if (known.length === the.config.districts.length) return say("all_districts", { n: number(known.length), word: district(2) });
    const more = known.length > NAMED ? say("and_more", { n: number(known.length - NAMED) }) : "";
    return [known.slice(0, NAMED).map(shortName).join(", "), more].filter(Boolean).join(" ");
  }

  const measured = (metric, v) => `${sdot.words.figure(metric, v)} ${sdot.words.unit(metric)}`;
  const share = (one) => sdot.words.many("of", one.N, { n: sdot.words.number(one.n), N: sdot.words.number(one.N) });

  // "SIM-0001, SIM-0002 외 43대"
  function who(one) {
    const { say, number } = sdot.words;
    const named = one.serials || [];
    const rest = one.count - named.length;
    return [named.join(", "), rest > 0 ? say("and_more", { n: number(rest) }) : ""].filter(Boolean).join(" ");
  }

  // Title and what stands below it.
  const tell = {
    grade(the, one) {
      const words = { place: names(the, one), from: sdot.speech.band(the, one.g0), to: sdot.speech.band(the, one.g1) };
      const metric = metricOf(the, one);
      const values = `${sdot.words.figure(metric, one.v0)} → ${measured(metric, one.v1)} · ${share(one)}`;
      const marks = [sdot.speech.mark(one.g0), h("span", { class: "to" }, "›"), sdot.speech.mark(one.g1)];
      return [sdot.words.say(one.g1 > one.g0 ? "feed_worse" : "feed_better", words), [marks, h("span", {}, values)]];
    },
    lost(the, one) {
      const { say } = sdot.words;
      const place = names(the, one);
      const title = say(one.why === "few" ? "feed_few" : "feed_nothing", { place });
      if (one.ds.length > 1) return [title, say("feed_metric", { metric: sdot.words.metricName(metricOf(the, one)).name })];
      const last = one.v0 === undefined ? "" : say("feed_last", { v: measured(metricOf(the, one), one.v0) });
      return [title, [last, share(one)].filter(Boolean).join(" · ")];
    },
    back(the, one) {
      const title = sdot.words.say("feed_back", { place: names(the, one) });
      if (one.ds.length > 1) return [title, sdot.words.say("feed_metric", { metric: sdot.words.metricName(metricOf(the, one)).name })];
      const mark = one.g1 === undefined ? null : sdot.speech.mark(one.g1);
      return [title, [mark, h("span", {}, `${measured(metricOf(the, one), one.v1)} · ${share(one)}`)]];
    },
    silent(the, one) {
      return [sdot.words.many("feed_silent", one.count, { place: names(the, one) }), who(one)];
    },
    returned(the, one) {
      const { many, say, span } = sdot.words;
      const since = one.since
        ? say("feed_silence", { time: sdot.timeline.when(the, one.since), long: span(one.at - one.since) })
        : say("feed_long_silence");
      return [many("feed_returned", one.count, { place: names(the, one) }), `${since} · ${who(one)}`];
    },
    flagged(the, one) {
      const { say, metricName } = sdot.words;
      const value = one.v1 === undefined ? "" : measured(metricOf(the, one), one.v1);
      const words = { place: names(the, one), serial: who(one), metric: metricName(metricOf(the, one)).name };
      return [say("feed_flagged", words), [value, say("feed_flagged_since")].filter(Boolean).join(" · ")];
    },
    new(the, one) {
      return [sdot.words.many("feed_new", one.count, { place: names(the, one) }), who(one)];
    },
  };

  function line(the, one) {
    const [title, below] = tell[one.kind](the, one);
    const { hhmm, say } = sdot.words;
    const k = one.now ? -1 : sdot.day.nearest(one.at, the.metric.key);
    const here = the.past && k === the.past.k;
    return h(
      "li",
      { key: `${one.kind} ${one.at} ${one.ds.join()} ${one.m || ""} ${(one.serials || []).join()}`, class: here ? "here" : "" },
      k < 0
        ? h("span", { class: "when" }, say("feed_now"))
        : h(
            "button",
            { type: "button", class: "when", "data-act": "instant", "data-step": k, title: say("feed_go", { time: sdot.timeline.when(the, sdot.day.at(k)) }) },
            hhmm(one.at),
          ),
      h("p", {}, h("b", {}, title), h("span", { class: "cause-of" }, below)),
      PERSON.has(one.kind) ? h("i", { class: "person-ring", title: say("feed_person") }) : null,
    );
  }

  function draw(the) {
    const node = document.getElementById("live-feed");
    node.hidden = !sdot.day.data;
    if (!sdot.day.data) return;
    const { say, many, number } = sdot.words;
    const all = changes(the);
    const shown = open ? all : all.slice(0, SHOWN);
    fill(
      "live-feed",
      h(
        "header",
        { class: "head" },
        h("h2", {}, say("feed")),
        h("p", {}, many("feed_sub", all.length, { metric: sdot.words.metricName(the.metric).name })),
      ),
      all.length
        ? h(
            "ol",
            {},
            shown.map((one) => line(the, one)),
          )
        : h("p", { class: "nothing" }, say("feed_none")),
      all.length > SHOWN
        ? h(
            "button",
            { type: "button", class: "feed-more", "data-act": "feed", "aria-expanded": open ? "true" : "false" },
            open ? say("show_less") : say("feed_all", { n: number(all.length) }),
          )
        : null,
    );
  }

  function toggle() {
    open = !open;
  }

  sdot.feed = { draw, toggle };
})();
