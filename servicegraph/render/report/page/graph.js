// The graph as the page has it: the data that came with the page, with positions
// resolved into references, and what is asked of them.

class Graph {
  constructor(data) {
    this.data = data;
    this.nodes = data.nodes;
    this.edges = data.edges;
    this.byKey = new Map();
    this.nodes.forEach((n) => {
      n.label = n.ns ? n.ns + "/" + n.name : n.name;
      n.key = n.id;
      n.words = ((n.full || n.label) + " " + n.type).toLowerCase();
      n.out = [];
      n.in = [];
      n.drawn = !data.drawn;
      this.byKey.set(n.key, n);
    });
    this.edges.forEach((e) => {
      e.from = this.nodes[e.from];
      e.to = this.nodes[e.to];
      e.isEdge = true;
      e.label = e.from.label + " → " + e.to.label;
      e.key = [e.from.id, e.to.id, e.kind].join(",");
      e.words = (e.from.full || e.from.label).toLowerCase() + " → " + (e.to.full || e.to.label).toLowerCase() + " " + e.kind;
      e.latency = e.caller && e.caller.p50 ? e.caller : e.callee || e.caller || {};
      e.drawn = !data.drawn;
      e.from.out.push(e);
      e.to.in.push(e);
      this.byKey.set(e.key, e);
    });
    if (data.drawn) {
      data.drawn.nodes.forEach((i) => { this.nodes[i].drawn = true; });
      data.drawn.edges.forEach((i) => { this.edges[i].drawn = true; });
    }
    // Levels are the different numbers of calls, rising: the steps of the traffic slider.
    const texts = new Map(this.edges.map((e) => [e.calls[0], e.calls[1]]));
    this.levels = [...texts].sort((a, b) => a[0] - b[0]).map(([calls, text]) => ({ calls, text }));
  }

  // drawnNode returns the node that the picture calls i, drawnEdge likewise the edge.
  drawnNode(i) { return this.nodes[this.data.drawn ? this.data.drawn.nodes[i] : i]; }
  drawnEdge(i) { return this.edges[this.data.drawn ? this.data.drawn.edges[i] : i]; }

  // level returns the position of the lowest level of at least so many calls.
  level(calls) {
    const i = this.levels.findIndex((l) => l.calls >= calls);
    return i < 0 ? Math.max(this.levels.length - 1, 0) : i;
  }

  // around returns what belongs to a selected node or edge: a set of nodes and edges.
  // The direction is "all" for everything up- and downstream, "up", "down", or "near"
  // for the neighbours alone. Only edges that pass are followed.
  around(selected, direction, passes) {
    const found = new Set([selected]);
    if (selected.isEdge) {
      found.add(selected.from).add(selected.to);
      return found;
    }
    const walk = (edges, end) => {
      const seen = new Set([selected]);
      const border = [selected];
      while (border.length > 0) {
        for (const e of border.pop()[edges]) {
          if (!passes(e)) continue;
          found.add(e).add(e[end]);
          if (!seen.has(e[end])) {
            seen.add(e[end]);
            if (direction !== "near") border.push(e[end]);
          }
        }
      }
    };
    if (direction !== "up") walk("out", "to");
    if (direction !== "down") walk("in", "from");
    return found;
  }
}

// wordsOf returns the words of a query, all of which what matches it has.
const wordsOf = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);
const matches = (thing, words) => words.every((w) => thing.words.includes(w));

// mark shows a state to those who do not see its colour.
const mark = (thing) => ({ warn: "▲ ", error: "● " })[thing.state] || "";

// make returns a new element. Text becomes text, never markup: names come from
// traces, and are not to be trusted.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((c) => c != null && c !== false));
  return element;
}

const byId = (id) => document.getElementById("page-" + id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
