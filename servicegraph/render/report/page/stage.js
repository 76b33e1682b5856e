// @ts-check
// The stage decides what the diagram shows: the first diagram, which is in the report, or, with
// filters, a new layout of the nodes and edges that pass.

import { Engine } from "./engine.js";
import { byId, fonts, textWidth } from "./dom.js";
import { drawnText, pick } from "./filter.js";
import { placeLabels } from "./labels.js";
import { paint } from "./paint.js";
import { newPlan, placeRows } from "./plan.js";
import { laidOut } from "./shape.js";
import { margin, maxFit } from "./viewport.js";

const pause = 60; // milliseconds from a change of the filters to the layout, if changes follow each other
const quiet = 250; // milliseconds without a change, after which the layout begins at once
const patience = 300; // milliseconds that an outdated layout may take before it is stopped
const reshaped = 150; // largest number of nodes with which another layout may replace the first diagram
const turned = 40; // largest number of nodes with which other forms are tried as well
const worth = 1.12; // the factor by which another layout must appear larger

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
    this.view = null; // the view to restore after the next layout
    this.notes = []; // sentences about the diagram
    this.css = "";
    this.began = Infinity; // when the running layout began
    this.changed = -Infinity; // when another layout was wanted the last time
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
      isSparse: false,
      nodes: drawn ? drawn.nodes.map((i) => graph.nodes[i] || graph.groups[-1 - i]) : graph.nodes,
      edges: drawn ? drawn.edges.map((i) => graph.edges[i]) : graph.edges, // undefined: from or to a group
    };
    this.inFirst = new Set([...this.first.nodes, ...this.first.edges]);
    this.hasGroups = graph.groups.length > 0;
    if (svg) {
      this.css = svg.querySelector("style")?.textContent || "";
      const heading = [...svg.querySelectorAll(".heading text")].map((e) => e.textContent).join(" ");
      this.first.isSparse = heading.includes("numbers of healthy edges");
      if (graph.parts) svg.querySelector(":scope > .legend")?.remove(); // the page has one
    }
    this.canLayOut = Boolean(this.engine && graph.parts && svg);
    this.isStale = true;
    if (graph.parts) this.diagram.tooWide = textWidth(graph.parts.sample.text, `${graph.parts.sample.size}px ${fonts}`) / graph.parts.sample.w;
  }

  isInFirst(item) { return this.inFirst.has(item); }

  // restoreView sets the view to restore after the next layout. Without it, the whole diagram would
  // be visible.
  restoreView(view) { this.view = view; }

  // arrange makes the diagram show the nodes and edges that pass a filter. If there are too many,
  // it shows only the most important ones, unless all is set. It returns before a layout is done.
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
    if (picked.nodes.length === 0) return this.put(null, { nodes: [], edges: [] }, graph.data);
    if (isFirst && !this.isTooSmall()) return this.put(this.first.svg, this.first, graph.data);
    // Until the layout is done, the page shows what it showed before.
    if (isFirst && !isUpdate || !this.hasShown) this.put(this.first.svg, this.first, graph.data);
    this.note("busy");
    const now = performance.now();
    this.timer = setTimeout(() => this.layOut(key, picked), this.hasShown && !isFirst && now - this.changed < quiet ? pause : 0);
    this.changed = now;
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
  put(svg, { nodes, edges, isSparse = false }, { topDown }) {
    this.hasShown = true;
    this.notes = isSparse ? ["numbers of healthy edges: in the tooltips"] : [];
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
      const plan = await this.planOf(graph, picked, (dot) => {
        if (!isWanted()) throw new Error("another layout is wanted");
        return this.engine.layout(dot);
      });
      if (!isWanted()) return;
      if (this.view) {
        this.viewport.fitted = false;
        this.viewport.setView(this.view);
        this.view = null;
      }
      const { first } = this;
      if (picked === first && this.fit(plan) < worth * this.fitOf(first.svg)) this.put(first.svg, first, graph.data);
      else this.put(paint(plan, graph.parts, this.css), { nodes: graph.nodes, edges: graph.edges, isSparse: plan.isSparse }, plan);
    } catch (error) {
      if (!isWanted()) return;
      this.problem = "No new layout: " + error.message;
      this.undrawn = this.diagram.svg === this.first.svg ? graph.data.undrawn : ""; // the diagram is still the old one
      if (picked === this.first) this.put(this.first.svg, this.first, graph.data);
      this.note("failed");
    } finally {
      if (this.began === began) this.began = Infinity;
    }
    this.onDrawn();
  }

  // planOf returns the plan of some nodes and edges with their places. If a small plan does not fit
  // the window legibly, a plan with dependencies as rows in the cards of their callers, or in the
  // other direction, may fit better. layout is the method of the engine.
  async planOf(graph, { nodes, edges }, layout) {
    const { clientWidth, clientHeight } = this.viewport.box;
    const window = { width: clientWidth - 2 * margin, height: clientHeight - 2 * margin, maxFit };
    const planOf = (options) => laidOut(
      newPlan(graph.parts, nodes.map((n) => n.index), edges.map((e) => e.index), (i) => [graph.edges[i].from.index, graph.edges[i].to.index], { ...options, ratio: window.width / window.height }),
      layout, window);
    const { topDown } = graph.data, folded = nodes.length > graph.parts.gaps.unfolded;
    let plan = await planOf({ topDown, folded });
    for (const options of [{ topDown: !topDown, folded }, { topDown, folded: true }]) {
      if (nodes.length > turned || this.fit(plan) >= 1 || options.topDown === topDown && folded) continue;
      const other = await planOf(options);
      if (this.fit(other) > worth * this.fit(plan)) plan = other;
    }
    placeRows(plan);
    placeLabels(plan);
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
