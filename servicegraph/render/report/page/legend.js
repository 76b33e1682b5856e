// @ts-check
// The legend below the diagram: the meaning of the numbers and of the marks.

import { byId, make, makeSVG } from "./dom.js";

// openLegend opens the legend while the window leaves enough room for the diagram.
export function openLegend() {
  const roomy = matchMedia("(min-width: 821px) and (min-height: 641px)"), open = () => { byId("legend").open = roomy.matches; };
  roomy.addEventListener("change", open);
  open();
}

let shown = null; // the marks in the legend

// showLegend shows sentences about the numbers, and the marks, as package draw describes them.
export function showLegend(about, marks) {
  byId("legend").hidden = about.length + marks.length === 0;
  byId("about").textContent = about.join(" · ");
  if (marks === shown) return;
  shown = marks;
  byId("marks").replaceChildren(...marks.map((m) => make("span", { class: "mark" }, sampleOf(m), m.text)));
}

function sampleOf({ class: name, mark, rects = [], glyph, line, w }) {
  const of = (type, attributes) => makeSVG(type, attributes);
  return makeSVG("svg", { class: "tempograph", viewBox: "-1 -11 22 15", "aria-hidden": "true" }, makeSVG("g", { class: name },
    ...rects.map(([x, y, width, height, rx]) => of("rect", { class: "card", x, y, width, height, rx })),
    glyph ? of("path", { class: "glyph", d: glyph }) : null,
    line ? of("path", { class: "line", d: line, "stroke-width": w }) : null,
    mark ? makeSVG("text", { class: "alarm", x: 4, y: 1, "font-size": 12, "font-weight": 700 }, mark) : null));
}
