// @ts-check
// A plan is a diagram of some nodes and edges: first their parts, with sizes, and after the
// layout also their places. The parts come from the program that wrote the report, which
// measured all texts; Graphviz computes the layout; this file does what package draw does
// for images.

import { missing, setPath, straight } from "./curve.js";
import { gather, placeGrid } from "./grid.js";

// newPlan returns the plan of a diagram with the nodes and the edges at the given positions
// in the graph. ends returns the positions of the caller and the callee of an edge. With
// topDown, callers are above their callees. With folded, dependencies with one caller are rows
// in the card of the caller. ratio is the ratio of width to height of grids.
export function newPlan(parts, nodes, edges, ends, { topDown, folded, ratio = 1.6 }) {
  const { gaps } = parts;
  const cards = nodes.map((index) => {
    const part = parts.nodes[index];
    return { index, part, x: 0, y: 0, w: part.w, h: part.h, host: -1, rows: [] };
  });
  const cardOf = new Map(cards.map((c, i) => [c.index, i]));
  const lines = [];
  for (const index of edges) {
    const part = parts.edges[index], [from, to] = ends(index).map((n) => cardOf.get(n));
    if (part && from !== undefined && to !== undefined) {
      lines.push({ index, part, from, to, width: part.w, labels: part.labels || [], folded: false, path: [], head: [], label: null, labelBox: null });
    }
  }
  const plan = { topDown, gaps, cards, lines, rankGap: gaps.rank, moreGap: 0, minLen: null, isSparse: false, width: 0, height: 0 };
  if (folded) fold(plan);
  gather(plan, ratio);
  makeRoom(plan);
  return plan;
}

// fold makes the card of a dependency with a single edge a row in the card of its caller, unless
// that would make the card of the caller too long.
function fold(plan) {
  const { gaps, cards, lines } = plan, count = cards.map(() => 0);
  for (const l of lines) {
    count[l.from]++;
    count[l.to]++;
  }
  const isRow = (l) => cards[l.to].part.row && count[l.to] === 1 && l.from !== l.to;
  const rows = cards.map(() => 0);
  for (const l of lines) if (isRow(l)) rows[l.from]++;
  for (const l of lines) {
    const card = cards[l.to], host = cards[l.from];
    if (!isRow(l) || rows[l.from] > gaps.mostRows) continue;
    l.folded = true;
    l.labels = [];
    card.host = l.from;
    card.part = card.part.row;
    card.h = card.part.h;
    if (host.rows.length === 0) host.h += gaps.row;
    host.rows.push(l.to);
    host.h += gaps.rowHeight + gaps.row;
    host.w = Math.max(host.w, gaps.rowIndent + card.part.w + gaps.rowPad);
  }
}

// makeRoom widens the gaps between ranks for the labels. In a diagram with many edges, it
// removes the labels of healthy edges and makes their lines thinner instead.
function makeRoom(plan) {
  const { gaps, lines, cards } = plan;
  if (lines.filter((l) => !l.folded).length > gaps.mostTexts) {
    for (const l of lines) {
      if (isMarked(l)) continue;
      if (l.labels.length > 0 && !l.folded) plan.isSparse = true;
      l.labels = [];
      l.width = 1 + (l.width - 1) / 2;
    }
    return;
  }
  let widest = 0;
  for (const l of lines) for (const v of l.labels) widest = Math.max(widest, plan.topDown ? v.h : v.w);
  const room = cards.length <= gaps.fewNodes ? 2 * gaps.labelRoom : gaps.labelRoom;
  if (widest > 0) plan.rankGap = Math.max(plan.rankGap, Math.min(widest, gaps.maxLabel) + room);
}

// isMarked reports whether a line has a warning or fails.
export const isMarked = (line) => /\b(warn|error)$/.test(line.part.class);

const perInch = 72; // a unit of Graphviz; one of its points is a pixel

// dotOf returns the plan in the language of Graphviz. Graphviz never sees a name.
export function dotOf(plan) {
  const { gaps, cards, lines } = plan, inches = (v) => (v / perInch).toFixed(4);
  const padding = gaps.card - gaps.edge, large = cards.length > 100 || lines.length > 200;
  const out = [`digraph g {\ngraph [rankdir=${plan.topDown ? "TB" : "LR"} nodesep=${inches(gaps.edge + plan.moreGap)} ranksep=${inches(plan.rankGap)}${large ? " nslimit=2 nslimit1=2 mclimit=0.3" : ""}];`,
    `node [shape=box fixedsize=true label=""];\nedge [arrowsize=0.8];`];
  cards.forEach((c, i) => {
    if (c.host < 0) out.push(`n${i} [width=${inches(c.w + (plan.topDown ? padding : 0))} height=${inches(c.h + (plan.topDown ? 0 : padding))}];`);
  });
  lines.forEach((l, i) => {
    if (l.folded) return;
    const ranks = !plan.minLen ? "" : plan.minLen[i] > 0 ? ` minlen=${plan.minLen[i]}` : " constraint=false"; // an edge of a cycle
    out.push(`n${l.from} -> n${l.to} [id=e${i} penwidth=${l.width.toFixed(2)}${ranks}];`);
  });
  return out.join("\n") + "\n}\n";
}

// place sets the places of all parts from the answer of Graphviz, in its format json0. It
// throws an error if a part has no place.
export function place(plan, json0) {
  const answer = JSON.parse(json0), numbers = (text) => text.split(",").map(Number);
  const [x0, , , y1] = numbers(answer.bb);
  const at = ([x, y]) => ({ x: x - x0, y: y1 - y }); // y is upward in Graphviz
  for (const o of answer.objects || []) {
    const card = plan.cards[Number(o.name.slice(1))], p = at(numbers(o.pos));
    card.x = p.x - card.w / 2;
    card.y = p.y - card.h / 2;
    card.placed = true;
  }
  for (const e of answer.edges || []) {
    const line = plan.lines[Number(e.id.slice(1))];
    let tip = null;
    const path = [];
    for (const field of e.pos.split(" ")) {
      if (field.startsWith("e,")) tip = at(numbers(field.slice(2)));
      else path.push(at(numbers(field)));
    }
    if (tip && path.length >= 4 && path.length % 3 === 1) attach(plan, line, path, tip);
  }
  for (const c of plan.cards) if (c.host < 0 && !c.placed) throw new Error("the layout has no place for a node");
  for (const l of plan.lines) if (!l.folded && l.path.length === 0) throw new Error("the layout has no place for an edge");
  measure(plan);
}

// attach sets the path of a line. Graphviz leaves a padding around the cards, so the ends of
// the path move to the cards.
function attach(plan, line, path, tip) {
  const last = path.length - 1, start = wayTo(plan.cards[line.from], path[0], path[1]);
  path[0] = moved(path[0], start);
  const end = wayTo(plan.cards[line.to], tip, path[last - 1]);
  path[last] = moved(path[last], end);
  setPath(line, path, moved(tip, end));
}

const moved = (p, d) => ({ x: p.x + d.x, y: p.y + d.y });
const isZero = (d) => d.x === 0 && d.y === 0;

// wayTo returns the vector from the end of a curve to a card. It follows the direction from the
// control point, if that direction leads to the card.
function wayTo(card, end, control) {
  const d = missing(card, end), dx = end.x - control.x, dy = end.y - control.y;
  if (d.y !== 0 && d.y / dy > 0) {
    const way = { x: dx * d.y / dy, y: d.y };
    if (isZero(missing(card, moved(end, way)))) return way;
  }
  if (d.x !== 0 && d.x / dx > 0) {
    const way = { x: d.x, y: dy * d.x / dx };
    if (isZero(missing(card, moved(end, way)))) return way;
  }
  return d;
}

// measure sets the size of the plan and moves everything to 0, 0.
export function measure(plan) {
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  const include = (x, y) => {
    x0 = Math.min(x0, x);
    y0 = Math.min(y0, y);
    x1 = Math.max(x1, x);
    y1 = Math.max(y1, y);
  };
  for (const c of plan.cards) {
    if (c.host >= 0) continue;
    include(c.x, c.y);
    include(c.x + c.w, c.y + c.h);
  }
  for (const l of plan.lines) for (const p of l.path) include(p.x, p.y);
  for (const c of plan.cards) {
    c.x -= x0;
    c.y -= y0;
  }
  for (const l of plan.lines) {
    for (const p of new Set([...l.path, ...l.head])) {
      p.x -= x0;
      p.y -= y0;
    }
  }
  plan.width = x1 - x0;
  plan.height = y1 - y0;
}

// placeRows places the rows in cards, which depend on the places of the cards, and the lines to the
// rows.
export function placeRows(plan) {
  const { gaps, cards, lines } = plan;
  for (const c of cards) {
    if (c.grid) placeGrid(plan, c);
    let y = c.y + c.h - c.rows.length * (gaps.rowHeight + gaps.row) - gaps.row / 2;
    for (const i of c.rows) {
      const row = cards[i];
      row.x = c.x + gaps.rowIndent;
      row.y = y;
      row.w = c.w - gaps.rowIndent - gaps.rowPad;
      y += gaps.rowHeight + gaps.row;
    }
  }
  for (const l of lines) {
    if (!l.folded || l.isBranch) continue;
    const host = cards[l.from], row = cards[l.to], x = host.x + gaps.cardPad, y = row.y + row.h / 2;
    const top = host.y + host.h - host.rows.length * (gaps.rowHeight + gaps.row) - 2 * gaps.row;
    l.width = 1;
    setPath(l, straight({ x, y: top }, { x, y }, { x: row.x - 4, y }), { x: row.x, y });
  }
}

