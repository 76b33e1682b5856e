// @ts-check
// The ranks and the components of a plan that has its places.

import { include, nothing } from "./curve.js";

// columnsOf returns the ranks of a plan. Each has a list of cards, and its length and depth in
// pixels. If only is not null, the ranks have only the cards in that set.
export function columnsOf({ topDown, gaps, cards }, only) {
  const at = new Map();
  cards.forEach((c, i) => {
    if (c.host >= 0) return;
    const middle = Math.round(topDown ? c.y + c.h / 2 : c.x + c.w / 2);
    if (!at.has(middle)) at.set(middle, { middle, cards: [], length: 0, depth: 0 });
    const column = at.get(middle);
    if (only && !only.has(i)) return;
    column.cards.push(i);
    column.length += (topDown ? c.w : c.h) + gaps.card;
    column.depth = Math.max(column.depth, topDown ? c.h : c.w);
  });
  const along = (i) => (topDown ? cards[i].x : cards[i].y);
  for (const column of at.values()) column.cards.sort((a, b) => along(a) - along(b));
  return [...at.values()].sort((a, b) => a.middle - b.middle);
}

// componentsOf returns the components of a plan, which are parts without a connection, as boxes
// with cards and lines, the one with the most cards first.
export function componentsOf({ cards, lines }) {
  const root = cards.map((_, i) => i);
  const find = (i) => {
    while (root[i] !== i) i = root[i] = root[root[i]];
    return i;
  };
  for (const l of lines) root[find(l.to)] = find(l.from);
  const parts = new Map();
  const partOf = (card) => {
    const at = find(card);
    if (!parts.has(at)) parts.set(at, { ...nothing(), cards: [], lines: [] });
    return parts.get(at);
  };
  cards.forEach((c, i) => {
    const part = partOf(i);
    part.cards.push(i);
    if (c.host < 0) include(part, { x: c.x, y: c.y }, { x: c.x + c.w, y: c.y + c.h });
  });
  lines.forEach((l) => {
    const part = partOf(l.from);
    part.lines.push(l);
    if (!l.folded) include(part, ...l.path);
  });
  return [...parts.values()].sort((a, b) => b.cards.length - a.cards.length);
}
