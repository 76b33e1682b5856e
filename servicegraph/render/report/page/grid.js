// @ts-check
// A node with many callees, or callers, that have no other calls would make a long rank, which
// Graphviz takes long to split. A grid has such cards in rows instead, and their lines share a
// trunk. Graphviz sees one card, the grid, and one line to it.

import { cornered, setPath, straight } from "./curve.js";

const fewest = 16; // cards in a grid
const laneGap = 20; // pixels above each row, for the lines
const labelGap = 38; // pixels above each row without the labels, if the lines have labels
const columnGap = 14; // between the cards of a row
const trunk = 16; // between the border of the grid and its cards
const corner = 6; // radius of the corners of the lines

// gather puts cards with a single line to the same card in grids of about the given ratio of width
// to height.
export function gather(plan, ratio) {
  const { cards, lines } = plan, count = cards.map(() => 0), groups = new Map();
  for (const l of lines) {
    count[l.from]++;
    count[l.to]++;
  }
  for (const [i, l] of lines.entries()) {
    if (l.folded || l.from === l.to) continue;
    const leaf = count[l.to] === 1 ? l.to : count[l.from] === 1 ? l.from : -1;
    if (leaf < 0 || cards[leaf].rows.length > 0) continue;
    const key = leaf === l.to ? l.from + ">" : ">" + l.to;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(i);
  }
  for (const group of groups.values()) if (group.length >= fewest) addGrid(plan, group, ratio);
}

// addGrid adds a grid with one end of each of some lines, which are given by their positions. The
// callees in a grid have the numbers of the calls on their cards, unless requests come from outside.
function addGrid(plan, positions, ratio) {
  const { cards, lines, topDown } = plan, group = positions.map((i) => lines[i]);
  const isOut = group[0].from === group[1].from, leafOf = (l) => (isOut ? l.to : l.from);
  const level = (l) => ["ok", "warn", "error"].indexOf(l.part.class.split(" ").pop());
  const sorted = [...positions].sort((a, b) => level(lines[b]) - level(lines[a]));
  const size = (l) => (topDown ? { w: cards[leafOf(l)].h, h: cards[leafOf(l)].w } : cards[leafOf(l)]);
  const across = (v) => (topDown ? { w: v.h, h: v.w } : v);
  let lane = laneGap, widest = 0;
  for (const l of group) {
    const labels = isOut && !cards[leafOf(l)].part.entry ? [] : l.labels.slice(-1); // in one row
    if (labels.length > 0 && group.length > plan.gaps.mostTexts) plan.isSparse = true;
    l.labels = group.length > plan.gaps.mostTexts ? [] : labels;
    for (const v of l.labels) {
      lane = Math.max(lane, labelGap + across(v).h);
      widest = Math.max(widest, across(v).w);
    }
  }
  const w = Math.max(widest, ...group.map((l) => size(l).w)) + columnGap, h = Math.max(...group.map((l) => size(l).h)) + lane;
  const columns = Math.max(Math.round(Math.sqrt(group.length * h * (topDown ? 1 / ratio : ratio) / w)), 1);
  const width = columns * w + trunk, height = Math.ceil(group.length / columns) * h;
  const grid = { index: -1, part: null, x: 0, y: 0, w: topDown ? height : width, h: topDown ? width : height, host: -1, rows: [], grid: { lines: sorted, isOut, columns, w, h, lane, trunk: lines.length } };
  const at = cards.push(grid) - 1, hub = isOut ? group[0].from : group[0].to;
  const line = { ...group[0], index: -1, from: isOut ? hub : at, to: isOut ? at : hub, labels: [] };
  for (const l of group) {
    cards[leafOf(l)].host = at;
    Object.assign(l, { folded: true, width: 1, isBranch: true });
  }
  lines.push(line);
}

// placeGrid places the cards and the lines of a grid that has its place.
export function placeGrid(plan, card) {
  const { cards, topDown } = plan, { isOut, columns, w, h, lane: above } = card.grid, line = plan.lines[card.grid.trunk];
  const turned = (p) => (topDown ? { x: p.y, y: p.x } : p), origin = turned(card);
  const left = origin.x + (isOut ? trunk : 0), side = isOut ? origin.x + trunk / 2 : origin.x + columns * w + trunk / 2;
  const entry = turned(isOut ? line.head[0] : line.path[0]);
  card.grid.lines.forEach((position, i) => {
    const l = plan.lines[position], leaf = cards[isOut ? l.to : l.from], x = left + (i % columns) * w + columnGap / 2, y = origin.y + Math.floor(i / columns) * h + above;
    Object.assign(leaf, turned({ x, y }));
    const middle = x + (topDown ? leaf.h : leaf.w) / 2, lane = y - above + laneGap / 2;
    l.anchor = turned({ x: middle, y: (lane + y) / 2 });
    const way = [entry, { x: side, y: entry.y }, { x: side, y: lane }, { x: middle, y: lane }, { x: middle, y: y - (isOut ? 6 : 0) }].map(turned);
    const copy = (path) => path.map((p) => ({ ...p }));
    if (isOut) setPath(l, [...copy(line.path), ...straight(line.path[line.path.length - 1], way[0]).slice(1), ...cornered(way, corner)], turned({ x: middle, y }));
    else setPath(l, [way[4], ...cornered(way.reverse(), corner), ...copy(line.path).slice(1)], { ...line.head[0] });
  });
}
