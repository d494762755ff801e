// The server's answers to what the address asks for: the last good ones stay until better ones are here.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const ASKED = "X-Sdot-Asked"; // when the database was asked, ms: the same figures are the same bytes
  const PATIENCE_MS = 30000;
  const AGAIN_MS = 60000; // a span that reaches to now is asked for again
  const have = { shown: null, busy: false, trouble: null, at: 0, number: 0 };
  let asking = null;

  // A refusal carries its sentence; what carries none is the server's or the network's own trouble.
  class Refusal extends Error {
    constructor(status, text) {
      super(`${status}`);
      this.status = status;
      this.text = text || null;
    }
  }

  async function get(url, signal) {
    const answer = await fetch(url, { signal, headers: { accept: "application/json" } });
    const document = await answer.json().catch(() => null);
    if (!answer.ok || !document) throw new Refusal(answer.status, document && document.text);
    return { ...document, asked: Number(answer.headers.get(ASKED)) || sdot.clock.now() };
  }

  // The districts side by side are worth having, and no reason to show nothing: their trouble is their own.
  async function everywhere(asked, signal) {
    try {
      return { all: await get(`/api/history/all?${sdot.address.ofAll(asked)}`, signal), failed: null };
    } catch (error) {
      if (signal.aborted) throw error;
      return { all: null, failed: error };
    }
  }

  // One step for all panels, so that their times meet and their table is one: the coarsest that any of them needs.
  function alike(asked, answers, signal) {
    const coarsest = answers.reduce((a, b) => (a.step_ms >= b.step_ms ? a : b));
    return Promise.all(
      answers.map(async (answer, i) => {
        if (answer.level === coarsest.level) return answer;
        const places = coarsest.series.map((series) => series.place);
        const query = sdot.address.again({ ...asked, metrics: [asked.metrics[i]] }, places, coarsest);
        return { ...(await get(`/api/history?${query}`, signal)), why: "beside" };
      }),
    );
  }

  async function ask(asked, told) {
    asking?.abort();
    const mine = (asking = new AbortController());
    const signal = AbortSignal.any([mine.signal, AbortSignal.timeout(PATIENCE_MS)]);
    Object.assign(have, { busy: true, at: performance.now() });
    told();
    try {
      const panels = asked.metrics.map((metric) => get(`/api/history?${sdot.address.ofMetric(asked, metric)}`, signal));
      const [side, ...found] = await Promise.all([everywhere(asked, signal), ...panels]);
      const answers = await alike(asked, found, signal);
      have.number += 1;
      have.shown = { asked, answers, ...side, number: have.number };
      have.trouble = null;
      performance.mark("history-answered");
    } catch (error) {
      if (asking !== mine) return; // another question is under way
      have.trouble = { error, asked };
    }
    have.busy = false;
    told();
  }

  // Whether the span goes on while we look at it: it ended where now was.
  function runs() {
    const answer = have.shown && have.shown.answers[0];
    return answer && answer.asked - answer.end < answer.step_ms;
  }

  // Called each second. A refusal stays one until something else is asked; an answer in trouble may come yet.
  function again(asked, told) {
    if (have.busy || document.hidden || performance.now() - have.at < AGAIN_MS) return;
    const refused = have.trouble && have.trouble.error.text && have.trouble.error.status < 500;
    if (have.trouble ? !refused : runs()) ask(asked, told);
  }

  // Nothing to ask yet.
  function forget() {
    asking?.abort();
    Object.assign(have, { shown: null, busy: false, trouble: null });
  }

  // What to tell of a failure: the server's own sentence where it has one.
  function sentence(error) {
    const { say, pick } = sdot.words;
    if (error.text) return pick(error.text);
    return error.status ? say("failed_status", { status: error.status }) : say("failed_network");
  }

  sdot.answers = { ask, again, forget, sentence, have };
})();
