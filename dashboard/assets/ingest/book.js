// The book: what came, what became of each reading, whether it closes; and, first of all, in words, what is wrong.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;

  // What a person should know, the worst first: {key, text, attn}.
  function findings(the) {
    const { say, many, number, hhmm } = sdot.words;
    const { snap } = the;
    const found = [];
    const add = (key, text, attn = true) => found.push({ key, text, attn });
    for (const [what, n] of Object.entries(snap.audit.off)) add(`off-${what}`, say(`off_${what}`, { n: number(Math.abs(n)) }));
    for (const slot of snap.slots) if (slot.state !== "reading") add(`slot-${slot.slot}`, sdot.slots.trouble(the, slot));
    for (const gap of snap.gaps.filter((one) => !one.to && one.kind !== "orphaned_slot")) {
      const args = { gap: sdot.gaps.name(gap), time: hhmm(gap.from), length: sdot.gaps.length(the, gap), slot: gap.slot };
      add(`gap-${gap.id}`, say("finding_gap", args));
    }
    const lossy = snap.gaps.filter((one) => one.lossy && one.to);
    if (lossy.length) add("lossy", many("finding_lossy", lossy.length));
    const late = snap.lag.arrival && snap.lag.arrival.p95 > snap.lag.promised;
    if (late) add("late", say("finding_late", { p95: sdot.charts.seconds(snap.lag.arrival.p95), n: number(snap.lag.promised) }));
    const refused = snap.spans.hour.readings_by[3];
    if (refused) add("refused", many("finding_refused", refused));
    const rejected = snap.spans.hour.readings_by[4];
    if (rejected) add("rejected", many("finding_rejected", rejected));
    return found;
  }

  function verdict(the) {
    const { say, number, hhmm, many } = sdot.words;
    const { audit, spans, last_at: last } = the.snap;
    if (!last) return say("verdict_nothing");
    const args = {
      readings: many("readings_n", spans.hour.readings_by.reduce((a, b) => a + b, 0)),
      messages: many("messages_n", spans.hour.messages),
      today: number(audit.readings),
      time: hhmm(spans.hour.from),
    };
    return say(audit.closes ? "verdict_closes" : "verdict_open", args);
  }

  function finding(the) {
    if (!the.snap) return fill("ingest-finding", h("p", { class: "verdict" }, sdot.words.say("loading")));
    const list = findings(the);
    const bad = !the.snap.audit.closes;
    fill(
      "ingest-finding",
      h("p", { class: bad ? "verdict attn" : "verdict" }, verdict(the)),
      list.length
        ? h(
            "ul",
            {},
            list.map((one) => h("li", { key: one.key, class: one.attn ? "attn" : "" }, one.text)),
          )
        : the.snap.last_at
          ? h("p", { class: "fine" }, sdot.words.say("nothing_wrong"))
          : h("p", { class: "fine" }, sdot.words.say("verdict_nothing_do")),
    );
    return null;
  }

  // "0.40 %"; what is little is never told as nothing.
  function share(n, of) {
    const { number } = sdot.words;
    if (!of || !n) return `${number(0)} %`;
    const percent = (100 * n) / of;
    if (percent < 0.01) return `< ${number(0.01, 2)} %`;
    if (n < of && percent > 99.99) return `> ${number(99.99, 2)} %`;
    return `${number(percent, n === of ? 0 : 2)} %`;
  }

  function box(key, value, messages, note, attn) {
    const { number, many, say } = sdot.words;
    return h(
      "li",
      { key, class: attn ? "box attn" : "box" },
      h("h3", {}, say(key)),
      h("b", { class: "number" }, number(value)),
      h("span", { class: "fine" }, note),
      h("span", { class: "fine" }, many("messages_n", messages)),
    );
  }

  const sign = (key, text) => h("li", { key, class: "sign", "aria-hidden": "true" }, text);

  function book(the) {
    const { say, hhmm } = sdot.words;
    const { span } = the;
    const received = span.readings_by.reduce((a, b) => a + b, 0);
    const since = the.view.span === "hour" ? say("readings_since", { time: hhmm(span.from) }) : say("readings_day");
    const notes = { quarantined: "wait_for_person", rejected: "sample_kept" };
    const boxes = sdot.charts.OUTCOMES.flatMap((key, i) => {
      const n = span.readings_by[i];
      const note = [share(n, received), n && notes[key] ? say(notes[key]) : null].filter(Boolean).join(" · ");
      return [sign(`s${key}`, i ? "+" : "="), box(key, n, span.messages_by[i], note, n > 0 && i > 2)];
    });
    fill(
      "ingest-book",
      h("header", { class: "head" }, h("h2", {}, say("book")), spanSwitch(the), balance(the)),
      h("ul", { class: "boxes" }, box("received", received, span.messages, since, false), boxes),
    );
  }

  function balance(the) {
    const { say, number } = sdot.words;
    const { audit } = the.snap;
    const off = Math.abs(audit.off.sensors || 0);
    const args = { a: number(audit.readings), b: number(audit.readings - (audit.off.sensors || 0)), n: number(off) };
    return h(
      "p",
      { class: audit.closes ? "" : "attn" },
      h("b", {}, say("balance", args)),
      ` · ${say("balance_today")} · `,
      h("span", { "data-at": audit.at, "data-say": "checked" }),
    );
  }

  function spanSwitch(the) {
    const { say } = sdot.words;
    const button = (key) =>
      h(
        "button",
        { key, type: "button", "data-act": "span", "data-key": key, "aria-pressed": the.view.span === key ? "true" : "false" },
        say(`span_${key}`),
      );
    return h("div", { class: "modes", role: "group", "aria-label": say("span") }, ["hour", "day"].map(button));
  }

  sdot.book = { finding, book, share };
})();
