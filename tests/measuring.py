"""What the browser tests measure of a page, as scripts for the browser: its form, and how its words stand out."""

from __future__ import annotations

#: What is beyond the page, clipped, under 12 px or without a name, and all sizes of type.
MEASURE = """() => {
  const out = { beyond: [], clipped: [], small: [], nameless: [] };
  const seen = (e) => { const s = getComputedStyle(e); return s.display !== 'none' && s.visibility !== 'hidden' && e.getClientRects().length > 0; };
  const said = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const sizes = new Set();
  for (const e of [...document.querySelectorAll('body *')].filter((e) => !e.closest('footer > script') && seen(e))) {
    const r = e.getBoundingClientRect();
    if (said(e)) {
      const size = parseFloat(getComputedStyle(e).fontSize);
      sizes.add(size);
      if (size < 12) out.small.push(e.textContent);
      if (!e.closest('.skip') && (r.left < -0.5 || r.right > innerWidth + 0.5)) out.beyond.push(`${e.textContent} ${r.left}-${r.right}`);
      if (!e.closest('.preview') && !(e instanceof SVGElement) && r.width > 1 && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible') out.clipped.push(e.textContent);
    }
    if (['BUTTON', 'SELECT', 'A', 'SUMMARY'].includes(e.tagName) && !(e.getAttribute('aria-label') || e.innerText).trim()) out.nameless.push(e.outerHTML.slice(0, 90));
  }
  for (const svg of document.querySelectorAll('.chart')) {
    if (!svg.getAttribute('aria-label')) out.nameless.push('a chart');
    const box = svg.closest('section').getBoundingClientRect();
    for (const t of svg.querySelectorAll('text')) {
      const r = t.getBoundingClientRect();
      if (r.left < box.left - 0.5 || r.right > box.right + 0.5) out.beyond.push(`in a chart: ${t.textContent}`);
    }
  }
  for (const table of document.querySelectorAll('table')) {
    if (!table.getAttribute('aria-label') || [...table.querySelectorAll('th')].some((th) => !th.getAttribute('scope'))) out.nameless.push('a table');
    if (table.scrollWidth > table.parentElement.clientWidth + 1) out.beyond.push('a table');
  }
  if (document.documentElement.scrollWidth > innerWidth) out.beyond.push('the page scrolls sideways');
  out.sizes = [...sizes].sort((a, b) => a - b);
  return out;
}"""

#: Texts of less than 4.5:1 against what is behind them (WCAG 2.2 AA).
WEAK = """() => {
  const rgb = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll('main *, header *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const [a, b] = [lum(rgb(e instanceof SVGElement ? style.fill : style.color)), lum(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${e.textContent.slice(0, 60)}`);
  }
  return found;
}"""
