// @ts-check
// The graph: the data of the report, with references in place of positions, and queries.

export class Graph {
  // parts are the parts of the diagram, or null without them.
  constructor(data, parts) {
    this.data = data;
    this.parts = parts;
    this.legend = parts?.legend || [];
    this.nodes = data.nodes;
    this.edges = data.edges;
    this.byKey = new Map();
    this.nodes.forEach((n, i) => {
      n.index = i;
      n.label = n.ns ? n.ns + "/" + n.name : n.name;
      n.key = n.id;
      n.words = ((n.full || n.label) + " " + n.type).toLowerCase();
      n.out = [];
      n.in = [];
      this.byKey.set(n.key, n);
    });
    this.edges.forEach((e, i) => {
      e.index = i;
      e.from = this.nodes[e.from];
      e.to = this.nodes[e.to];
      e.isEdge = true;
      e.label = e.from.label + " → " + e.to.label;
      e.key = [e.from.id, e.to.id, e.kind].join(",");
      e.words = (e.from.full || e.from.label).toLowerCase() + " → " + (e.to.full || e.to.label).toLowerCase() + " " + e.kind;
      e.latency = e[e.latencySide] || {};
      e.from.out.push(e);
      e.to.in.push(e);
      this.byKey.set(e.key, e);
    });
    // Groups are the collapsed namespaces in the first diagram.
    this.groups = (data.drawn?.groups || []).map(({ name, state }) => ({ isGroup: true, name, state, key: "namespace:" + name, label: name, type: "namespace" }));
    // Levels are the distinct numbers of calls in ascending order: the steps of the traffic
    // slider.
    const texts = new Map(this.edges.map((e) => [e.calls[0], e.calls[1]]));
    this.levels = [...texts].sort((a, b) => a[0] - b[0]).map(([calls, text]) => ({ calls, text }));
  }

  // namespaces returns the namespaces with their numbers of nodes, sorted. Nodes without a
  // namespace are not counted.
  namespaces() {
    const count = new Map();
    for (const n of this.nodes) if (n.ns) count.set(n.ns, (count.get(n.ns) || 0) + 1);
    return [...count].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }

  // level returns the position of the lowest level with at least the given number of calls.
  level(calls) {
    const i = this.levels.findIndex((l) => l.calls >= calls);
    return i < 0 ? Math.max(this.levels.length - 1, 0) : i;
  }

  // around returns the set of nodes and edges that belong to a selected node or edge. The
  // direction is "all" for upstream and downstream, "up", "down", or "near" for the
  // neighbors only. Only edges for which passes is true are followed.
  around(selected, direction, passes) {
    const found = new Set([selected]);
    if (selected.isEdge) {
      found.add(selected.from).add(selected.to);
      return found;
    }
    const walk = (edges, end) => {
      const seen = new Set([selected]);
      const pending = [selected];
      while (pending.length > 0) {
        for (const e of pending.pop()[edges]) {
          if (!passes(e)) continue;
          found.add(e).add(e[end]);
          if (!seen.has(e[end])) {
            seen.add(e[end]);
            if (direction !== "near") pending.push(e[end]);
          }
        }
      }
    };
    if (direction !== "up") walk("out", "to");
    if (direction !== "down") walk("in", "from");
    return found;
  }
}

// wordsOf returns the words of a query. A node or an edge matches if it contains all of
// them.
export const wordsOf = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);
export const matches = (item, words) => words.every((w) => item.words.includes(w));

// mark returns the symbol before the errors of an item, for people who do not see its color.
export const mark = (item) => item.mark || "";
