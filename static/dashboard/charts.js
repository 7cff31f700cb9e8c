// Draws again what the server drew: the geometry comes from controlplane/core/admin/charts.py as
// JSON, so a chart has one source of its shape. Nothing here computes a scale.

import { visible } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with these attributes, and text if there is any. */
function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== "" && value !== null && value !== undefined) {
      made.setAttribute(key, String(value));
    }
  }
  if (text !== undefined) {
    made.textContent = visible(text);
  }
  return made;
}

function paths(list) {
  return list.map((path) => element("path", { class: path.css, d: path.d }));
}

function target(y, width) {
  return y === null ? [] : [element("line", { class: "target", x1: 0, x2: width, y1: y, y2: y })];
}

function texts(list) {
  return list.map((text) =>
    element(
      "text",
      { class: text.css, x: `${text.x}%`, y: text.y, dx: text.dx, "text-anchor": text.anchor },
      text.text,
    ),
  );
}

function scaleTexts(grid) {
  return grid.map((tick) =>
    element("text", { x: "100%", y: tick.position, dy: 4, "text-anchor": "end" }, tick.text),
  );
}

function gridLines(grid) {
  return grid.map((tick) =>
    element("line", { class: "chart-grid", x1: 0, x2: "100%", y1: tick.position, y2: tick.position }),
  );
}

function markLines(marks, height) {
  return marks.map((mark) =>
    element("line", { class: "mark", x1: `${mark.position}%`, x2: `${mark.position}%`, y1: mark.top, y2: height }),
  );
}

function fill(parent, selector, children) {
  parent.querySelector(selector)?.replaceChildren(...children);
}

/** Redraw `<div class="chart" data-chart>` from `Chart.to_json()`. */
export function drawChart(chart, data) {
  const plot = chart.querySelector(":scope > .chart-plot");
  const lines = element("svg", {
    class: "chart-lines",
    width: "100%",
    height: data.height,
    viewBox: `0 0 ${data.width} ${data.height}`,
    preserveAspectRatio: "none",
  });
  lines.append(...paths(data.paths), ...target(data.target, data.width));
  plot.setAttribute("aria-label", visible(data.sentence));
  plot.replaceChildren(...gridLines(data.grid), lines, ...markLines(data.marks, data.height), ...texts(data.texts));
  fill(chart, ":scope > .chart-y", scaleTexts(data.grid));
  fill(chart, ":scope > .chart-right", texts(data.right));
  fill(chart, ":scope > .chart-x", texts(data.axis));
}

/** Redraw `<svg class="spark" data-spark>` from `Spark.to_json()`. */
export function drawSpark(svg, data) {
  svg.setAttribute("aria-label", visible(data.sentence));
  svg.replaceChildren(...paths(data.paths), ...target(data.target, 1000));
}

/** Redraw `<div class="chart" data-histogram>` from `Histogram.to_json()`. */
function drawHistogram(chart, data) {
  const columns = data.columns_drawn.map((column) => {
    const made = element("rect", {
      class: `chart-column tone-${column.tone}`,
      x: `${column.x}%`,
      width: `${column.width}%`,
      y: column.y,
      height: column.height,
    });
    made.append(element("title", {}, column.title));
    return made;
  });
  const plot = chart.querySelector(":scope > .chart-plot");
  plot.setAttribute("aria-label", visible(data.sentence));
  plot.replaceChildren(...gridLines(data.grid), ...columns, ...markLines(data.marks, data.height), ...texts(data.texts));
  fill(chart, ":scope > .chart-y", scaleTexts(data.grid));
  fill(chart, ":scope > .chart-x", texts(data.axis));
}

/** Redraw `<svg class="slots">` from `Slots`, unless it shows the same. */
export function drawSlots(svg, data) {
  if (svg.getAttribute("aria-label") === data.sentence) {
    return;
  }
  svg.setAttribute("aria-label", data.sentence);
  svg.setAttribute("viewBox", `0 0 ${data.width} 12`);
  svg.replaceChildren(
    ...data.cells.map(([x, isBusy]) =>
      element("rect", { class: isBusy ? "slot-busy" : "slot-free", x, width: 6, height: 12, rx: 1.5 }),
    ),
  );
}

/** The same for a new picture. */
export function makeSlots(data) {
  const made = element("svg", { class: "slots", height: 12, role: "img", preserveAspectRatio: "xMinYMid meet" });
  drawSlots(made, data);
  return made;
}

/** A new picture for `drawSpark`. */
export function makeSpark(key, data) {
  const made = element("svg", {
    class: "spark",
    height: data.height,
    role: "img",
    viewBox: `0 0 1000 ${data.height}`,
    preserveAspectRatio: "none",
    "data-spark": key,
  });
  drawSpark(made, data);
  return made;
}

/** Fill the table of `{% chart_table %}` with the same figures. */
export function fillTable(details, columns, rows) {
  const head = details.querySelector("thead tr");
  const body = details.querySelector("tbody");
  head.replaceChildren(...columns.map((text, number) => cell("th", text, number, "col")));
  body.replaceChildren(
    ...rows.map((row) => {
      const made = document.createElement("tr");
      made.append(...row.map((text, number) => cell(number === 0 ? "th" : "td", text, number, "row")));
      return made;
    }),
  );
}

function cell(name, text, number, scope) {
  const made = document.createElement(name);
  if (name === "th") {
    made.scope = scope;
  }
  if (number > 0) {
    made.className = "number";
  }
  made.textContent = visible(text);
  return made;
}

const DRAW = { chart: drawChart, spark: drawSpark, histogram: drawHistogram };
const drawn = new Map();

/** Redraw what is named `key` inside `root`: `data-chart`, `data-spark` or `data-histogram`. An object
 * that was drawn already is left as it is: changes.js makes another one when something changes. */
export function redraw(root, key, data) {
  if (drawn.get(key) === data) {
    return;
  }
  drawn.set(key, data);
  const name = CSS.escape(key);
  for (const [kind, draw] of Object.entries(DRAW)) {
    for (const found of root.querySelectorAll(`[data-${kind}="${name}"]`)) {
      draw(found, data);
    }
  }
}
