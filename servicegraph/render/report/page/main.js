// The report has one state, which is also in the URL. Everything on the screen follows from
// the graph and the state.

let graph;
let state = blank();

const viewport = new Viewport(byId("canvas"), () => {
  const { x, y, scale } = viewport.view;
  change({ at: viewport.fitted ? "" : [x.toFixed(0), y.toFixed(0), scale.toFixed(3)].join(",") }, { step: false });
});

const diagram = new Diagram(byId("diagram"), viewport, (item, event) => {
  if (item && item === selected() && !event.shiftKey) return select(null);
  select(item, event.shiftKey && item && !item.isEdge ? "near" : undefined);
});

const details = new Details(byId("details"), {
  select: (item) => { select(item); diagram.reveal(item, false); },
  setDirection: (direction) => change({ direction }),
  zoom: zoomTo,
  close: () => select(null),
});

const tables = {
  edges: new Table(byId("edges"), "Calls", edgeColumns, { onChoose: selectRow, onSort: sortChanged }),
  nodes: new Table(byId("nodes"), "Services", nodeColumns, { onChoose: selectRow, onSort: sortChanged }),
};

function selectRow(row) {
  select(row);
  diagram.reveal(row, false);
}

function sortChanged() {
  const { column, down } = tables[tab()].sort;
  change({ sort: (down ? "-" : "") + column.title });
}

const tab = () => state.tab === "nodes" ? "nodes" : "edges";

// selected returns the selected item, or null if there is none in the graph.
function selected() { return graph.byKey.get(state.node || state.edge) || null; }

function select(item, direction) {
  const next = { node: "", edge: "" };
  if (item) next[item.isEdge ? "edge" : "node"] = item.key;
  if (direction) next.direction = direction;
  else if (!item) next.direction = "all";
  change(next);
  if (item) for (const table of Object.values(tables)) table.reveal(item);
}

// change changes the state and shows the new one. With step, the browser's Back button
// restores the old state.
function change(changes, { step = true } = {}) {
  state = { ...state, ...changes };
  writeAddress(state, step);
  show();
}

// minCalls returns the threshold of the traffic slider.
const minCalls = () => Number(state.minCalls) || 0;

// filtered reports whether a filter is active.
const filtered = () => minCalls() > 0 || Boolean(state.errorsOnly);

// passes reports whether an edge passes the filters.
const passes = (e) => e.calls[0] >= minCalls() && (!state.errorsOnly || e.errors && e.errors[0] > 0);

// zoomTo zooms to the items around the selection.
function zoomTo() {
  if (selected()) diagram.frame(graph.around(selected(), state.direction, passes));
}

// hiddenItems returns the set of items that the filters hide. A node is hidden if it has no
// edge that passes and, with errors only, no failed requests.
function hiddenItems() {
  const hidden = new Set();
  if (!filtered()) return hidden;
  const involved = (n) => n.in.some(passes) || n.out.some(passes) || state.errorsOnly && n.errors && n.errors[0] > 0;
  for (const e of graph.edges) if (!passes(e)) hidden.add(e);
  for (const n of graph.nodes) if (!involved(n)) hidden.add(n);
  return hidden;
}

// foundItems returns the set of items that match the search, or null without a search.
function foundItems() {
  const words = wordsOf(state.query);
  return words.length > 0 ? new Set([...graph.nodes, ...graph.edges].filter((item) => matches(item, words))) : null;
}

// show updates the screen.
function show() {
  const chosen = selected(), found = foundItems(), hidden = hiddenItems();
  const around = chosen && graph.around(chosen, state.direction, passes);
  diagram.mark({ chosen, around, found, hidden });
  const kept = (item) => !hidden.has(item) && (!found || found.has(item));
  for (const table of Object.values(tables)) table.show(kept, chosen, around);
  showTabs();
  details.show(graph, chosen, state.direction);
  showControls(found);
}

function showTabs() {
  for (const [key, items] of [["edges", graph.edges], ["nodes", graph.nodes]]) {
    const all = items.length.toLocaleString("en"), some = tables[key].shown.length.toLocaleString("en");
    const button = byId("tab-" + key);
    button.querySelector("span").textContent = some === all ? all : `${some} of ${all}`;
    button.setAttribute("aria-selected", String(tab() === key && state.tab !== "none"));
    byId(key).hidden = tab() !== key || state.tab === "none";
  }
  document.body.classList.toggle("collapsed", state.tab === "none");
  byId("collapse").textContent = state.tab === "none" ? "Show tables ▴" : "Hide tables ▾";
  byId("collapse").setAttribute("aria-expanded", String(state.tab !== "none"));
}

function showControls(found) {
  if (document.activeElement !== byId("search")) byId("search").value = state.query;
  byId("matches").textContent = found ? String(targets().length) : "";
  byId("errors").checked = Boolean(state.errorsOnly);
  const slider = byId("min-calls"), level = graph.level(minCalls());
  slider.max = Math.max(graph.levels.length - 1, 0);
  slider.disabled = graph.levels.length < 2;
  slider.value = level;
  const text = level > 0 ? `≥ ${graph.levels[level].text} calls` : "all";
  byId("min-calls-text").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  byId("theme").value = state.theme;
  if (state.theme) document.documentElement.dataset.theme = state.theme;
  else delete document.documentElement.dataset.theme;
}

// targets returns the items that Enter in the search selects one after another: the nodes
// in the table, or the edges if there is no node. Items in the diagram come first.
function targets() {
  const items = tables.nodes.shown.length > 0 ? tables.nodes.shown : tables.edges.shown;
  return [...items.filter((i) => i.drawn), ...items.filter((i) => !i.drawn)];
}

// jump selects the next target, or the previous one if by is -1.
function jump(by) {
  const list = targets();
  if (list.length === 0) return showToast("No matches.");
  const at = list.indexOf(selected());
  const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : (at + by + list.length) % list.length];
  select(next);
  diagram.reveal(next, true);
  byId("matches").textContent = `${list.indexOf(next) + 1} of ${list.length}`;
}

// showGraph replaces the graph. A live report calls it for each new version.
function showGraph(data) {
  graph = new Graph(data);
  document.title = data.title;
  document.querySelector("#page-title h1").textContent = data.title;
  byId("facts").textContent = data.facts;
  byId("remarks").textContent = data.remarks.join(" · ");
  byId("remarks").title = data.remarks.join("\n");
  diagram.load(graph);
  byId("empty").hidden = Boolean(diagram.svg) && data.nodes.length > 0;
  byId("empty").textContent = data.nodes.length > 0 ? "No diagram: see the tables below." : "Nothing to draw: the spans contain no service.";
  byId("legend").textContent = byId("legend").title = diagram.lines.filter((line) => !data.facts.includes(line)).join(" · ");
  showNotice();
  details.item = undefined; // the panel shows the old numbers
  tables.edges.setRows(graph.edges);
  tables.nodes.setRows(graph.nodes);
  document.body.classList.toggle("large", Boolean(data.undrawn));
}

let liveStatus = { kind: "live", text: "" };

function showNotice() {
  const text = [liveStatus.text, graph.data.undrawn].filter(Boolean).join(" · ");
  byId("notice").hidden = !text;
  byId("notice").textContent = text;
  byId("notice").classList.toggle("problem", liveStatus.kind === "problem");
}

// restore shows the state in the URL.
function restore() {
  state = readAddress();
  for (const [key, table] of Object.entries(tables)) {
    const column = key === tab() && table.columns.find((c) => c.title === state.sort.replace(/^-/, ""));
    if (column) table.sortBy(column, state.sort.startsWith("-"), false);
    else table.sortBy(table.columns.find((c) => c.first), true, false);
  }
  const [x, y, scale] = state.at.split(",").map(Number);
  show();
  if (scale > 0 && Number.isFinite(x + y)) {
    viewport.fitted = false;
    viewport.setView({ x, y, scale });
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
byId("errors").addEventListener("change", (event) => change({ errorsOnly: event.target.checked ? "1" : "" }));
byId("theme").addEventListener("change", (event) => change({ theme: event.target.value }, { step: false }));
byId("copy").addEventListener("click", () => copy(graph.data.mermaid, "Copied as Mermaid."));
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("collapse").addEventListener("click", toggleTables);
for (const button of document.querySelectorAll("[data-tab]")) {
  button.addEventListener("click", () => change({ tab: button.dataset.tab === "edges" ? "" : button.dataset.tab, sort: "" }));
}
const zooms = { in: () => viewport.zoom(1.3), out: () => viewport.zoom(1 / 1.3), fit: fitAll };
for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", zooms[button.dataset.zoom]);
makeResizable(byId("divider"), byId("tables"));

function fitAll() {
  viewport.fit();
  viewport.waitForRest();
}

function toggleTables() { change({ tab: state.tab === "none" ? "" : "none" }); }

function clearState() {
  if (selected()) select(null);
  else change({ query: "", errorsOnly: "", minCalls: "" });
}

const keys = {
  "/": () => { byId("search").focus(); byId("search").select(); },
  "+": zooms.in,
  "=": zooms.in,
  "-": zooms.out,
  "0": zooms.fit,
  "?": () => byId("keys").showModal(),
  e: () => change({ errorsOnly: state.errorsOnly ? "" : "1" }),
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

showGraph(JSON.parse(byId("data").textContent));
restore();
document.documentElement.dataset.ready = "yes";

if ("live" in document.documentElement.dataset) {
  listen(({ svg, data }) => {
    const focused = diagram.itemOf(document.activeElement);
    const parsed = svg && new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    byId("diagram").replaceChildren(...(parsed ? [document.importNode(parsed, true)] : []));
    showGraph(data);
    show();
    if (focused) diagram.focus(graph.byKey.get(focused.key));
  }, (kind, text) => {
    liveStatus = { kind, text };
    document.documentElement.dataset.live = kind;
    showNotice();
  });
}
