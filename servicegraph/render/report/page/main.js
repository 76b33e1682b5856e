// The page: one state, which the address keeps and everything is shown from.

let graph;
let state = blank();

const viewport = new Viewport(byId("canvas"), () => {
  const { x, y, scale } = viewport.at;
  change({ at: viewport.fitted ? "" : [x.toFixed(0), y.toFixed(0), scale.toFixed(3)].join(",") }, { step: false });
});

const picture = new Picture(byId("picture"), viewport, (thing, event) => {
  if (thing && thing === selected() && !event.shiftKey) return select(null);
  select(thing, event.shiftKey && thing && !thing.isEdge ? "near" : undefined);
});

const details = new Details(byId("details"), {
  select: (thing) => { select(thing); picture.reveal(thing, false); },
  turn: (direction) => change({ direction }),
  zoom: zoomTo,
  close: () => select(null),
});

const tables = {
  edges: new Table(byId("edges"), "Calls", edgeColumns, { choose: chooseRow, sorted }),
  nodes: new Table(byId("nodes"), "Services", nodeColumns, { choose: chooseRow, sorted }),
};

function chooseRow(row) {
  select(row);
  picture.reveal(row, false);
}

function sorted() {
  const { column, down } = tables[tab()].sort;
  change({ sort: (down ? "-" : "") + column.title });
}

const tab = () => state.tab === "nodes" ? "nodes" : "edges";

// selected returns the node or edge that is selected, null if none, or if it is gone.
function selected() { return graph.byKey.get(state.node || state.edge) || null; }

function select(thing, direction) {
  const next = { node: "", edge: "" };
  if (thing) next[thing.isEdge ? "edge" : "node"] = thing.key;
  if (direction) next.direction = direction;
  else if (!thing) next.direction = "all";
  change(next);
  if (thing) for (const table of Object.values(tables)) table.reveal(thing);
}

// change makes a new state and shows it. It is a step for the browser's Back, unless
// it comes too often for that.
function change(changes, { step = true } = {}) {
  state = { ...state, ...changes };
  writeAddress(state, step);
  show();
}

// passes reports whether the filters leave an edge.
const passes = (e) => e.calls[0] >= (Number(state.least) || 0) && (!state.errorsOnly || e.errors && e.errors[0] > 0);

// zoomTo fills the window with what belongs to the selection.
function zoomTo() {
  if (selected()) picture.frame(graph.around(selected(), state.direction, passes));
}

function show() {
  const least = Number(state.least) || 0;
  const words = wordsOf(state.query);
  const chosen = selected();
  const filtered = least > 0 || state.errorsOnly;
  const involved = (n) => !filtered || n.in.some(passes) || n.out.some(passes) || state.errorsOnly && n.errors && n.errors[0] > 0;

  const around = chosen && graph.around(chosen, state.direction, passes);
  let found = null;
  if (words.length > 0) {
    found = new Set([...graph.nodes.filter((n) => matches(n, words)), ...graph.edges.filter((e) => matches(e, words))]);
  }
  const hidden = new Set();
  if (filtered) {
    for (const e of graph.edges) if (!passes(e)) hidden.add(e);
    for (const n of graph.nodes) if (!involved(n)) hidden.add(n);
  }
  picture.mark({ chosen, around, found, hidden });

  const kept = (thing) => !hidden.has(thing) && (!found || found.has(thing));
  for (const table of Object.values(tables)) table.show(kept, chosen, around);
  for (const key of ["edges", "nodes"]) {
    const all = key === "edges" ? graph.edges.length : graph.nodes.length, some = tables[key].shown.length;
    const button = byId("tab-" + key);
    button.querySelector("span").textContent = some === all ? all.toLocaleString("en") : `${some.toLocaleString("en")} of ${all.toLocaleString("en")}`;
    button.setAttribute("aria-selected", String(tab() === key && state.tab !== "none"));
    byId(key).hidden = tab() !== key || state.tab === "none";
  }
  document.body.classList.toggle("folded", state.tab === "none");
  byId("fold").textContent = state.tab === "none" ? "Show tables ▴" : "Hide tables ▾";
  byId("fold").setAttribute("aria-expanded", String(state.tab !== "none"));

  details.show(graph, chosen, state.direction);
  showControls(least, found);
}

function showControls(least, found) {
  if (document.activeElement !== byId("search")) byId("search").value = state.query;
  byId("matches").textContent = found ? String(targets().length) : "";
  byId("errors").checked = Boolean(state.errorsOnly);
  const slider = byId("least"), level = graph.level(least);
  slider.max = Math.max(graph.levels.length - 1, 0);
  slider.disabled = graph.levels.length < 2;
  slider.value = level;
  const text = level > 0 ? `≥ ${graph.levels[level].text} calls` : "all";
  byId("least-text").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  byId("theme").value = state.theme;
  if (state.theme) document.documentElement.dataset.theme = state.theme;
  else delete document.documentElement.dataset.theme;
}

// targets returns what Enter in the search goes to: nodes, else edges; those in the
// picture first.
function targets() {
  const nodes = tables.nodes.shown.length > 0 ? tables.nodes.shown : tables.edges.shown;
  return [...nodes.filter((n) => n.drawn), ...nodes.filter((n) => !n.drawn)];
}

function jump(by) {
  const list = targets();
  if (list.length === 0) return say("Nothing matches.");
  const at = list.indexOf(selected());
  const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : (at + by + list.length) % list.length];
  select(next);
  picture.reveal(next, true);
  byId("matches").textContent = `${list.indexOf(next) + 1} of ${list.length}`;
}

// take shows another graph; on a live page that is the next one.
function take(data) {
  graph = new Graph(data);
  document.title = data.title;
  document.querySelector("#page-title h1").textContent = data.title;
  byId("facts").textContent = data.facts;
  byId("remarks").textContent = data.remarks.join(" · ");
  byId("remarks").title = data.remarks.join("\n");
  picture.take(graph);
  byId("empty").hidden = Boolean(picture.svg) && data.nodes.length > 0;
  byId("empty").textContent = data.nodes.length > 0 ? "No picture. What there is, is in the tables below." : "Nothing to draw: no service is known.";
  byId("legend").textContent = byId("legend").title = picture.lines.filter((line) => !data.facts.includes(line)).join(" · ");
  notice();
  details.thing = undefined; // it shows the old numbers
  tables.edges.take(graph.edges);
  tables.nodes.take(graph.nodes);
  document.body.classList.toggle("large", Boolean(data.undrawn));
}

let news = { kind: "live", text: "" };

function notice() {
  const text = [news.text, graph.data.undrawn].filter(Boolean).join(" · ");
  byId("notice").hidden = !text;
  byId("notice").textContent = text;
  byId("notice").classList.toggle("problem", news.kind === "problem");
}

// restore shows the state that the address holds.
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
    viewport.go({ x, y, scale });
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
byId("least").addEventListener("input", (event) => {
  const level = Number(event.target.value);
  change({ least: level > 0 ? String(graph.levels[level].calls) : "" }, { step: false });
});
byId("errors").addEventListener("change", (event) => change({ errorsOnly: event.target.checked ? "1" : "" }));
byId("theme").addEventListener("change", (event) => change({ theme: event.target.value }, { step: false }));
byId("copy").addEventListener("click", () => copy(graph.data.mermaid, "Copied as Mermaid."));
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("fold").addEventListener("click", fold);
for (const button of document.querySelectorAll("[data-tab]")) {
  button.addEventListener("click", () => change({ tab: button.dataset.tab === "edges" ? "" : button.dataset.tab, sort: "" }));
}
const zooms = { in: () => viewport.zoom(1.3), out: () => viewport.zoom(1 / 1.3), fit: fitAll };
for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", zooms[button.dataset.zoom]);
divide(byId("divider"), byId("tables"));

function fitAll() {
  viewport.fit();
  viewport.rest();
}

function fold() { change({ tab: state.tab === "none" ? "" : "none" }); }

function escape() {
  if (selected()) select(null);
  else change({ query: "", errorsOnly: "", least: "" });
}

const keys = {
  "/": () => { byId("search").focus(); byId("search").select(); },
  "+": zooms.in,
  "=": zooms.in,
  "-": zooms.out,
  "0": zooms.fit,
  "?": () => byId("keys").showModal(),
  e: () => change({ errorsOnly: state.errorsOnly ? "" : "1" }),
  t: fold,
  z: zoomTo,
  Escape: escape,
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

take(JSON.parse(byId("data").textContent));
restore();
document.documentElement.dataset.ready = "yes";

if ("live" in document.documentElement.dataset) {
  listen(({ svg, data }) => {
    const focused = picture.thingOf(document.activeElement);
    const parsed = svg && new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    byId("picture").replaceChildren(...(parsed ? [document.importNode(parsed, true)] : []));
    take(data);
    show();
    if (focused) picture.focus(graph.byKey.get(focused.key));
  }, (kind, text) => {
    news = { kind, text };
    document.documentElement.dataset.live = kind;
    notice();
  });
}
