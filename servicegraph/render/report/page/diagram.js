// @ts-check
// The diagram: the nodes and edges in the SVG, which the pointer and the keyboard can
// reach, with marks for the selection, the search and the filters. An item is a node or an
// edge.

import { hull } from "./curve.js";
import { fonts, makeSVG, textWidth } from "./dom.js";
import { margin } from "./viewport.js";

const markClasses = ["hidden", "faded", "found", "chosen"];

export class Diagram {
  constructor(box, viewport, select) {
    this.box = box;
    this.viewport = viewport;
    this.select = select; // called with an item or null, and the event
    this.elements = new Map(); // lists of elements, by the key of the item
    this.items = new Map(); // items, by element
    this.marks = new Map(); // classes, by element
    this.bounds = new WeakMap(); // of the graph in each SVG
    this.svg = null;
    this.tooWide = 1; // the ratio of the width of text in this browser to the width that the report was made with
    box.addEventListener("click", (event) => this.select(this.itemOf(event.target), event));
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible") && this.itemOf(event.target)) viewport.reveal(event.target.getBBox(), false);
    });
  }

  // show shows an SVG, or nothing for null. nodes and edges are the items of the SVG, by their
  // positions in it. With topDown, callers are above their callees.
  show(svg, { nodes, edges, topDown }) {
    this.elements.clear();
    this.items.clear();
    this.marks.clear();
    this.svg = svg;
    this.box.replaceChildren(...(svg ? [svg] : []));
    if (!svg) return this.viewport.show(null);
    this.viewport.show(svg, this.measure(svg, topDown));
    for (const element of svg.querySelectorAll("[data-edge]")) {
      const edge = edges[Number(element.dataset.edge)];
      element.classList.remove(...markClasses);
      if (edge) this.add(edge, element);
    }
    for (const element of svg.querySelectorAll("[data-node]")) {
      const node = nodes[Number(element.dataset.node)];
      if (!node) continue;
      this.add(node, element);
      element.classList.remove(...markClasses);
      element.setAttribute("tabindex", "0");
      element.setAttribute("role", "button");
      element.setAttribute("aria-pressed", "false");
      element.setAttribute("aria-label", spoken(node));
    }
  }

  // measure returns the bounds of the graph in an SVG, without the heading. The first call
  // shows the SVG and prepares it.
  measure(svg, topDown) {
    if (!this.bounds.has(svg)) {
      if (svg.parentNode !== this.box) this.box.replaceChildren(svg);
      this.bounds.set(svg, this.prepare(svg, topDown));
    }
    return this.bounds.get(svg);
  }

  // has reports whether the diagram shows an item.
  has(item) { return this.elements.has(item.key); }

  add(item, element) {
    if (!this.elements.has(item.key)) this.elements.set(item.key, []);
    this.elements.get(item.key).push(element);
    this.items.set(element, item);
  }

  // prepare adds a ring around each node, which marks the node, and a wide line along each
  // edge, which the pointer can hit. It sorts the nodes so that Tab follows the graph. It
  // returns the bounds of the graph without the heading.
  prepare(svg, topDown) {
    svg.removeAttribute("role"); // a screen reader would not read the parts of an image
    svg.querySelector(":scope > title")?.remove(); // the title would be the tooltip of the whole diagram
    if (this.tooWide > 1.02) squeeze(svg, this.tooWide);
    const nodes = [...svg.querySelectorAll("[data-node]")];
    const boxes = nodes.map((element) => element.getBBox()); // all before any change, so that the browser computes one layout
    const parts = [...boxes, ...[...svg.querySelectorAll("[data-edge], .box")].map((element) => element.getBBox())];
    sortNodes(svg, nodes, boxes, topDown);
    nodes.forEach((element, i) => {
      const { x, y, width, height } = boxes[i];
      element.prepend(makeSVG("rect", { class: "ring", x: x - 4, y: y - 4, width: width + 8, height: height + 8, rx: 11 }));
    });
    for (const element of svg.querySelectorAll("[data-edge]")) {
      const line = element.querySelector("path.line") || element.querySelector("path");
      if (line) element.prepend(makeSVG("path", { class: "reach", d: line.getAttribute("d") }));
    }
    if (parts.length === 0) return null;
    const { x, y, width, height } = hull(parts);
    return { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin };
  }

  itemOf(target) {
    return this.items.get(target.closest("[data-node],[data-edge]")) || null;
  }

  // mark shows a state: the chosen item or null, the set of items around it or null, the
  // set of items that the search found or null, and whether filters hide an item.
  mark({ chosen, around, found, isHidden }) {
    for (const [element, item] of this.items) {
      const faded = around ? !around.has(item) : found ? !found.has(item) : false;
      const marks = [isHidden(item) && "hidden", faded && "faded", found?.has(item) && "found", item === chosen && "chosen"].filter(Boolean).join(" ");
      if (marks === (this.marks.get(element) || "")) continue; // most items do not change
      this.marks.set(element, marks);
      element.classList.remove(...markClasses);
      if (marks) element.classList.add(...marks.split(" "));
      if (!item.isEdge) element.setAttribute("aria-pressed", String(item === chosen));
    }
  }

  // reveal moves the view to an item, if the item is in the diagram.
  reveal(item, center) {
    const elements = this.elements.get(item.key);
    if (elements) this.viewport.reveal(hull(elements.map((e) => e.getBBox())), center);
  }

  // frame moves the view so that the given items fill the window.
  frame(items) {
    const elements = [...items].flatMap((item) => this.elements.get(item.key) || []);
    if (elements.length > 0) this.viewport.frame(hull(elements.map((e) => e.getBBox())));
  }

  // focus moves the keyboard focus to a node, if the node is in the diagram.
  focus(node) { node && this.elements.get(node.key)?.[0].focus({ preventScroll: true }); }

  key(event) {
    const item = this.itemOf(event.target);
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.select(item, event);
      return;
    }
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const next = this.nearest(event.target, way);
    if (next) next.focus({ preventScroll: true });
  }

  // nearest returns the closest node in a direction. A distance to the side counts
  // twice as much as a distance straight ahead.
  nearest(from, [dx, dy]) {
    const middle = (element) => {
      const b = element.getBoundingClientRect();
      return [b.left + b.width / 2, b.top + b.height / 2];
    };
    const [x, y] = middle(from);
    let best = null, shortest = Infinity;
    for (const element of this.svg.querySelectorAll("[data-node]:not(.hidden)")) {
      const [ex, ey] = middle(element);
      const ahead = (ex - x) * dx + (ey - y) * dy, aside = Math.abs((ex - x) * dy) + Math.abs((ey - y) * dx);
      if (element !== from && ahead > 1 && ahead + 2 * aside < shortest) {
        best = element;
        shortest = ahead + 2 * aside;
      }
    }
    return best;
  }
}

// squeeze makes text narrower by a factor, where the fonts of the browser are wider than those
// in which the text was measured.
function squeeze(svg, factor) {
  const widths = new Map(); // by font and text
  for (const element of svg.querySelectorAll("text")) {
    const font = `${element.getAttribute("font-weight") || 400} ${element.getAttribute("font-size")}px ${fonts}`, key = font + element.textContent;
    if (!widths.has(key)) widths.set(key, textWidth(element.textContent, font));
    if (widths.get(key) === 0) continue;
    element.setAttribute("textLength", (widths.get(key) / factor).toFixed(2));
    element.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}

// sortNodes sorts the nodes of an SVG rank by rank, so that Tab follows the graph. A node that is a
// row in the card of another node comes after that node, together with its edge.
function sortNodes(svg, nodes, boxes, topDown) {
  const inside = (a, b) => a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width + 1 && a.y + a.height <= b.y + b.height + 1;
  const host = boxes.map((box, i) => boxes.findIndex((other, k) => k !== i && other.width * other.height > box.width * box.height && inside(box, other)));
  const across = (i) => Math.round(topDown ? boxes[i].y + boxes[i].height / 2 : boxes[i].x + boxes[i].width / 2);
  const along = (i) => (topDown ? boxes[i].x : boxes[i].y);
  const order = (a, b) => across(a) - across(b) || along(a) - along(b);
  const rows = nodes.map((_, i) => i).filter((i) => host[i] >= 0).sort((a, b) => along(a) - along(b));
  const lineTo = new Map([...svg.querySelectorAll("[data-edge][data-to]")].map((element) => [element.dataset.to, element]));
  for (const i of nodes.map((_, i) => i).filter((i) => host[i] < 0).sort(order)) {
    svg.append(nodes[i]);
    for (const row of rows) {
      if (host[row] !== i) continue;
      const line = lineTo.get(nodes[row].dataset.node);
      svg.append(...(line ? [line, nodes[row]] : [nodes[row]]));
    }
  }
}

// spoken returns the label of a node for screen readers.
function spoken(node) {
  const parts = [node.label];
  if (node.type !== "service") parts.push(node.type);
  if (node.errors) parts.push(node.calls[1] + " requests", node.errors[1] + " errors");
  if (node.p95) parts.push("p95 " + node.p95[1]);
  return parts.join(", ");
}
