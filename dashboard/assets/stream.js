// The stream of snapshots: server-sent events into one dcc.Store, opened again whenever it falls silent.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const LOST_MS = 8000; // the server beats every 5 s: one lost beat, and some patience
  const AGAIN_MS = 3000; // between two attempts to open a silent stream
  let source = null;
  let opened = 0;
  let boot = null;
  let started = 0;

  function receive(event, take) {
    const data = JSON.parse(event.data);
    sdot.clock.hear(data.now);
    if (boot !== null && data.boot !== boot) sdot.map?.forget(); // another server: its geometry may be another
    boot = data.boot;
    take(data);
  }

  function open(take, beat, url) {
    if (source) source.close();
    opened = performance.now();
    source = new EventSource(url);
    source.addEventListener("tick", (event) => receive(event, take));
    source.addEventListener("beat", (event) => receive(event, beat));
  }

  // Nothing heard for longer than a beat and its grace, by our own clock.
  function lost() {
    const heard = boot === null ? performance.now() - started : sdot.clock.silence();
    return heard > LOST_MS;
  }

  // Called each second. A browser gives up on a stream that was refused, and never notices one that is stuck.
  function watch(take, beat, url) {
    const gaveUp = source.readyState === EventSource.CLOSED;
    if ((gaveUp || lost()) && performance.now() - opened > AGAIN_MS) open(take, beat, url);
  }

  function start(take, beat, url = "/api/stream") {
    started = performance.now();
    open(take, beat, url);
    sdot.clock.every(() => watch(take, beat, url));
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => event.persisted && open(take, beat, url));
  }

  sdot.stream = { start, lost, LOST_MS };
})();
