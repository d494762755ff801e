// The page's own clock: what time it is in the city, how long nothing was heard, and every age on the page.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  let heard = null; // {server: ms, mono: ms, wall: ms} of the last message
  const listeners = [];

  // Since a message, by whichever clock ran further: a sleeping machine stops one, a mended time jumps the other.
  const since = (mark) => Math.max(performance.now() - mark.mono, Date.now() - mark.wall, 0);

  function hear(serverNow) {
    heard = { server: serverNow, mono: performance.now(), wall: Date.now() };
  }

  const silence = () => (heard ? since(heard) : 0);
  const now = () => (heard ? heard.server + since(heard) : Date.now());

  // An element with data-at (epoch ms) says how long ago that was, in the sentence data-say, exact or rounded.
  function write(node) {
    const exact = node.dataset.exact !== undefined;
    const age = sdot.words.age(now() - Number(node.dataset.at), exact);
    const text = node.dataset.say ? sdot.words.say(node.dataset.say, { age }) : age;
    if (node.textContent !== text) node.textContent = text;
  }

  function second() {
    for (const node of document.querySelectorAll("[data-at]")) write(node);
    for (const listener of listeners) listener();
    setTimeout(second, 1000 - (now() % 1000));
  }

  sdot.clock = { hear, silence, now, write, every: (listener) => listeners.push(listener), start: second };
})();
