// Dash's side of the Ingest page: what the viewer may choose, and which regions are drawn from a look at the books.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const { h, fill } = sdot.dom;
  const OLD_MS = 10000; // from then on the age of what is shown is told
  const SPANS = ["hour", "day"];

  function look(snap, view, config, health) {
    const [now, lost] = [sdot.clock.now(), sdot.stream.lost()];
    const causes = sdot.top.causes(health, lost, now);
    return { snap, view, config, now, lost, causes, span: snap && snap.spans[view.span] };
  }

  function header(the) {
    const { pick, say } = sdot.words;
    const at = the.snap && the.snap.last_at;
    fill(
      "ingest-header",
      h("h1", {}, pick(the.config.city.titles)),
      sdot.top.pages(the.config),
      h(
        "p",
        { class: "link" },
        sdot.top.state(the.causes.length, the.snap),
        h("span", { class: "dot" }, "·"),
        h(
          "span",
          { class: "data-age" },
          at ? say("last_minute", { time: sdot.words.hhmm(at) }) : say("no_data"),
        ),
      ),
      sdot.top.time(),
      sdot.top.controls(the.config, the.view.lang),
    );
    fill("ingest-skip", say("skip_to_quarantine"));
  }

  function cause(the) {
    const old = the.snap && the.now - the.snap.now > OLD_MS;
    sdot.top.cause("ingest", the, the.causes, old ? the.snap.now : null);
    const root = document.getElementById("ingest");
    root.classList.toggle("has-cause", the.causes.length > 0 || Boolean(old));
    root.classList.toggle("is-old", Boolean(old));
    root.classList.toggle("is-empty", !the.snap);
  }

  const always = [header, cause, (the) => sdot.book.finding(the), (the) => sdot.top.foot("ingest", the)];
  const regions = [
    (the) => sdot.book.book(the),
    (the) => sdot.charts.rate(the),
    (the) => sdot.charts.lag(the),
    (the) => sdot.charts.outcomes(the),
    (the) => sdot.slots.slots(the),
    (the) => sdot.gaps.gaps(the),
    (the) => sdot.refused.reasons(the),
    (the) => sdot.refused.cases(the),
  ];

  sdot.page.run("ingest", {
    stream: "/api/stream/ingest",
    kept: () => ({ span: [SPANS[0], sdot.page.oneOf(SPANS)] }),
    acts: { span: (node) => sdot.page.change({ span: node.dataset.key }) },
    started: () => addEventListener("resize", () => sdot.page.change({})),
    pulse: (snap) => `${sdot.stream.lost()} ${snap && sdot.clock.now() - snap.now > OLD_MS}`,
    look,
    regions: (the) => (the.snap ? [...always, ...regions] : always),
  });
})();
