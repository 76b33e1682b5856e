// @ts-check
// The panel with the details of the selected item.

import { make, makeSVG } from "./dom.js";
import { mark } from "./graph.js";
import { sparkline } from "./history.js";
import { quantity } from "./quantity.js";

const directions = [
  ["all", "All", "everything upstream and downstream"],
  ["up", "Upstream", "direct and indirect callers"],
  ["down", "Downstream", "direct and indirect callees"],
  ["near", "Neighbors", "direct callers and callees"],
];

const maxListed = 40; // callers, and callees
const maxTraces = 6; // of a node

export class Details {
  constructor(box, { select, setDirection, focus, isDrawn, history, zoom, copy, close }) {
    this.box = box;
    this.select = select; // called with an item
    this.setDirection = setDirection; // called with a direction: see Graph.around
    this.focus = focus; // called with a node and a number of hops, to draw only the node and its surroundings
    this.isDrawn = isDrawn; // reports whether an item is in the diagram
    this.history = history; // returns the points of an edge: see History
    this.zoom = zoom;
    this.copy = copy; // called with a text
    this.close = close;
  }

  // show shows an item, or closes the panel for null. It also shows the direction, the center and
  // the hops of the state.
  show(graph, item, state) {
    const shown = item && [item.key, state.direction, state.center, state.hops, this.isDrawn(item)].join(" ");
    this.box.hidden = !item;
    if (this.item === item && this.shown === shown) return;
    const focused = this.item && item && this.item.key === item.key && this.box.contains(document.activeElement) && document.activeElement.getAttribute("data-key");
    const scrolled = this.item && item && this.item.key === item.key ? this.box.scrollTop : 0;
    this.item = item;
    this.shown = shown;
    if (!item) return this.box.replaceChildren();
    this.box.replaceChildren(...(item.isEdge ? this.edge(graph, item) : this.node(graph, item, state)));
    this.box.scrollTop = scrolled;
    if (focused) this.box.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  heading(kind, item, ...content) {
    return make("header", {},
      make("p", { class: "kind" }, kind),
      this.isDrawn(item) && make("button", { type: "button", class: "zoomTo", title: "Zoom to selection ( z )", onclick: this.zoom }, "Zoom to selection"),
      make("button", { type: "button", class: "close", "aria-label": "Close", title: "Close ( Esc )", onclick: this.close }, "×"),
      make("h2", { title: item.full || item.label }, ...content));
  }

  node(graph, node, { direction, center, hops }) {
    const failed = tracesOf(node, "failed");
    const out = [
      this.heading(node.type, node, node.ns ? make("span", { class: "ns" }, node.ns + "/") : null, node.name),
      node.full ? make("details", { class: "full" }, make("summary", {}, "Full name"), make("p", {}, node.full)) : null,
      verdict(node),
      make("div", { class: "choice", role: "group", "aria-label": "Highlight" }, ...directions.map(([key, title, hint]) =>
        make("button", { type: "button", "data-key": key, "aria-pressed": String(key === direction), title: hint, onclick: () => this.setDirection(key) }, title))),
      this.focus ? make("div", { class: "choice", role: "group", "aria-label": "Draw only this node and its surroundings" },
        make("span", {}, "Draw only"), ...[1, 2, 3].map((n) => {
          const pressed = center === node.key && hops === String(n);
          return make("button", { type: "button", "data-key": "hops" + n, "aria-pressed": String(pressed), title: `this node and ${n === 1 ? "its callers and callees" : `everything within ${n} calls`}`,
            onclick: () => this.focus(pressed ? null : node, n) }, quantity(n, "hop"));
        })) : null,
      table(["", "Requests", "Errors", "p50", "p95", "p99"], [["", node]]),
      facts([["Rate", node.rate && node.rate[1]], ...(node.facts || [])]),
      this.traces("Failed", failed, graph.data.traceURL),
      this.calls("Callers", node.in, (e) => e.from),
      this.calls("Callees", node.out, (e) => e.to),
      failed.length === 0 ? this.traces("Slowest", tracesOf(node, "slowest"), graph.data.traceURL) : null,
      this.isDrawn(node) ? null : undrawn("This node is not in the diagram."),
    ];
    return out.filter(Boolean);
  }

  // calls lists the edges from callers or to callees of a node, the busiest first.
  calls(title, edges, end) {
    if (edges.length === 0) return null;
    const sorted = [...edges].sort((a, b) => b.calls[0] - a.calls[0]);
    const more = sorted.length - maxListed;
    return make("section", {},
      make("h3", {}, title + " ", make("span", { class: "count" }, String(edges.length))),
      make("ul", { class: "calls" }, ...sorted.slice(0, maxListed).map((e) => make("li", {},
        make("button", { type: "button", class: e.state, title: end(e).full || end(e).label, onclick: () => this.select(e) },
          make("span", { class: "name" }, end(e).label),
          make("span", { class: "numbers" }, [e.calls[1], errors(e), e.latency.p95 && e.latency.p95[1]].filter(Boolean).join(" · ")))))),
      more > 0 ? make("p", { class: "more" }, `and ${more} more, in the table below`) : null);
  }

  edge(graph, edge) {
    const end = (node) => make("button", { type: "button", class: "end", title: node.full || node.label, onclick: () => this.select(node) }, node.label);
    const sides = [["Caller", edge.caller], ["Callee", edge.callee], [edge.kind === "message" ? "Queue time" : "Network time", edge.gap]].filter(([, s]) => s);
    const self = edge.from === edge.to;
    const out = [
      this.heading(edge.kind, edge, end(edge.from), make("span", { class: "to" }, " → "), end(edge.to)),
      verdict(edge),
      facts([["Calls", edge.calls[1]], ["Rate", edge.rate && edge.rate[1]], ["Errors", edge.errors && errorText(edge.errors)]]),
      this.past(edge),
      sides.length > 0 ? make("section", {}, make("h3", {}, "Measured by each side"), table(["", "Calls", "Errors", "p50", "p95", "p99"], sides)) : null,
      this.traces("Failed", edge.failed, graph.data.traceURL),
      this.traces("Slowest", edge.slowest, graph.data.traceURL),
      edge.facts ? make("section", {}, make("h3", {}, "More"), facts(edge.facts)) : null,
      this.isDrawn(edge) ? null : undrawn(self ? "Self edges are not drawn." : "This edge is not in the diagram."),
    ];
    return out.filter(Boolean);
  }

  // past draws the history of an edge.
  past(edge) {
    const points = this.history(edge);
    if (points.length < 3) return null;
    const seconds = Math.round((points[points.length - 1].time - points[0].time) / 1000);
    const line = (name, kind, values, text) => make("div", { class: "past" }, make("span", {}, name),
      makeSVG("svg", { viewBox: "0 -2 200 32", preserveAspectRatio: "none", role: "img", "aria-label": `${name} over the last ${seconds} s, now ${text}` },
        makeSVG("path", { class: kind, d: sparkline(values, 200, 28) })),
      make("span", { class: "now" }, text));
    const last = points[points.length - 1];
    return make("section", {}, make("h3", {}, `Last ${seconds} s, since this page was opened`),
      line("Rate", "rate", points.map((p) => p.rate), `${Number(last.rate.toPrecision(3))}/s`),
      line("Errors", "errors", points.map((p) => p.errors), `${Number((100 * last.errors).toPrecision(3))}%`));
  }

  // traces lists trace ids, as links if there is a trace URL.
  traces(title, list, url) {
    if (!list || list.length === 0) return null;
    const link = /^https?:\/\//i.test(url);
    return make("section", {},
      make("h3", {}, title + " traces"),
      make("ul", { class: "traces" }, ...list.map((x) => make("li", {},
        link
          ? make("a", { href: url.replaceAll("{traceID}", x.trace), target: "_blank", rel: "noopener noreferrer" }, x.trace)
          : make("code", {}, x.trace),
        make("button", { type: "button", class: "copy", title: "Copy the trace id", "aria-label": "Copy trace id " + x.trace, onclick: () => this.copy(x.trace) }, copyIcon()),
        make("span", { class: "numbers" }, x.took)))));
  }
}

// tracesOf returns the traces of a kind, "failed" or "slowest", of the calls to a node. For a node
// without callers, it returns the traces of the calls that the node makes.
function tracesOf(node, kind) {
  const list = new Map();
  const add = (edges) => {
    for (const e of edges) for (const x of e[kind] || []) if (!list.has(x.trace)) list.set(x.trace, x);
  };
  add([...node.in].sort((a, b) => b.calls[0] - a.calls[0]));
  if (list.size === 0 && node.errors && node.errors[0] > 0) add(node.out.filter((e) => e.errors && e.errors[0] > 0));
  return [...list.values()].slice(0, maxTraces);
}

const errorText = (m) => m[0] > 0 ? `${m[1]} (${m[2]})` : m[1];
const errors = (e) => e.errors && e.errors[0] > 0 ? mark(e) + e.errors[1] + " err" : "";

// verdict returns the state in words, for people who do not see its color.
function verdict(item) {
  if (item.state === "ok") return null;
  const failed = `${mark(item)}${item.errors[1]} of ${item.calls[1]} ${item.isEdge ? "calls" : "requests"} failed`;
  const text = mark(item) === "○ " ? failed + "; their callers recovered" : mark(item) ? failed : "▲ slow";
  return make("p", { class: "state " + item.state }, text);
}

function table(titles, rows) {
  const cell = (m) => make("td", {}, m ? m[1] : "–");
  const named = rows.some(([title]) => title);
  return make("table", { class: "sides" },
    make("thead", {}, make("tr", {}, ...titles.slice(named ? 0 : 1).map((t) => make("th", { scope: "col" }, t)))),
    make("tbody", {}, ...rows.map(([title, s]) => make("tr", {},
      named ? make("th", { scope: "row" }, title) : null,
      ...(s.calls ? [cell(s.calls), cell(s.errors)] : [make("td"), make("td")]), cell(s.p50), cell(s.p95), cell(s.p99)))));
}

function facts(list) {
  const known = list.filter(([, value]) => value);
  if (known.length === 0) return null;
  return make("dl", { class: "facts" }, ...known.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

// copyIcon returns a drawing of two sheets.
const copyIcon = () => makeSVG("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, makeSVG("path", { d: "M5.500 5.500h7v8h-7zM3 10.500v-8h7" }));

const undrawn = (text) => make("p", { class: "undrawn" }, text);
