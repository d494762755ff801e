"""The form of a page with a map: nothing clipped, beyond the window, too small, touching or without a name."""

from __future__ import annotations

from playwright.sync_api import Page

MEASURE = """() => {
  const out = { beyond: [], clipped: [], small: [], sizes: [], touching: [], ringed: [], nameless: [], overlaid: [] };
  const seen = (e) => { const s = getComputedStyle(e); return s.display !== 'none' && s.visibility !== 'hidden' && e.getClientRects().length > 0; };
  const said = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const shown = [...document.querySelectorAll('body *')].filter((e) => !e.closest('footer > script') && seen(e));
  const sizes = new Set();
  for (const e of shown) {
    const r = e.getBoundingClientRect();
    if (said(e)) {
      const size = parseFloat(getComputedStyle(e).fontSize);
      sizes.add(size);
      if (size < 12) out.small.push(e.textContent);
      if (!e.closest('.skip') && (r.left < -0.5 || r.right > innerWidth + 0.5)) out.beyond.push(`${e.textContent} ${r.left}-${r.right}`);
      if (!(e instanceof SVGElement) && r.width > 1 && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible') out.clipped.push(e.textContent);
    }
    if (['BUTTON', 'SELECT'].includes(e.tagName) && !(e.getAttribute('aria-label') || e.innerText).trim()) out.nameless.push(e.outerHTML.slice(0, 90));
  }
  if (document.documentElement.scrollWidth > innerWidth) out.beyond.push('the page scrolls sideways');
  out.sizes = [...sizes].sort((a, b) => a - b);
  const map = document.querySelector('#live-map').getBoundingClientRect();
  const labels = [...document.querySelectorAll('#live-map .label')].map((g) => {
    const rs = [...g.querySelectorAll('text')].map((t) => t.getBoundingClientRect());
    return { text: g.textContent, l: Math.min(...rs.map((r) => r.left)), r: Math.max(...rs.map((r) => r.right)), t: Math.min(...rs.map((r) => r.top)) + 3, b: Math.max(...rs.map((r) => r.bottom)) - 3 };
  });
  labels.forEach((a, i) => labels.slice(i + 1).forEach((b) => { if (a.l < b.r && b.l < a.r && a.t < b.b && b.t < a.b) out.touching.push(`${a.text} / ${b.text}`); }));
  for (const a of labels) if (a.l < map.left || a.r > map.right || a.t < map.top || a.b > map.bottom) out.beyond.push(`label ${a.text}`);
  for (const ring of document.querySelectorAll('#live-map .ring .ring-line')) {
    const r = ring.getBoundingClientRect();
    for (const a of labels) if (r.left < a.r && a.l < r.right && r.top < a.b && a.t < r.bottom) out.ringed.push(a.text);
  }
  const coast = document.querySelector('#live-map .coast');
  const matrix = coast.getScreenCTM().inverse();
  for (const e of document.querySelectorAll('#live-legend span, #live-legend p, .scale, .tools button')) {
    const r = e.getBoundingClientRect();
    for (const x of [r.left, (r.left + r.right) / 2, r.right]) for (const y of [r.top, r.bottom]) {
      if (r.width && coast.isPointInFill(new DOMPoint(x, y).matrixTransform(matrix))) out.overlaid.push(`${e.className} ${e.textContent}`);
    }
  }
  return out;
}"""


def well_formed(page: Page) -> None:
    """AssertionError with what is wrong."""
    page.evaluate("document.fonts.ready")
    found = page.evaluate(MEASURE)
    sizes = found.pop("sizes")
    assert {name: what for name, what in found.items() if what} == {}
    assert len(sizes) <= 6, sizes
