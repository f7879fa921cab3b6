"use strict";
// Draws the figures with Vega-Lite and passes what readers set to them. All texts go in as text, never as markup.
(async () => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const views = {};

  function configured(width) {
    const ink = "var(--ink)", faint = "var(--faint)", grid = "var(--grid)";
    return {
      background: null, font: "inherit", view: {stroke: null},
      axis: {labelColor: ink, titleColor: ink, domainColor: faint, tickColor: faint, gridColor: grid, labelFontSize: 12,
             titleFontSize: 12, titleFontWeight: "normal", labelLimit: Math.max(90, 0.36 * width)},
      legend: {labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal",
               labelLimit: 220, orient: width < 560 ? "bottom" : "right", columns: width < 560 ? 1 : undefined},
      text: {color: ink, fontSize: 12},
    };
  }

  async function draw(place) {
    const name = place.dataset.drawing, figure = figures[name];
    const {view} = await vegaEmbed(place, figure.spec, {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, config: configured(place.clientWidth),
      defaultStyle: false, tooltip: {disableDefaultStyle: true, theme: "page"},
    });
    views[name] = view;
  }

  function changed(event) {
    const {figure, parameter} = event.target.dataset, view = views[figure];
    if (!view || !parameter) return;
    const held = view.signal(parameter), value = event.target.value;
    view.signal(parameter, typeof held === "number" ? Number(value) : value).runAsync();
  }

  for (const place of document.querySelectorAll("[data-drawing]")) await draw(place);
  for (const control of document.querySelectorAll("[data-parameter]"))
    control.addEventListener(control.type === "search" ? "input" : "change", changed);
  document.documentElement.dataset.ready = "yes";
})();
