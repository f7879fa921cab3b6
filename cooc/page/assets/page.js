"use strict";
// Passes what readers set to the figures, which Vega-Lite draws. Words of the corpus go in as text, never as markup.
(async () => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const views = {};
  const of = (kind, name) => document.querySelector(`[data-${kind}="${CSS.escape(name)}"]`);
  const setting = (name, parameter) =>
    document.querySelector(`[data-figure="${CSS.escape(name)}"][data-parameter="${parameter}"]`);
  const whole = value => Number(value).toLocaleString("en");

  function made(tag, text, more = {}) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    for (const [name, value] of Object.entries(more)) element.setAttribute(name, value);
    return element;
  }

  function configured(width) {
    const ink = "var(--ink)", faint = "var(--faint)", narrow = width < 560;
    return {
      background: null, font: "system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif", view: {stroke: null},
      axis: {labelColor: ink, titleColor: ink, domainColor: faint, tickColor: faint, gridColor: "var(--grid)",
             labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: Math.max(90, 0.36 * width)},
      axisQuantitative: {tickCount: {signal: "ceil(width / 90)"}},
      legend: {labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal",
               labelLimit: 220, orient: narrow ? "bottom" : "right", columns: 1, symbolStrokeColor: ink},
      point: {opacity: 1},
      text: {color: ink, fontSize: 12},
    };
  }

  async function draw(place) {
    const name = place.dataset.drawing;
    if (figures[name].graph && place.clientWidth < 560) figures[name].spec.height = 640;  // the legend is below it
    const {view} = await vegaEmbed(place, figures[name].spec, {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, config: configured(place.clientWidth),
      defaultStyle: false, logLevel: 1, tooltip: {disableDefaultStyle: true, theme: "page", maxDepth: 1},
    });
    views[name] = view;
    if (figures[name].graph) await readable(name, view, place);
  }

  async function changed(event) {
    const {figure, parameter} = event.target.dataset, view = views[figure];
    if (!view) return;
    const held = view.signal(parameter), value = event.target.value;
    const none = figures[figure].graph ? figures[figure].graph.least : 0;
    view.signal(parameter, typeof held !== "number" ? value : value === "" ? none : Number(value));
    await view.runAsync();
  }

  // --- the graph: its lists follow its level, and a chosen term can be read about -------------------------------

  const inLevel = (name, data) =>
    figures[name].spec.datasets[data].filter(row => row.level === views[name].signal("level"));

  async function readable(name, view, place) {
    if (place.clientWidth < 560) await set(name, "labels", "15");
    fill(name);
    range(name);
    view.addEventListener("click", (event, item) => {
      if (item && item.datum && item.datum.term) choose(name, item.datum.term);
    });
    of("terms", name).addEventListener("change", event => choose(name, event.target.value));
    setting(name, "level").addEventListener("change", async () => {
      await set(name, "cluster", "all");
      await choose(name, "");
      fill(name);
      range(name);
      move(name, "whole");
    });
    setting(name, "measure").addEventListener("change", () => { set(name, "least", ""); range(name); });
    for (const button of document.querySelectorAll(`[data-move][data-figure="${CSS.escape(name)}"]`))
      button.addEventListener("click", () => move(name, button.dataset.move));
  }

  async function set(name, parameter, value) {
    const control = setting(name, parameter);
    control.value = value;
    await changed({target: control});
  }

  function fill(name) {
    const nodes = inLevel(name, "nodes"), terms = of("terms", name), clusters = setting(name, "cluster");
    terms.replaceChildren(terms.options[0], ...nodes.map(node => node.term).sort((a, b) => a.localeCompare(b))
      .map(term => made("option", term, {value: term})));
    const names = [...nodes].sort((a, b) => a.slot - b.slot).map(node => node.cluster);
    clusters.replaceChildren(clusters.options[0], ...[...new Set(names)].map(each => made("option", each, {value: each})));
    terms.value = "";
    clusters.value = "all";
  }

  function range(name) {
    const measure = setting(name, "measure").value, control = setting(name, "least");
    const values = inLevel(name, "edges").map(edge => edge[measure]).filter(value => typeof value === "number");
    const told = value => value.toLocaleString("en", {maximumSignificantDigits: 3});
    control.placeholder = values.length ? `${told(Math.min(...values))} to ${told(Math.max(...values))}` : "";
  }

  async function move(name, how) {
    const view = views[name], nodes = inLevel(name, "nodes");
    const step = {left: [-0.2, 0], right: [0.2, 0], up: [0, 0.2], down: [0, -0.2]}[how] || [0, 0];
    ["x", "y"].forEach((axis, place) => {
      const values = nodes.map(node => node[axis]), low = Math.min(...values), high = Math.max(...values);
      const edge = 0.06 * (high - low || 1), begin = [low - edge, high + edge];
      const [a, b] = view.signal(`grid_${axis}`) || begin, middle = (a + b) / 2, size = b - a;
      const half = (how === "in" ? size / 1.5 : how === "out" ? size * 1.5 : size) / 2, shift = step[place] * size;
      view.signal(`grid_${axis}`, how === "whole" ? begin : [middle - half + shift, middle + half + shift]);
    });
    await view.runAsync();
  }

  async function choose(name, term) {
    of("terms", name).value = term;
    await views[name].signal("chosen", term).runAsync();
    const about = of("about", name), node = inLevel(name, "nodes").find(each => each.term === term);
    about.replaceChildren(...(node ? told(name, node) : []));
  }

  function told(name, node) {
    const counts = made("p");
    const seen = node.occurrences === null ? "" :
      `${whole(node.occurrences)} occurrences in ${whole(node.documents)} documents. `;
    counts.textContent = `${seen}Cluster ${node.cluster}${node.seed ? ", a seed" : ""}.`;
    const measure = setting(name, "measure").value, label = setting(name, "measure").selectedOptions[0].textContent;
    const beside = inLevel(name, "edges").filter(edge => edge.a === node.term || edge.b === node.term)
      .filter(edge => typeof edge[measure] === "number").sort((a, b) => b[measure] - a[measure]).slice(0, 12);
    const others = made("ul", undefined, {class: "beside"});
    for (const edge of beside) {
      const other = edge.a === node.term ? edge.b : edge.a, item = made("li"), button = made("button", other, {type: "button"});
      button.addEventListener("click", () => { choose(name, other); of("terms", name).focus(); });
      item.append(button, ` ${edge[measure].toLocaleString("en", {maximumSignificantDigits: 3})}`);
      others.append(item);
    }
    const parts = [made("h4", node.term), counts];
    if (beside.length) parts.push(made("p", `Joined to, by ${label}:`), others);
    const lines = figures[name].graph.lines[node.term] || [];
    return [...parts, ...(lines.length ? [concordance(node, lines)] : node.example ? [made("blockquote", node.example)] : [])];
  }

  function concordance(node, lines) {
    const box = made("div", undefined, {class: "scroll", tabindex: "0", role: "region", "aria-label": `Lines of ${node.term}`});
    const table = made("table", undefined, {class: "lines"}), body = made("tbody"), head = made("tr");
    const some = node.occurrences > lines.length ? `, a random sample of ${whole(node.occurrences)}` : "";
    table.append(made("caption", `${lines.length} lines of the corpus${some}`));
    for (const each of ["before", "term", "after", "document"]) head.append(made("th", each, {scope: "col"}));
    for (const line of lines) {
      const row = made("tr");
      row.append(made("td", line.left, {class: "left"}), made("th", line.node, {scope: "row"}), made("td", line.right),
                 made("td", line.document, {class: "document"}));
      body.append(row);
    }
    const top = made("thead");
    top.append(head);
    table.append(top, body);
    box.append(table);
    return box;
  }

  for (const place of document.querySelectorAll("[data-drawing]")) {
    try {
      await draw(place);
    } catch (error) {
      console.error(place.dataset.drawing, error);
      place.replaceChildren(made("p", "This figure could not be drawn; its table is below.", {class: "warning"}));
    }
  }
  for (const control of document.querySelectorAll("[data-parameter]"))
    control.addEventListener(control.tagName === "SELECT" ? "change" : "input", changed);
  document.documentElement.dataset.ready = "yes";
})();
