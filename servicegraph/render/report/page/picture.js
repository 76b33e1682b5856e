// The picture: finds nodes and edges in the SVG, makes them reachable by pointer and
// keyboard, and marks what is selected, found and filtered.

const svgNamespace = "http://www.w3.org/2000/svg";

class Picture {
  constructor(box, viewport, select) {
    this.box = box;
    this.viewport = viewport;
    this.select = select; // called with a node or edge, or null, and the event
    this.parts = new Map(); // elements by node or edge
    this.things = new Map(); // and the reverse
    this.marks = new Map(); // what nodes and edges are marked as
    box.addEventListener("click", (event) => this.select(this.thingOf(event.target), event));
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible") && this.thingOf(event.target)) viewport.reveal(event.target.getBBox(), false);
    });
  }

  // take makes the SVG in the box the picture of a graph.
  take(graph) {
    const svg = this.box.querySelector("svg");
    this.parts.clear();
    this.things.clear();
    this.marks.clear();
    this.svg = svg;
    this.lines = svg ? [...svg.querySelectorAll(".heading text:not(.title)")].map((e) => e.textContent) : [];
    if (!svg) return this.viewport.show(null);
    svg.removeAttribute("role"); // an image would have no parts for screen readers
    svg.querySelector(":scope > title")?.remove(); // it would be the tooltip of everything
    this.viewport.show(svg, this.measure(svg));
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

  add(thing, element) {
    if (!this.parts.has(thing)) this.parts.set(thing, []);
    this.parts.get(thing).push(element);
    this.things.set(element, thing);
  }

  // measure adds what the painter need not know of: a ring around each node, to mark
  // it, and a wide line along each edge, to hit it by. It returns where the graph is in
  // the picture, without the heading.
  measure(svg) {
    const nodes = [...svg.querySelectorAll("[data-node]")];
    const boxes = nodes.map((element) => element.getBBox()); // all before any change: one layout
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

  thingOf(target) {
    return this.things.get(target.closest("[data-node],[data-edge]")) || null;
  }

  // mark shows a state: chosen is what is selected, around it what belongs to it (or
  // null), found what is searched for (or null), hidden what filters leave out.
  mark({ chosen, around, found, hidden }) {
    for (const [thing, elements] of this.parts) {
      const faded = around ? !around.has(thing) : found ? !found.has(thing) : false;
      const marks = [hidden.has(thing) && "hidden", faded && "faded", found?.has(thing) && "found", thing === chosen && "chosen"].filter(Boolean).join(" ");
      if (marks === (this.marks.get(thing) || "")) continue; // most stay as they are
      this.marks.set(thing, marks);
      for (const element of elements) {
        element.classList.remove("hidden", "faded", "found", "chosen");
        if (marks) element.classList.add(...marks.split(" "));
        if (!thing.isEdge) element.setAttribute("aria-pressed", String(thing === chosen));
      }
    }
  }

  // reveal moves to a node or edge, if it is in the picture.
  reveal(thing, centre) {
    const elements = this.parts.get(thing);
    if (elements) this.viewport.reveal(hull(elements.map((e) => e.getBBox())), centre);
  }

  // frame moves so that these nodes and edges fill the window.
  frame(things) {
    const elements = [...things].flatMap((thing) => this.parts.get(thing) || []);
    if (elements.length > 0) this.viewport.frame(hull(elements.map((e) => e.getBBox())));
  }

  // focus gives the keyboard to a node, if it is in the picture.
  focus(node) { this.parts.get(node)?.[0].focus({ preventScroll: true }); }

  key(event) {
    const thing = this.thingOf(event.target);
    if (!thing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.select(thing, event);
      return;
    }
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const next = this.nearest(event.target, way);
    if (next) next.focus({ preventScroll: true });
  }

  // nearest returns the node that comes next in a direction: close by, and rather
  // straight ahead than aside.
  nearest(from, [dx, dy]) {
    const middle = (element) => {
      const b = element.getBoundingClientRect();
      return [b.left + b.width / 2, b.top + b.height / 2];
    };
    const [x, y] = middle(from);
    let best = null, least = Infinity;
    for (const element of this.svg.querySelectorAll("[data-node]:not(.hidden)")) {
      const [ex, ey] = middle(element);
      const ahead = (ex - x) * dx + (ey - y) * dy, aside = Math.abs((ex - x) * dy) + Math.abs((ey - y) * dx);
      if (element !== from && ahead > 1 && ahead + 2 * aside < least) {
        best = element;
        least = ahead + 2 * aside;
      }
    }
    return best;
  }
}

// hull returns the smallest box around others.
function hull(boxes) {
  const x = Math.min(...boxes.map((b) => b.x)), y = Math.min(...boxes.map((b) => b.y));
  return {
    x,
    y,
    width: Math.max(...boxes.map((b) => b.x + b.width)) - x,
    height: Math.max(...boxes.map((b) => b.y + b.height)) - y,
  };
}

// spoken says what a node is for those who do not see it.
function spoken(node) {
  const parts = [node.label];
  if (node.type !== "service") parts.push(node.type);
  if (node.errors) parts.push(node.calls[1] + " requests", node.errors[1] + " errors");
  if (node.p95) parts.push("p95 " + node.p95[1]);
  return parts.join(", ");
}
