// The diagram: the nodes and edges in the SVG, which the pointer and the keyboard can
// reach, with marks for the selection, the search and the filters. An item is a node or an
// edge.

const svgNamespace = "http://www.w3.org/2000/svg";

class Diagram {
  constructor(box, viewport, select) {
    this.box = box;
    this.viewport = viewport;
    this.select = select; // called with an item or null, and the event
    this.elements = new Map(); // lists of elements, by item
    this.items = new Map(); // items, by element
    this.marks = new Map(); // classes, by item
    box.addEventListener("click", (event) => this.select(this.itemOf(event.target), event));
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible") && this.itemOf(event.target)) viewport.reveal(event.target.getBBox(), false);
    });
  }

  // load reads the SVG in the box, which shows the graph.
  load(graph) {
    const svg = this.box.querySelector("svg");
    this.elements.clear();
    this.items.clear();
    this.marks.clear();
    this.svg = svg;
    this.lines = svg ? [...svg.querySelectorAll(".heading text:not(.title)")].map((e) => e.textContent) : [];
    if (!svg) return this.viewport.show(null);
    svg.removeAttribute("role"); // a screen reader would not read the parts of an image
    svg.querySelector(":scope > title")?.remove(); // otherwise the tooltip of the whole diagram
    this.viewport.show(svg, this.prepare(svg));
    for (const element of svg.querySelectorAll("[data-edge]")) {
      const edge = graph.drawnEdge(Number(element.dataset.edge));
      if (edge) this.add(edge, element);
    }
    for (const element of svg.querySelectorAll("[data-node]")) {
      const node = graph.drawnNode(Number(element.dataset.node));
      if (!node) continue;
      this.add(node, element);
      element.setAttribute("tabindex", "0");
      element.setAttribute("role", "button");
      element.setAttribute("aria-pressed", "false");
      element.setAttribute("aria-label", spoken(node));
    }
  }

  add(item, element) {
    if (!this.elements.has(item)) this.elements.set(item, []);
    this.elements.get(item).push(element);
    this.items.set(element, item);
  }

  // prepare adds a ring around each node, which marks the node, and a wide line along each
  // edge, which the pointer can hit. It returns the bounds of the graph without the heading.
  prepare(svg) {
    const nodes = [...svg.querySelectorAll("[data-node]")];
    const boxes = nodes.map((element) => element.getBBox()); // all before any change, so that the browser computes one layout
    const parts = [...boxes, ...[...svg.querySelectorAll("[data-edge], .box")].map((element) => element.getBBox())];
    nodes.forEach((element, i) => {
      const { x, y, width, height } = boxes[i];
      const ring = document.createElementNS(svgNamespace, "rect");
      for (const [name, value] of Object.entries({ class: "ring", x: x - 4, y: y - 4, width: width + 8, height: height + 8, rx: 11 })) ring.setAttribute(name, value);
      element.prepend(ring);
    });
    for (const element of svg.querySelectorAll("[data-edge]")) {
      const line = element.querySelector("path.line") || element.querySelector("path");
      if (!line) continue;
      const reach = document.createElementNS(svgNamespace, "path");
      reach.setAttribute("class", "reach");
      reach.setAttribute("d", line.getAttribute("d"));
      element.prepend(reach);
    }
    if (parts.length === 0) return null;
    const { x, y, width, height } = hull(parts);
    return { x: x - 24, y: y - 24, width: width + 48, height: height + 48 };
  }

  itemOf(target) {
    return this.items.get(target.closest("[data-node],[data-edge]")) || null;
  }

  // mark shows a state: the chosen item or null, the set of items around it or null, the
  // set of items that the search found or null, and the set of items that filters hide.
  mark({ chosen, around, found, hidden }) {
    for (const [item, elements] of this.elements) {
      const faded = around ? !around.has(item) : found ? !found.has(item) : false;
      const marks = [hidden.has(item) && "hidden", faded && "faded", found?.has(item) && "found", item === chosen && "chosen"].filter(Boolean).join(" ");
      if (marks === (this.marks.get(item) || "")) continue; // most items do not change
      this.marks.set(item, marks);
      for (const element of elements) {
        element.classList.remove("hidden", "faded", "found", "chosen");
        if (marks) element.classList.add(...marks.split(" "));
        if (!item.isEdge) element.setAttribute("aria-pressed", String(item === chosen));
      }
    }
  }

  // reveal moves the view to an item, if the item is in the diagram.
  reveal(item, center) {
    const elements = this.elements.get(item);
    if (elements) this.viewport.reveal(hull(elements.map((e) => e.getBBox())), center);
  }

  // frame moves the view so that the given items fill the window.
  frame(items) {
    const elements = [...items].flatMap((item) => this.elements.get(item) || []);
    if (elements.length > 0) this.viewport.frame(hull(elements.map((e) => e.getBBox())));
  }

  // focus moves the keyboard focus to a node, if the node is in the diagram.
  focus(node) { this.elements.get(node)?.[0].focus({ preventScroll: true }); }

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

// hull returns the smallest box around the given boxes.
function hull(boxes) {
  const x = Math.min(...boxes.map((b) => b.x)), y = Math.min(...boxes.map((b) => b.y));
  return {
    x,
    y,
    width: Math.max(...boxes.map((b) => b.x + b.width)) - x,
    height: Math.max(...boxes.map((b) => b.y + b.height)) - y,
  };
}

// spoken returns the label of a node for screen readers.
function spoken(node) {
  const parts = [node.label];
  if (node.type !== "service") parts.push(node.type);
  if (node.errors) parts.push(node.calls[1] + " requests", node.errors[1] + " errors");
  if (node.p95) parts.push("p95 " + node.p95[1]);
  return parts.join(", ");
}
