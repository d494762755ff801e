// What was refused: by reason, and the newest messages with their payload, which is foreign text and stays text.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const PREVIEW = 120; // characters of a payload in its row

  // A reason in the viewer's language; one that our words lack by its code.
  const reasonWords = (the, code) => (`reason_${code}` in the.config.text.en ? sdot.words.say(`reason_${code}`) : code.replaceAll("_", " "));
  const fix = (the, code) => (`fix_${code}` in the.config.text.en ? sdot.words.say(`fix_${code}`) : "");

  function reasons(the) {
    const { say, number } = sdot.words;
    const key = the.view.span;
    const list = the.snap.reasons.filter((one) => one[key] > 0);
    list.sort((a, b) => b[key] - a[key]);
    const total = list.reduce((sum, one) => sum + one[key], 0);
    const row = (one) =>
      h(
        "tr",
        { key: `${one.code} ${one.outcome}` },
        h("th", { scope: "row" }, reasonWords(the, one.code)),
        h("td", {}, say(one.outcome)),
        h("td", { class: "num" }, number(one[key])),
        h("td", { class: "num fine" }, h("span", { "data-at": one.last })),
      );
    const heads = ["col_reason", "col_outcome", "col_readings", "col_last"].map((word, i) => h("th", { scope: "col", class: i > 1 ? "num" : "" }, say(word)));
    fill(
      "ingest-reasons",
      h("header", { class: "head" }, h("h2", {}, say("reasons")), h("p", {}, say("reasons_note", { n: number(total), span: sdot.charts.spanWords(the) }))),
      list.length
        ? h("table", { class: "reasons", "aria-label": say("reasons") }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, list.map(row)))
        : h("p", { class: "nothing" }, say(`reasons_none_${key}`)),
    );
  }

  // Controls, and marks that turn the direction of text, are shown and not obeyed.
  const visible = (text) =>
    // eslint-disable-next-line no-control-regex
    text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

  // JSON with line breaks between its tokens, none of which is changed: 13.10 stays 13.10. Anything else as it is.
  function pretty(text) {
    try {
      JSON.parse(text);
    } catch {
      return text;
    }
    let [out, depth, quoted, i] = ["", 0, false, 0];
    const line = () => `\n${"  ".repeat(depth)}`;
    for (; i < text.length; i += 1) {
      const c = text[i];
      if (quoted) {
        out += c;
        if (c === "\\") out += text[(i += 1)];
        else if (c === '"') quoted = false;
      } else if (c === '"') [out, quoted] = [out + c, true];
      else if (/\s/.test(c)) continue;
      else if ("{[".includes(c)) {
        const closed = /^\s*[}\]]/.exec(text.slice(i + 1));
        if (closed) [out, i] = [out + c + closed[0].trim(), i + closed[0].length];
        else [depth, out] = [depth + 1, out + c], (out += line());
      } else if ("}]".includes(c)) {
        depth -= 1;
        out += line() + c;
      } else out += c === "," ? c + line() : c === ":" ? ": " : c;
    }
    return out;
  }

  function preview(one) {
    if (!one.payload) return "";
    const text = one.payload.text ?? one.payload.hex.split("\n")[0].slice(6, 53);
    const flat = visible(text.slice(0, PREVIEW * 2)).replace(/\s+/g, " ");
    return flat.length > PREVIEW ? `${flat.slice(0, PREVIEW)} …` : flat;
  }

  // "57 B", "the first 4,096 B of 1.0 MB", "none kept of 120 B"
  function sizeWords(one) {
    const { say, number } = sdot.words;
    const whole = sdot.slots.size(one.bytes);
    if (!one.payload) return say("payload_none", { size: whole });
    if (one.shown_bytes < one.bytes) return say("payload_cut", { n: number(one.shown_bytes), size: whole });
    return say("payload_whole", { size: whole });
  }

  function facts(the, one) {
    const { say, number, many } = sdot.words;
    const rows = [
      ["fact_topic", h("code", {}, visible(one.topic))],
      ["fact_told", h("span", { lang: "en" }, visible(one.reason))],
      one.element === null ? null : ["fact_element", say("element_n", { n: number(one.element + 1) })],
      ["fact_size", sizeWords(one)],
      ["fact_cases", `${many("cases_n", one.cases)} · ${many("readings_n", one.repeats)}`],
    ].filter(Boolean);
    return h("dl", {}, rows.map(([key, value]) => [h("dt", { key }, say(key)), h("dd", { key: `${key}-d` }, value)]));
  }

  const command = (word, text) => h("p", { class: "fine do" }, `${sdot.words.say(word)}: `, h("code", {}, text));

  function body(the, one) {
    const { say } = sdot.words;
    const option = the.config.data_option;
    const shown = one.payload && (one.payload.text !== undefined ? visible(pretty(one.payload.text)) : one.payload.hex);
    return h(
      "div",
      { class: "body" },
      facts(the, one),
      shown ? h("pre", { tabindex: 0, role: "region", "aria-label": say("payload"), dir: "ltr" }, shown) : h("p", { class: "nothing" }, say("payload_nothing")),
      one.payload && one.payload.hex ? h("p", { class: "fine" }, say("payload_hex")) : null,
      command("case_show", `sdot quarantine show${option} ${one.id}`),
      one.serial && one.outcome === "quarantined"
        ? command("case_replay", `sdot quarantine replay${option} --serial ${one.serial} --code ${one.code}`)
        : null,
    );
  }

  function one(the, item) {
    const { say, number, hhmmss, moment, hhmm } = sdot.words;
    const today = moment(item.last, the.now) === hhmm(item.last);
    const place = item.element === null ? "" : ` · ${say("element_n", { n: number(item.element + 1) })}`;
    return h(
      "li",
      { key: item.id },
      h(
        "details",
        {},
        h(
          "summary",
          {},
          h("time", { class: "when" }, today ? hhmmss(item.last) : moment(item.last, the.now)),
          h("span", { class: "who" }, item.serial || visible(item.topic)),
          h("span", { class: "why" }, h("b", {}, reasonWords(the, item.code)), h("span", { class: "fine" }, `${fix(the, item.code)}${place}`)),
          h("code", { class: "preview", "aria-hidden": "true", dir: "ltr" }, preview(item)),
          h("span", { class: "times" }, h("b", {}, number(item.repeats)), h("span", { class: "unseen" }, ` ${say("times")}`)),
        ),
        body(the, item),
      ),
    );
  }

  function cases(the) {
    const { say, number } = sdot.words;
    const { held, cases: list } = the.snap;
    const n = `${held.more ? "> " : ""}${number(held.n)}`;
    fill(
      "ingest-cases",
      h(
        "header",
        { class: "head" },
        h("h2", {}, `${say("quarantine")} `, h("span", { class: held.n ? "attn" : "" }, n)),
        h("p", {}, say("quarantine_note")),
      ),
      list.length ? h("ul", { class: "cases" }, list.map((item) => one(the, item))) : h("p", { class: "nothing" }, say("quarantine_none")),
    );
  }

  sdot.refused = { reasons, cases, pretty, visible };
})();
