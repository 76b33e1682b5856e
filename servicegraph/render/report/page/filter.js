// @ts-check
// Filters: which nodes and edges pass them, and which of these a diagram shows.

import { hiddenNamespaces } from "./address.js";
import { number, quantity } from "./quantity.js";

// A Filter has the nodes and edges of a graph that pass the filters of a state.
export class Filter {
  constructor(graph, state) {
    this.graph = graph;
    this.minCalls = Number(state.minCalls) || 0;
    this.errors = ["1", "warn", "error"].includes(state.errors) ? state.errors : "";
    this.hide = hiddenNamespaces(state);
    this.center = graph.byKey.get(state.center);
    if (this.center && this.center.isEdge) this.center = undefined;
    this.hops = Math.min(Math.max(Math.trunc(Number(state.hops)) || 1, 1), 9);
    this.space = graph.namespaces().some(([ns]) => ns === state.space) ? state.space : "";
    this.near = this.center ? this.neighborhood() : this.space ? this.spaceAndNeighbors() : null;
    this.isOn = this.minCalls > 0 || this.errors !== "" || this.hide.size > 0 || this.near !== null;
    this.passes = this.passes.bind(this);
    this.edges = new Set(graph.edges.filter((e) => this.passes(e) && (!this.near || this.near.has(e.from) && this.near.has(e.to)) && this.touchesSpace(e)));
    this.nodes = new Set(graph.nodes.filter((n) => this.shows(n)));
  }

  // passes reports whether an edge passes the thresholds and has no end in a hidden
  // namespace.
  passes(e) {
    return e.calls[0] >= this.minCalls && this.fails(e) && !this.hide.has(e.from.ns) && !this.hide.has(e.to.ns);
  }

  // fails reports whether a node or an edge has as many errors as the filter asks for.
  fails(item) {
    switch (this.errors) {
      case "1": return Boolean(item.errors && item.errors[0] > 0);
      case "warn": return item.state !== "ok";
      case "error": return item.state === "error";
      default: return true;
    }
  }

  // shows reports whether a node passes: its namespace is not hidden, and it has an edge that
  // passes, or fails itself. A service also passes without edges if there are no thresholds.
  shows(n) {
    if (this.hide.has(n.ns) || this.near && !this.near.has(n)) return false;
    if (n === this.center || n.in.some((e) => this.edges.has(e)) || n.out.some((e) => this.edges.has(e))) return true;
    if (this.errors) return this.minCalls === 0 && this.fails(n);
    return this.minCalls === 0 && (n.type === "service" || n.in.length + n.out.length === 0);
  }

  // touchesSpace reports whether an end of an edge is in the only namespace to show, if that is
  // the filter.
  touchesSpace(e) { return this.center || !this.space || e.from.ns === this.space || e.to.ns === this.space; }

  // spaceAndNeighbors returns the set of the nodes in the only namespace to show, and of their
  // neighbors.
  spaceAndNeighbors() {
    const near = new Set(this.graph.nodes.filter((n) => n.ns === this.space));
    for (const e of this.graph.edges) {
      if (!this.passes(e) || e.from.ns !== this.space && e.to.ns !== this.space) continue;
      near.add(e.from);
      near.add(e.to);
    }
    return near;
  }

  // has reports whether a node or an edge passes. A collapsed namespace always passes, because a
  // diagram with filters has no collapsed namespaces.
  has(item) { return item.isGroup ? true : item.isEdge ? this.edges.has(item) : this.nodes.has(item); }

  // neighborhood returns the set of nodes that call the center, or that it calls, over at
  // most as many edges as there are hops. The edges pass the other filters.
  neighborhood() {
    const near = new Set([this.center]);
    for (const [edges, end] of [["in", "from"], ["out", "to"]]) {
      let ring = [this.center];
      const seen = new Set(ring);
      for (let hop = 0; hop < this.hops; hop++) {
        const next = [];
        for (const n of ring) {
          for (const e of n[edges]) {
            if (seen.has(e[end]) || !this.passes(e)) continue;
            seen.add(e[end]);
            near.add(e[end]);
            next.push(e[end]);
          }
        }
        ring = next;
      }
    }
    return near;
  }
}

const most = { nodes: 500, edges: 1000 }; // the largest part that a diagram shows if the user wants all

// pick returns the nodes and the edges that a diagram shows, in the order of the graph. They pass a
// filter, and if too many do, they are the most important ones by rank. limits has the numbers
// nodes and edges up to which everything is drawn, and the sizes partNodes and partEdges of the
// part of a larger graph. Failing nodes and edges may exceed the sizes, up to twice as many. With
// all, the part is as large as a browser lays out within seconds.
export function pick(filter, limits, all) {
  let nodes = [...filter.nodes], edges = [...filter.edges].filter((e) => e.from !== e.to);
  if (all ? nodes.length > most.nodes || edges.length > most.edges : nodes.length > limits.nodes || edges.length > limits.edges) {
    const size = all ? most : { nodes: Math.min(limits.partNodes, limits.nodes), edges: Math.min(limits.partEdges, limits.edges) };
    nodes = first(nodes, size.nodes, filter.center);
    const drawn = new Set(nodes);
    edges = first(edges.filter((e) => drawn.has(e.from) && drawn.has(e.to)), size.edges);
  }
  const drawn = new Set(nodes), inOrder = (a, b) => a.index - b.index;
  const loops = [...filter.edges].filter((e) => e.from === e.to && drawn.has(e.from)); // drawn if the style says so
  return { nodes: nodes.sort(inOrder), edges: [...edges, ...loops].sort(inOrder) };
}

// first returns the n most important items, and up to twice as many failing ones.
function first(items, n, center) {
  const sorted = [...items].sort((a, b) => Number(b === center) - Number(a === center) || a.rank - b.rank);
  return sorted.filter((item, i) => i < n || i < 2 * n && item.state === "error");
}

// drawnText returns a sentence on how many of the nodes and edges that pass a filter are in a
// diagram, or an empty text if all are.
export function drawnText(filter, { nodes, edges }) {
  const lines = [...filter.edges].filter((e) => e.from !== e.to).length, drawn = edges.filter((e) => e.from !== e.to).length;
  if (nodes.length === filter.nodes.size && drawn === lines) return "";
  const failing = (list) => [...list].filter((n) => n.state === "error").length, all = failing(filter.nodes);
  const failures = all > 0 ? `${number(failing(nodes))} of ${number(all)} failing, ` : "";
  const of = (some, all, noun) => `${number(some)} of ${quantity(all, noun)}`;
  return `Drawn: ${failures}${of(nodes.length, filter.nodes.size, "node")}, ${of(drawn, lines, "edge")}.`;
}
