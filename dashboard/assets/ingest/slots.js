// Slots of the shared subscription and who reads them, the broker's own word, and the gaps QoS 1 can know of.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const OLD_MS = 10000; // a tick this old says nothing of how a slot stands now

  const isOld = (the) => the.now - the.snap.now > OLD_MS;

  // Why nobody reads a slot's share, and what to do.
  function trouble(the, slot) {
    const { say, age } = sdot.words;
    const since = { silent: slot.seen, released: slot.released, away: slot.broker.since }[slot.state];
    const args = { slot: slot.slot, age: age(the.now - since), host: slot.host, pid: slot.pid, why: slot.broker.detail || "–" };
    return say(`trouble_${slot.state}`, args);
  }

  function state(the, slot) {
    const { say, number, age } = sdot.words;
    if (isOld(the)) return say("state_unknown");
    if (slot.state === "silent") return say("state_silent", { age: age(the.now - slot.seen) });
    if (slot.state === "released") return say("state_released", { age: age(the.now - slot.released) });
    if (slot.state === "away") return say("state_away");
    return slot.busy === null ? say("state_reading") : say("state_busy", { n: number(100 * slot.busy) });
  }

  const ago = (at) => (at ? h("span", { "data-at": at, "data-say": "ago" }) : "–");

  function cells(the, slot) {
    const { say, number } = sdot.words;
    const nobody = slot.state === "silent" || slot.state === "released";
    const worker = h("span", {}, nobody ? h("b", {}, `${say("nobody")} `) : null, h("span", { class: nobody ? "fine" : "" }, slot.writer), " ", h("span", { class: "fine" }, `${slot.host} · ${slot.pid}`));
    const p95 = slot.p95 === null ? "–" : say("seconds", { n: sdot.charts.seconds(slot.p95) });
    const open = slot.open === null || slot.window === null ? "–" : say("open_of", { n: number(slot.open), of: number(slot.window) });
    const broker = slot.broker.ok ? ago(slot.broker.since) : h("b", {}, say("broker_no"));
    return { worker, rate: say("per_s", { n: sdot.charts.perSecond(slot.rate) }), p95, message: ago(slot.message), commit: ago(slot.commit), open, broker, state: standing(the, slot) };
  }

  // The state, and below it what held the slot up since its start.
  function standing(the, slot) {
    const { say, number } = sdot.words;
    const held = [
      slot.window_full_s >= 1 ? say("held_window", { n: number(slot.window_full_s) }) : null,
      slot.database_full_s >= 1 ? say("held_database", { n: number(slot.database_full_s) }) : null,
      slot.retries ? say("held_retries", { n: number(slot.retries) }) : null,
    ].filter(Boolean);
    return [state(the, slot), held.length ? h("span", { class: "fine held" }, held.join(" · ")) : null];
  }

  const COLUMNS = ["worker", "rate", "p95", "message", "commit", "open", "broker", "state"];

  function row(the, slot) {
    const found = cells(the, slot);
    return h(
      "tr",
      { key: slot.slot, role: "row", class: slot.state === "reading" ? "" : "attn" },
      h("th", { scope: "row", role: "rowheader" }, h("span", { class: "label" }, sdot.words.say("slot")), slot.slot),
      COLUMNS.map((key) =>
        h("td", { key, role: "cell", class: `c-${key}` }, h("span", { class: "label" }, sdot.words.say(`col_${key}`)), found[key]),
      ),
    );
  }

  function slots(the) {
    const { say } = sdot.words;
    const list = the.snap.slots;
    const lost = list.filter((slot) => slot.state === "silent" || slot.state === "released");
    const names = lost.map((slot) => slot.slot).join(", ");
    fill(
      "ingest-slots",
      h(
        "header",
        { class: "head" },
        h("h2", {}, say("slots")),
        h("p", { class: lost.length ? "attn" : "" }, lost.length ? say("slots_advice", { slots: names }) : say("slots_note")),
      ),
      list.length ? table(the, list) : h("p", { class: "nothing" }, say("slots_none")),
      broker(the),
    );
  }

  function table(the, list) {
    const { say } = sdot.words;
    const heads = COLUMNS.map((key) => h("th", { key, scope: "col", role: "columnheader", class: `c-${key}` }, say(`col_${key}`)));
    return h(
      "table",
      { class: "slots", role: "table", "aria-label": say("slots") },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, h("th", { scope: "col", role: "columnheader" }, say("slot")), heads)),
      h("tbody", { role: "rowgroup" }, list.map((slot) => row(the, slot))),
    );
  }

  function broker(the) {
    const { say, number } = sdot.words;
    const told = the.snap.broker;
    if (!told) return h("p", { class: "fine foot-note" }, say("broker_silent"));
    const args = {
      version: told.version || "–",
      stored: number(told.stored),
      bytes: size(told.stored_bytes),
      dropped: number(told.dropped),
      time: sdot.words.moment(told.started, the.now),
    };
    return h(
      "p",
      { class: told.dropped ? "fine foot-note attn" : "fine foot-note" },
      say("broker_told", args),
      " · ",
      h("span", { "data-at": told.seen, "data-say": "ago" }),
    );
  }

  // 1,234 B, 12.3 kB, 4.5 MB.
  function size(bytes) {
    const { number } = sdot.words;
    if (bytes === null || bytes === undefined) return "–";
    if (bytes < 10000) return `${number(bytes)} B`;
    return bytes < 1e6 ? `${number(bytes / 1000, 1)} kB` : `${number(bytes / 1e6, 1)} MB`;
  }

  sdot.slots = { slots, trouble, isOld, size };

  // A kind in words.
  const name = (gap) => sdot.words.say(`gap_${gap.kind}`);

  // "41 s", "6 min" – of a gap that lasts, until now.
  const length = (the, gap) => sdot.words.age((gap.to || the.snap.now) - gap.from, true);

  function one(the, gap) {
    const { say, many, hhmmss, moment, number } = sdot.words;
    const today = moment(gap.from, the.now) === sdot.words.hhmm(gap.from);
    const from = today ? hhmmss(gap.from) : moment(gap.from, the.now);
    const to = gap.to ? hhmmss(gap.to) : say("gap_lasts");
    const fate = gap.size === null ? say(gap.lossy ? "gap_maybe_lost" : "gap_waited") : many(gap.lossy ? "gap_lost_n" : "gap_waited_n", gap.size, { n: number(gap.size) });
    return h(
      "li",
      { key: gap.id, class: gap.lossy || !gap.to ? "attn" : "" },
      h("span", { class: "when" }, `${from}–${to}`, h("span", { class: "fine" }, ` ${length(the, gap)}`)),
      h("span", { class: "what" }, h("b", {}, name(gap)), ` · ${say("slot")} ${gap.slot} · `, fate, h("span", { class: "fine detail" }, gap.detail)),
    );
  }

  function gaps(the) {
    const { say } = sdot.words;
    const list = the.snap.gaps;
    fill(
      "ingest-gaps",
      h("header", { class: "head" }, h("h2", {}, say("gaps")), h("p", {}, say("gaps_note"))),
      list.length ? h("ul", { class: "gap-list" }, list.map((gap) => one(the, gap))) : h("p", { class: "nothing" }, say("gaps_none")),
    );
  }

  sdot.gaps = { gaps, name, length };
})();
