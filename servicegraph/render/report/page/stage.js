// @ts-check
// The stage decides what the diagram shows: the first diagram, which is in the report, or,
// with filters, a new layout of what is left.

import { Engine } from "./engine.js";
import { byId } from "./dom.js";
import { drawnText, pick } from "./filter.js";
import { dotOf, finish, newPlan, place, reshape } from "./plan.js";
import { paint } from "./paint.js";
import { margin, maxFit } from "./viewport.js";

const pause = 60; // milliseconds from a change of the filters to the layout
const patience = 300; // milliseconds that an outdated layout may take before it is stopped
const reshaped = 150; // nodes, up to which more layouts adapt the shape to the window
const turned = 40; // nodes, up to which the other direction is tried as well
const worth = 1.12; // how much larger another layout must appear

export class Stage {
  // onDrawn is called after the diagram changed by itself.
  constructor(diagram, viewport, onDrawn) {
    this.diagram = diagram;
    this.viewport = viewport;
    this.onDrawn = onDrawn;
    const encoded = byId("graphviz")?.textContent;
    this.engine = encoded && typeof Worker === "function" && typeof DecompressionStream === "function" ? new Engine(encoded) : null;
    this.canLayOut = this.engine !== null;
    this.wanted = ""; // what the diagram should show; empty: the first diagram
    this.hasShown = false; // the diagram shows something
    this.isStale = true; // the diagram shows an older graph
    this.undrawn = ""; // a sentence about what the diagram leaves out
    this.canDrawMore = ""; // the text of a button that draws more; empty: no button
    this.problem = ""; // why a layout failed
    this.empty = ""; // the text in place of a diagram
    this.view = null; // to be restored after the next layout
    this.lines = []; // of the heading of the first diagram
    this.css = "";
    this.began = Infinity; // when the running layout began
  }

  // readParts returns the parts of diagrams in an element of the report, or null without them.
  async readParts(element) {
    if (!element || !this.engine) return null;
    const bytes = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
    const parts = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
    const idle = window.requestIdleCallback || ((f) => setTimeout(f, 200));
    idle(() => this.engine?.start().catch(() => {})); // so that the first layout is fast
    return parts;
  }

  // load takes a new graph with its first diagram, or null if it has none.
  load(graph, svg) {
    const { drawn } = graph.data;
    this.graph = graph;
    this.first = {
      svg,
      nodes: drawn ? drawn.nodes.map((i) => graph.nodes[i] || graph.groups[-1 - i]) : graph.nodes,
      edges: drawn ? drawn.edges.map((i) => graph.edges[i]) : graph.edges, // undefined: from or to a group
    };
    this.inFirst = new Set([...this.first.nodes, ...this.first.edges]);
    this.hasGroups = graph.groups.length > 0;
    if (svg) {
      this.lines = [...svg.querySelectorAll(".heading text:not(.title)")].map((e) => e.textContent);
      this.css = svg.querySelector("style")?.textContent || "";
    } else {
      this.lines = [];
    }
    this.canLayOut = Boolean(this.engine && graph.parts && svg);
    this.isStale = true;
    if (graph.parts) this.diagram.tooWide = textWidth(graph.parts.sample) / graph.parts.sample.w;
  }

  isInFirst(item) { return this.inFirst.has(item); }

  // restoreView keeps a view of the next layout, which would otherwise be shown as a whole.
  restoreView(view) { this.view = view; }

  // arrange makes the diagram show what passes a filter: of much, only the most important
  // part unless all is set. It returns before a layout is done.
  arrange(graph, filter, all) {
    const isFirst = !this.canLayOut || !filter.isOn && !all;
    const picked = isFirst ? this.first : pick(filter, graph.data.limits, all);
    this.undrawn = isFirst ? graph.data.undrawn : drawnText(filter, picked);
    this.canDrawMore = this.canLayOut && this.undrawn && !all ? "Draw more" : "";
    this.empty = "";
    if (graph.nodes.length === 0) this.empty = "Nothing to draw: the spans contain no service.";
    else if (!this.first.svg) this.empty = "No diagram: see the tables below.";
    else if (picked.nodes.length === 0) this.empty = "Nothing passes the filters.";
    const key = isFirst ? "" : picked.nodes.map((n) => n.index).join() + ";" + picked.edges.map((e) => e.index).join();
    if (key === this.wanted && !this.isStale) return;
    const isNew = key !== this.wanted, isUpdate = this.isStale && this.hasShown;
    this.wanted = key;
    this.isStale = false;
    this.problem = "";
    clearTimeout(this.timer);
    if (isNew && !this.view) this.viewport.fitted = true;
    if (picked.nodes.length === 0) return this.put(null, { nodes: [], edges: [] }, false);
    if (isFirst && !this.isTooSmall()) return this.put(this.first.svg, this.first, graph.data.topDown);
    // Until the layout is done, the page shows what it showed before.
    if (isFirst && !isUpdate || !this.hasShown) this.put(this.first.svg, this.first, graph.data.topDown);
    this.note("busy");
    this.timer = setTimeout(() => this.layOut(key, picked), this.hasShown && !isFirst ? pause : 0);
  }

  // isLegibleAboveTables reports whether the first diagram is legible in the window although
  // the tables are open.
  isLegibleAboveTables(body) {
    if (!this.first.svg || this.graph.nodes.length === 0) return true;
    body.classList.remove("collapsed");
    return this.fitOf(this.first.svg) >= 1;
  }

  // isTooSmall reports whether the first diagram has text in the window that is too small to
  // read, so that another layout is worth a try.
  isTooSmall() {
    return this.canLayOut && !this.hasGroups && this.first.nodes.length <= reshaped && this.viewport.fitted && this.fitOf(this.first.svg) < 1;
  }

  // put shows a diagram.
  put(svg, { nodes, edges }, topDown) {
    this.hasShown = true;
    this.diagram.show(svg, { nodes, edges, topDown });
    this.note("done");
  }

  // note tells the style sheet and tests whether a layout is running.
  note(layout) { document.documentElement.dataset.layout = layout; }

  // layOut computes a layout of some nodes and edges, and shows it if it is still wanted.
  async layOut(key, picked) {
    const { graph } = this, began = performance.now();
    const isWanted = () => key === this.wanted && graph === this.graph;
    if (began - this.began > patience) this.engine.stop("another layout is wanted");
    this.began = began;
    try {
      const plan = await this.planOf(graph, picked);
      if (!isWanted()) return;
      if (this.view) {
        this.viewport.fitted = false;
        this.viewport.setView(this.view);
        this.view = null;
      }
      const { first } = this;
      if (picked === first && this.fit(plan) < worth * this.fitOf(first.svg)) this.put(first.svg, first, graph.data.topDown);
      else this.put(paint(plan, graph.parts, this.css), graph, plan.topDown);
    } catch (error) {
      if (!isWanted()) return;
      this.problem = "No new layout: " + error.message;
      if (picked === this.first) this.put(this.first.svg, this.first, graph.data.topDown);
      this.note("failed");
    } finally {
      if (this.began === began) this.began = Infinity;
    }
    this.onDrawn();
  }

  // planOf returns the plan of some nodes and edges with their places. If a small one does not
  // fit the window legibly, the other direction may fit better.
  async planOf(graph, { nodes, edges }) {
    const { topDown } = graph.data, laidOut = async (topDown, gaps) => {
      const plan = newPlan(graph.parts, nodes.map((n) => n.index), edges.map((e) => e.index), (i) => [graph.edges[i].from.index, graph.edges[i].to.index], topDown);
      Object.assign(plan, gaps);
      place(plan, await this.engine.layout(dotOf(plan)));
      return plan;
    };
    let plan = await laidOut(topDown);
    if (nodes.length <= reshaped) {
      if (nodes.length <= turned && this.fit(plan) < 1) {
        const other = await laidOut(!topDown);
        if (this.fit(other) > worth * this.fit(plan)) plan = other;
      }
      const box = this.viewport.box, gaps = reshape(plan, box.clientWidth / box.clientHeight);
      if (gaps) {
        const wider = await laidOut(plan.topDown, gaps);
        if (this.fit(wider) > 0.97 * Math.min(this.fit(plan), maxFit)) plan = wider;
      }
    }
    finish(plan);
    return plan;
  }

  // fitOf returns the scale at which an SVG fits the window.
  fitOf(svg) {
    const bounds = this.diagram.measure(svg, this.graph.data.topDown);
    return bounds ? this.fit({ width: bounds.width - 2 * margin, height: bounds.height - 2 * margin }) : 1;
  }

  // fit returns the scale at which a diagram fits the window.
  fit({ width, height }) {
    const { clientWidth, clientHeight } = this.viewport.box;
    return Math.min(clientWidth / (width + 2 * margin), clientHeight / (height + 2 * margin));
  }
}

// textWidth returns the width of a sample text in the font of the diagram.
function textWidth({ text, size }) {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return 0;
  context.font = `${size}px Go, Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif`;
  return context.measureText(text).width;
}
