// Dark or light: what the system says until the viewer chose; the grades' colours come from the standard.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const YEAR_S = 31536000;
  let palette = new Map();

  const remember = (name, value) => {
    document.cookie = `${name}=${value}; path=/; max-age=${YEAR_S}; samesite=lax`;
  };

  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");

  function choose(theme) {
    root.dataset.theme = theme;
    remember("sdot_theme", theme);
    palette = new Map();
  }

  const variables = (bands, theme) =>
    bands
      .map((band, i) =>
        Object.entries(band.colours[theme])
          .map(([use, colour]) => `--g${i}-${use}:${colour};`)
          .join(""),
      )
      .join("");

  // A style sheet of the standard's bands, one class a band, and of "a person is needed": no colour of theirs is
  // written anywhere else.
  function grades({ bands, attention }) {
    const classes = bands.map(
      (_, i) =>
        `.g${i}{--fill:var(--g${i}-fill);--label:var(--g${i}-label);--ink:var(--g${i}-ink)}` +
        `.d.g${i}{fill:var(--g${i}-fill)}.l-g${i}{--fill:var(--g${i}-fill);--label:var(--g${i}-label)}`,
    );
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
      `:root{--attn:${attention.light};${variables(bands, "light")}}` +
        `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){--attn:${attention.dark};${variables(bands, "dark")}}}` +
        `:root[data-theme=dark]{--attn:${attention.dark};${variables(bands, "dark")}}${classes.join("")}`,
    );
    document.adoptedStyleSheets = [sheet];
  }

  // The colour of words on a fill of this shade, for the canvas, which knows no style sheet.
  function label(shade) {
    if (!palette.has(shade)) {
      const style = getComputedStyle(root);
      const name = /^g\d$/.test(shade) ? `--${shade}-label` : /^r\d$/.test(shade) ? `--${shade}-label` : "--t2";
      palette.set(shade, style.getPropertyValue(name).trim());
    }
    return palette.get(shade);
  }

  const labels = (shades) => Object.assign(shades.map(label), { none: label("none") });

  function onChange(listener) {
    dark.addEventListener("change", () => {
      palette = new Map();
      listener();
    });
  }

  sdot.theme = { now, choose, grades, labels, onChange, remember };
})();
