// @ts-check
// The shape of a plan: further layouts, packed components, split ranks and bands bring it near
// to the shape of the window, so that everything in it is larger. It does what package draw
// does for images.

import { dotOf, measure, place } from "./plan.js";
import { columnsOf, componentsOf } from "./ranks.js";
import { wrapped } from "./wrap.js";

const componentGap = 36; // pixels between parts of the graph without a connection
const worth = 1.08; // the factor by which everything must appear larger for another layout to be better
const maxMoreRank = 150, maxMoreGap = 20; // pixels by which gaps grow at most

// triesFor returns how many layouts may follow the first one, so that all of them together take a
// fraction of a second. For a large graph, a second layout is worthwhile only if the shape is bad
// and the graph has few lines: many lines need so much room that split ranks gain nothing.
function triesFor(plan, window) {
  const n = plan.cards.length;
  if (n <= 40) return 4;
  if (n <= 120) return 2;
  const ratio = plan.width / plan.height / (window.width / window.height);
  return n <= 300 && plan.lines.length < 1.3 * n && Math.max(ratio, 1 / ratio) > 2 ? 1 : 0;
}

// laidOut lays out a plan and shapes it for a window. layout returns the layout of a graph in
// the language of Graphviz, in its format json0.
export async function laidOut(plan, layout, window) {
  const fit = (p) => Math.min(window.width / p.width, window.height / p.height);
  place(plan, await layout(dotOf(plan)));
  let best = clone(plan), loose = plan; // loose is not packed
  pack(best, window);
  const bands = wrapped(clone(loose), window);
  if (bands && fit(bands) > worth * fit(best)) return bands;
  let tries = triesFor(best, window);
  const attempt = async (next, least) => {
    tries--;
    place(next, await layout(dotOf(next)));
    const packed = clone(next);
    pack(packed, window);
    if (fit(packed) <= least * Math.min(fit(best), window.maxFit)) return false;
    [best, loose] = [packed, next];
    return true;
  };
  while (tries > 0 && spare(best, window) > 0) {
    const minLen = staggered(loose, window);
    if (!minLen || !await attempt({ ...clone(loose), minLen }, worth)) break;
  }
  const gaps = tries > 0 && fit(best) < window.maxFit ? wider(loose, best, window) : null;
  if (gaps) await attempt({ ...clone(loose), ...gaps }, 0.97);
  return best;
}

// clone returns a copy of a plan, whose parts can be moved.
export function clone(plan) {
  const points = (list) => list.map((p) => ({ ...p }));
  return { ...plan, cards: plan.cards.map((c) => ({ ...c })), lines: plan.lines.map((l) => ({ ...l, path: points(l.path), head: points(l.head) })) };
}

// spare returns how many pixels a plan can grow across the ranks until it has the shape of the
// window. It is negative for a plan that is long across the ranks.
const spare = ({ topDown, width, height }, window) => (topDown ? width * window.height / window.width - height : height * window.width / window.height - width);

// wider returns gaps with which the next layout comes nearer to the shape of the window, or null
// if there is little to gain. loose is the plan before its components were packed.
function wider(loose, best, window) {
  const across = spare(best, window), columns = columnsOf(loose, null);
  if (across > 0) {
    const along = best.topDown ? best.height : best.width;
    return across > 0.05 * along ? { rankGap: loose.rankGap + Math.min(across / Math.max(columns.length - 1, 1), Math.max(loose.rankGap, maxMoreRank)) } : null;
  }
  const along = best.topDown ? best.height * window.width / window.height - best.width : best.width * window.height / window.width - best.height;
  const moreGap = Math.min(along / Math.max(...columns.map((c) => c.cards.length)), maxMoreGap);
  return moreGap > 1 ? { moreGap: loose.moreGap + moreGap } : null;
}

// staggered returns the numbers of ranks between the ends of the lines with which long ranks are
// split into several ones, between which the cards alternate; null if no rank is to be split. If
// there are several components, only the largest and those at least half as long are split.
function staggered(plan, window) {
  const parts = componentsOf(plan), lengthOf = (part) => (plan.topDown ? part.w : part.h);
  const long = parts.filter((part) => lengthOf(part) >= lengthOf(parts[0]) / 2), only = parts.length > 1 ? new Set(long.flatMap((part) => part.cards)) : null;
  const columns = columnsOf(plan, only), length = long.reduce((sum, part) => sum + lengthOf(part), 0);
  const counts = split(columns, length, plan.rankGap, plan.topDown ? window.height / window.width : window.width / window.height);
  if (counts.every((n) => n === 1)) return null;
  const rank = plan.cards.map(() => 0);
  let next = 0;
  columns.forEach((column, c) => {
    column.cards.forEach((card, k) => { rank[card] = next + (k % counts[c]); });
    next += counts[c];
  });
  return plan.lines.map((l) => (!only || only.has(l.from) ? rank[l.to] - rank[l.from] : 1));
}

// split returns the number of ranks for each column. length is the length of the whole diagram,
// which is longer than any column because lines need room as well. With n times as many ranks, the
// length of the diagram is more than a fraction 1/n of the former length, because lines that pass
// by need room.
function split(columns, length, gap, ratio) {
  const longest = Math.max(...columns.map((c) => c.length), 1);
  for (let limit = longest; ; limit *= 0.92) {
    const counts = columns.map((c) => Math.max(Math.ceil(c.length / limit), 1));
    const depth = columns.reduce((sum, c, i) => sum + counts[i] * (c.depth + gap), 0);
    if (depth >= length * (0.3 + 0.7 * limit / longest) * ratio || limit < 300) return counts;
  }
}

// pack puts the components of a plan in several columns, or in several rows if callers are above
// their callees, if everything then appears larger in the window. Graphviz puts components one
// below the other and aligns their ranks.
export function pack(plan, window) {
  const parts = componentsOf(plan);
  if (parts.length < 2) return;
  const { topDown } = plan, across = (s) => (topDown ? { w: s.h, h: s.w } : s);
  const fit = (size) => Math.min(window.width / across(size).w, window.height / across(size).h);
  const sizes = parts.map((part) => ({ part, ...across({ w: part.w, h: part.h }) })).sort((a, b) => b.w - a.w);
  const total = sizes.reduce((sum, s) => sum + s.h + componentGap, 0);
  let best = null, largest = worth * fit(across({ w: plan.width, h: plan.height }));
  for (let limit = total; limit > total / 50; limit *= 0.9) {
    const { places, size } = inColumns(sizes, limit);
    if (fit(size) <= largest) continue;
    largest = fit(size);
    best = places;
  }
  if (!best) return;
  sizes.forEach(({ part }, i) => {
    const to = topDown ? { x: best[i].y, y: best[i].x } : best[i], dx = to.x - part.x, dy = to.y - part.y;
    const move = (p) => {
      p.x += dx;
      p.y += dy;
    };
    for (const card of part.cards) move(plan.cards[card]);
    for (const l of part.lines) for (const p of [...l.path, ...l.head]) move(p);
  });
  measure(plan);
}

// inColumns returns the places of boxes in columns of about the given height at most, and the size
// of all of them.
function inColumns(boxes, limit) {
  let x = 0, y = 0, width = 0;
  const size = { w: 0, h: 0 };
  const places = boxes.map((b) => {
    if (y > 0 && y + b.h > limit) {
      x += width + 2 * componentGap;
      y = width = 0;
    }
    const at = { x, y };
    width = Math.max(width, b.w);
    y += b.h + componentGap;
    size.w = Math.max(size.w, x + b.w);
    size.h = Math.max(size.h, y - componentGap);
    return at;
  });
  return { places, size };
}
