// @ts-check
// The report has one state, which is also in the URL. Everything on the screen follows from
// the graph and the state.

import { blank, formatHidden, hiddenNamespaces, parseHash, writeAddress } from "./address.js";
import { edgeColumns, nodeColumns } from "./columns.js";
import { copy, makeResizable, showToast } from "./controls.js";
import { Details } from "./details.js";
import { Diagram } from "./diagram.js";
import { byId, make } from "./dom.js";
import { Filter } from "./filter.js";
import { Graph, matches, wordsOf } from "./graph.js";
import { ago, History } from "./history.js";
import { openLegend, showLegend } from "./legend.js";
import { listen, sendCommand } from "./live.js";
import { noun, number, quantity } from "./quantity.js";
import { Stage } from "./stage.js";
import { Table } from "./table.js";
import { Viewport } from "./viewport.js";

let graph;
let state = blank();
let filter;

const viewport = new Viewport(byId("canvas"), () => {
  const { x, y, scale } = viewport.view;
  state = { ...state, at: viewport.fitted ? "" : [x.toFixed(0), y.toFixed(0), scale.toFixed(3)].join(",") };
  writeAddress(state, false);
});

const diagram = new Diagram(byId("diagram"), viewport, (item, event) => {
  if (item && item.isGroup) return openNamespace(item.name);
  if (item && item === selected() && !event.shiftKey) return select(null);
  select(item, event.shiftKey && item && !item.isEdge ? "near" : undefined);
});

const stage = new Stage(diagram, viewport, () => show());

const details = new Details(byId("details"), {
  select: selectAndReach,
  setDirection: (direction) => change({ direction }),
  focus: stage.canLayOut ? (node, hops) => change(node ? { center: node.key, hops: String(hops) } : { center: "", hops: "1" }) : null,
  isDrawn: (item) => diagram.has(item),
  history: (edge) => past.of(edge.key),
  zoom: zoomTo,
  copy: (text) => copy(text, "Copied the trace id.", "Trace id"),
  close: () => select(null),
});

const tables = {
  edges: new Table(byId("edges"), "Calls", edgeColumns, { onChoose: selectAndReach, onSort: sortChanged }),
  nodes: new Table(byId("nodes"), "Services", nodeColumns, { onChoose: selectAndReach, onSort: sortChanged }),
};

// selectAndReach selects an item and moves the view to it.
function selectAndReach(item) { reach(item, false); }

// reach selects an item and moves the view to it. A node that is not in the diagram is drawn
// with its neighbors; an edge, with the neighbors of its caller.
function reach(item, center) {
  const node = item.isEdge ? item.from : item;
  const missing = stage.canLayOut && !diagram.has(item) && !(item.isEdge && item.from === item.to && diagram.has(node));
  select(item, undefined, missing ? { center: node.key, hops: "1" } : {});
  if (!missing) diagram.reveal(item, center);
}

function sortChanged() {
  const { column, down } = tables[tab()].sort;
  change({ sort: (down ? "-" : "") + column.title });
}

const tab = () => (state.tab === "nodes" ? "nodes" : "edges");
const isOpen = () => (state.tab ? state.tab !== "none" : tablesFit);
let tablesFit = true; // the diagram is legible above the tables

// selected returns the selected item, or null if there is none in the graph.
function selected() { return graph.byKey.get(state.node || state.edge) || null; }

function select(item, direction, more = {}) {
  /** @type {Record<string, string>} */
  const next = { node: "", edge: "", ...more };
  if (item) next[item.isEdge ? "edge" : "node"] = item.key;
  if (direction) next.direction = direction;
  else if (!item) next.direction = "all";
  change(next);
  if (item) for (const table of Object.values(tables)) table.reveal(item);
}

// change changes the state and shows the new state. With step, the browser's Back button restores
// the old state.
function change(changes, { step = true } = {}) {
  state = { ...state, ...changes };
  writeAddress(state, step);
  show();
}

// openNamespace shows the nodes of a collapsed namespace and their neighbors.
function openNamespace(space) {
  if (stage.canLayOut) change({ ...noFilter, node: "", edge: "", space });
  else showToast(`The tables have the services of ${space}.`);
}

// zoomTo zooms to the items around the selection.
function zoomTo() {
  if (selected()) diagram.frame(graph.around(selected(), state.direction, filter.passes));
}

// foundItems returns the set of items that match the search, or null without a search.
function foundItems() {
  const words = wordsOf(state.query);
  return words.length > 0 ? new Set([...graph.nodes, ...graph.edges].filter((item) => matches(item, words))) : null;
}

// show updates the screen.
function show() {
  filter = new Filter(graph, state);
  stage.arrange(graph, filter, Boolean(state.all));
  const chosen = selected(), found = foundItems();
  const around = chosen && graph.around(chosen, state.direction, filter.passes);
  diagram.mark({ chosen, around, found, isHidden: (item) => !filter.has(item) });
  const kept = (item) => filter.has(item) && (!found || found.has(item));
  for (const table of Object.values(tables)) table.show(kept, chosen, around);
  showTabs();
  details.show(graph, chosen, state);
  showLegend([...graph.data.about, ...stage.notes], graph.legend);
  showControls(found);
  showNotice();
}

function showTabs() {
  const isService = (n) => n.type === "service" || n.type === "group";
  const count = (some, all) => (some === all ? number(all) : `${number(some)} of ${number(all)}`);
  const services = graph.nodes.filter(isService).length, shown = tables.nodes.shown.filter(isService).length;
  const others = graph.nodes.length - services;
  const texts = {
    edges: count(tables.edges.shown.length, graph.edges.length),
    nodes: count(shown, services) + (others > 0 ? ` + ${count(tables.nodes.shown.length - shown, others)} ${noun(others, "dependency")}` : ""),
  };
  for (const key of ["edges", "nodes"]) {
    const button = byId("tab-" + key);
    button.querySelector("span").textContent = texts[key];
    button.setAttribute("aria-selected", String(tab() === key && isOpen()));
    byId(key).hidden = tab() !== key || !isOpen();
  }
  document.body.classList.toggle("collapsed", !isOpen());
  byId("collapse").textContent = isOpen() ? "Hide tables ▾" : "Show tables ▴";
  byId("collapse").setAttribute("aria-expanded", String(isOpen()));
}

function showControls(found) {
  if (document.activeElement !== byId("search")) byId("search").value = state.query;
  byId("matches").textContent = found ? String(targets().length) : "";
  byId("errors").value = filter.errors;
  const slider = byId("min-calls"), level = graph.level(filter.minCalls);
  slider.max = Math.max(graph.levels.length - 1, 0);
  slider.disabled = graph.levels.length < 2;
  slider.value = level;
  const text = level > 0 ? `≥ ${graph.levels[level].text} calls` : "all";
  byId("min-calls-text").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  showNamespaces();
  byId("filters").replaceChildren(...chips());
  byId("filters").hidden = !filter.isOn && !state.all;
  byId("theme").value = state.theme;
  if (state.theme) document.documentElement.dataset.theme = state.theme;
  else delete document.documentElement.dataset.theme;
}

// showNamespaces updates the menu of namespaces.
function showNamespaces() {
  const menu = byId("namespaces"), list = graph.namespaces();
  menu.hidden = list.length < 2;
  menu.querySelector("summary").textContent = filter.hide.size > 0 ? `Namespaces (${filter.hide.size} hidden)` : "Namespaces";
  const key = list.map(([ns, n]) => ns + " " + n).join("\n");
  const box = menu.querySelector("div");
  if (menu.dataset.list !== key) { // otherwise the menu would lose the keyboard focus
    menu.dataset.list = key;
    box.replaceChildren(...list.map(([ns, n]) => make("label", {},
      make("input", { type: "checkbox", value: ns, onchange: (event) => hideNamespace(ns, !event.target.checked) }), make("span", {}, ns), make("span", { class: "count" }, String(n)))));
  }
  for (const input of box.querySelectorAll("input")) input.checked = !filter.hide.has(input.value);
}

function hideNamespace(ns, hide) {
  const set = hiddenNamespaces(state);
  if (hide) set.add(ns);
  else set.delete(ns);
  change({ hide: formatHidden(set) });
}

// chips returns a button for each active filter that no other control shows. The button removes the
// filter.
function chips() {
  const chip = (text, changes) => make("button", { type: "button", title: "End this filter", onclick: () => change(changes) }, text + " ×");
  const list = [];
  if (filter.center) list.push(chip(`Only ${filter.center.label} and ${quantity(filter.hops, "hop")}`, { center: "", hops: "1" }));
  if (filter.space && !filter.center) list.push(chip(`Only namespace ${filter.space} and its neighbors`, { space: "" }));
  if (filter.hide.size > 0) list.push(chip("Hidden: " + [...filter.hide].join(", "), { hide: "" }));
  if (filter.errors) list.push(chip(byId("errors").selectedOptions[0].textContent, { errors: "" }));
  if (filter.minCalls > 0) list.push(chip(byId("min-calls-text").textContent, { minCalls: "" }));
  if (state.all) list.push(chip("Everything is drawn", { all: "" }));
  if (list.length > 1) list.push(make("button", { type: "button", class: "plain", onclick: () => change(noFilter) }, "Clear all"));
  return list;
}

const noFilter = { errors: "", minCalls: "", hide: "", space: "", center: "", hops: "1", all: "" };

// targets returns the items that Enter in the search selects one after another: the nodes
// in the table, or the edges if there is no node. Items in the first diagram come first.
function targets() {
  const items = tables.nodes.shown.length > 0 ? tables.nodes.shown : tables.edges.shown;
  return [...items.filter((i) => stage.isInFirst(i)), ...items.filter((i) => !stage.isInFirst(i))];
}

// jump selects the next target, or the previous one if by is -1. The search covers all nodes, so
// jump ends a view that shows only some of the nodes.
function jump(by) {
  if (targets().length === 0 && state.center) change({ center: "", hops: "1" });
  const list = targets();
  if (list.length === 0) return showToast("No matches.");
  const at = list.indexOf(selected());
  const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : (at + by + list.length) % list.length];
  reach(next, true);
  byId("matches").textContent = list.length > 1 ? `${list.indexOf(next) + 1} of ${list.length}` : "1";
}

// showGraph replaces the graph. A live report calls it for each new version.
function showGraph(data, parts, svg) {
  graph = new Graph(data, parts);
  document.title = data.title;
  document.querySelector("#page-title h1").textContent = data.title;
  byId("facts").textContent = data.facts;
  byId("remarks").textContent = data.remarks.join(" · ");
  byId("remarks").title = data.remarks.join("\n");
  stage.load(graph, svg);
  showWindows();
  details.item = undefined; // the panel shows the old numbers
  tables.edges.setRows(graph.edges);
  tables.nodes.setRows(graph.nodes);
}

let liveStatus = { kind: "live", text: "" };

// showNotice shows a line about problems and about nodes and edges that are not drawn.
function showNotice() {
  const text = [liveStatus.text, stage.problem, stage.undrawn].filter(Boolean).join(" · ");
  const more = stage.canDrawMore && make("button", { type: "button", onclick: () => change({ all: "1" }) }, stage.canDrawMore);
  byId("notice").hidden = !text;
  byId("notice").replaceChildren(text, ...(more ? [" ", more] : []));
  byId("notice").classList.toggle("problem", liveStatus.kind === "problem");
  byId("empty").hidden = !stage.empty;
  byId("empty").textContent = graph.nodes.length === 0 && liveStatus.text ? "Waiting for the first graph." : stage.empty;
}

// restore shows the state in the URL.
function restore() {
  state = parseHash(location.hash);
  for (const [key, table] of Object.entries(tables)) {
    const column = key === tab() && table.columns.find((c) => c.title === state.sort.replace(/^-/, ""));
    if (column) table.sortBy(column, state.sort.startsWith("-"), false);
    else table.sortBy(table.columns.find((c) => c.first), true, false);
  }
  const [x, y, scale] = state.at.split(",").map(Number);
  const view = scale > 0 && Number.isFinite(x + y) ? { x, y, scale } : null;
  stage.restoreView(view);
  if (!state.tab) {
    tablesFit = stage.isLegibleAboveTables(document.body);
    document.body.classList.toggle("collapsed", !tablesFit);
  }
  show();
  if (view) {
    viewport.fitted = false;
    viewport.setView(view);
  } else if (!viewport.fitted) {
    viewport.fit();
  }
}

byId("search").addEventListener("input", (event) => change({ query: event.target.value }, { step: false }));
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    jump(event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape") {
    event.stopPropagation();
    event.target.value = "";
    change({ query: "" });
    event.target.blur();
  }
});
byId("min-calls").addEventListener("input", (event) => {
  const level = Number(event.target.value);
  change({ minCalls: level > 0 ? String(graph.levels[level].calls) : "" }, { step: false });
});
byId("errors").addEventListener("change", (event) => change({ errors: event.target.value }));
byId("theme").addEventListener("change", (event) => change({ theme: event.target.value }, { step: false }));
byId("copy").addEventListener("click", () => copy(graph.data.mermaid, "Copied as Mermaid.", "Mermaid"));
byId("more").addEventListener("click", () => {
  const open = document.body.classList.toggle("more");
  byId("more").setAttribute("aria-expanded", String(open));
});
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("collapse").addEventListener("click", toggleTables);
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-tab]"))) {
  button.addEventListener("click", () => change({ tab: button.dataset.tab, sort: "" }));
}
const zooms = { in: () => viewport.zoom(1.3), out: () => viewport.zoom(1 / 1.3), fit: fitAll };
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-zoom]"))) button.addEventListener("click", zooms[button.dataset.zoom]);
makeResizable(byId("divider"), byId("tables"));

function fitAll() {
  viewport.fit();
  viewport.waitForRest();
}

function toggleTables() { change({ tab: isOpen() ? "none" : "edges" }); }

function clearState() {
  if (selected()) select(null);
  else change({ query: "", ...noFilter });
}

const keys = {
  "/": () => { byId("search").focus(); byId("search").select(); },
  "+": zooms.in,
  "=": zooms.in,
  "-": zooms.out,
  "0": zooms.fit,
  "?": () => byId("keys").showModal(),
  e: () => change({ errors: state.errors ? "" : "warn" }),
  t: toggleTables,
  z: zoomTo,
  Escape: clearState,
  ArrowLeft: () => viewport.pan(60, 0),
  ArrowRight: () => viewport.pan(-60, 0),
  ArrowUp: () => viewport.pan(0, 60),
  ArrowDown: () => viewport.pan(0, -60),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  if (document.querySelector("dialog[open]")) return;
  if (document.activeElement.matches("input, select, textarea") && event.key !== "Escape") return;
  event.preventDefault();
  keys[event.key]();
});
addEventListener("popstate", restore);
addEventListener("click", (event) => { // a click elsewhere closes the menu
  if (!byId("namespaces").contains(event.target)) byId("namespaces").open = false;
});

start();

async function start() {
  const parts = await stage.readParts(byId("parts"));
  showGraph(JSON.parse(byId("data").textContent), parts, byId("diagram").querySelector("svg"));
  openLegend();
  restore();
  document.documentElement.dataset.ready = "yes";
  if ("live" in document.documentElement.dataset) startLive();
}

const past = new History();
let updated = 0; // when the newest version arrived, in milliseconds

// startLive follows the server, and shows how old the graph is.
function startLive() {
  const setPaused = listen(showVersion, showStatus);
  byId("pause").addEventListener("click", () => {
    const pause = byId("pause").getAttribute("aria-pressed") !== "true";
    byId("pause").setAttribute("aria-pressed", String(pause));
    byId("pause").textContent = pause ? "Resume" : "Pause";
    setPaused(pause);
    showAge();
  });
  byId("window").addEventListener("change", (event) => command({ window: event.target.value }));
  byId("clear").addEventListener("click", () => command({ clear: true }));
  setInterval(showAge, 1000);
}

// showWindows updates the menu of time ranges. The server stores the chosen range for all readers.
function showWindows() {
  const { windows, window: current, canClear } = graph.data, select = byId("window");
  if (!select) return;
  select.closest("label").hidden = !windows || windows.length === 0;
  byId("clear").hidden = !canClear;
  const list = (windows || []).join();
  if (select.dataset.list !== list) {
    select.dataset.list = list;
    select.replaceChildren(...(windows || []).map((w) => make("option", { value: w }, w)));
  }
  if (document.activeElement !== select) select.value = current;
}

// command sends a command to the server of a live report.
async function command(what) {
  try {
    await sendCommand(what);
    past.clear();
  } catch (error) {
    showToast(error.message);
  }
}

function showAge() {
  const paused = byId("pause").getAttribute("aria-pressed") === "true" ? "paused, " : "";
  byId("updated").textContent = updated > 0 ? `${paused}updated ${ago(updated, Date.now())}` : "";
}

// showVersion shows a new version of the graph, which a live report received.
function showVersion({ svg, data, parts }) {
  const focused = diagram.itemOf(document.activeElement);
  const parsed = svg && new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  showGraph(data, parts, parsed ? document.importNode(parsed, true) : null);
  updated = Date.now();
  past.add(graph, updated);
  showAge();
  show();
  if (focused) diagram.focus(graph.byKey.get(focused.key));
}

function showStatus(kind, text) {
  liveStatus = { kind, text };
  document.documentElement.dataset.live = kind;
  showNotice();
}
