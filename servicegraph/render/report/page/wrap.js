// @ts-check
// A long chain of calls makes a diagram long across the ranks. Wrapping cuts such a diagram between
// ranks into bands, which are below each other like the lines of a text. A line that is cut leads
// around the ends of the bands. If callers are above their callees, the bands are next to each
// other; the code exchanges the coordinates and otherwise treats the calls as if they led from left
// to right.

import { cornered, cubicPart, flatten, setPath } from "./curve.js";
import { measure } from "./plan.js";
import { columnsOf } from "./ranks.js";

const maxLanes = 10; // lines that one cut may divide
const laneGap = 9; // pixels between lines that lead around the ends of bands
const bandGap = 30; // pixels between bands, without the lines
const laneCorner = 8; // radius of the corners of such lines
const wrapWorth = 1.25; // the factor by which everything must appear larger, because bands are harder to follow
const laneWorth = 0.12; // what each line through a cut adds to the factor

// wrapped returns a plan, which has its places, in bands. It returns null if everything would not
// appear much larger in the window.
export function wrapped(plan, window) {
  const fit = (w, h) => (plan.topDown ? Math.min(window.width / h, window.height / w, 1) : Math.min(window.width / w, window.height / h, 1));
  const now = plan.topDown ? fit(plan.height, plan.width) : fit(plan.width, plan.height);
  if (now >= 1) return null;
  if (plan.topDown) turn(plan);
  const possible = cutsOf(plan), length = plan.width;
  let cuts = null, best = 1;
  for (let limit = length / 2; limit > length / 100; limit *= 0.85) {
    const list = choose(possible, length, limit);
    if (!list) break;
    const bands = bandsOf(plan, list);
    const w = Math.max(...bands.map((b) => b.to - b.from)) + 2 * laneGap * maxLanes;
    const h = bands.reduce((sum, b) => sum + Math.max(b.bottom - b.top, 0) + bandGap, 0) + laneGap * list.reduce((sum, c) => sum + c.lanes, 0);
    const gain = fit(w, h) / now / worthOf(list);
    if (gain > best) [best, cuts] = [gain, list];
  }
  if (!cuts || !applyCuts(plan, cuts) || fit(plan.width, plan.height) <= worthOf(cuts) * now) return null;
  if (plan.topDown) turn(plan);
  return plan;
}

// worthOf returns the factor by which everything must appear larger to make bands between the cuts
// worthwhile.
const worthOf = (cuts) => wrapWorth + laneWorth * cuts.reduce((sum, c) => sum + c.lanes, 0) / cuts.length;

// turn exchanges the coordinates of everything in a plan.
function turn(plan) {
  for (const c of plan.cards) [c.x, c.y, c.w, c.h] = [c.y, c.x, c.h, c.w];
  for (const l of plan.lines) for (const p of [...l.path, ...l.head]) [p.x, p.y] = [p.y, p.x];
  [plan.width, plan.height] = [plan.height, plan.width];
}

// cutsOf returns the places where a plan can be cut, with the number of lines there.
function cutsOf(plan) {
  const list = [];
  let end = -Infinity;
  for (const column of columnsOf({ ...plan, topDown: false }, null)) {
    const cards = column.cards.map((i) => plan.cards[i]), from = Math.min(...cards.map((c) => c.x));
    if (from > end + 2 * laneCorner && end > -Infinity) list.push({ at: (from + end) / 2, lanes: 0 });
    end = Math.max(end, ...cards.map((c) => c.x + c.w));
  }
  for (const l of plan.lines) {
    if (l.folded) continue;
    const x = flatten(l.path, 20).map((p) => p.x), from = Math.min(...x), to = Math.max(...x);
    for (const cut of list) if (from < cut.at && cut.at < to) cut.lanes++;
  }
  return list.filter((c) => c.lanes <= maxLanes);
}

// choose returns cuts that make bands no longer than a limit, or null if no cuts do that. It
// prefers few cuts, and cuts through few lines.
function choose(possible, length, limit) {
  const stops = [{ at: 0, lanes: 0 }, ...possible, { at: length, lanes: 0 }];
  const cost = stops.map((_, i) => (i === 0 ? 0 : Infinity)), from = stops.map(() => 0);
  for (let i = 1; i < stops.length; i++) {
    for (let j = i - 1; j >= 0 && stops[i].at - stops[j].at <= limit; j--) {
      const c = cost[j] + 1 + 0.2 * stops[i].lanes;
      if (c < cost[i]) [cost[i], from[i]] = [c, j];
    }
  }
  if (cost[stops.length - 1] === Infinity) return null;
  const list = [];
  for (let i = from[stops.length - 1]; i > 0; i = from[i]) list.unshift(stops[i]);
  return list;
}

// bandsOf returns the bands between cuts, with the extent of their cards along the ranks.
function bandsOf(plan, cuts) {
  const bands = [...cuts.map((c) => c.at), plan.width].map((to, i) => ({ from: i > 0 ? cuts[i - 1].at : 0, to, top: Infinity, bottom: -Infinity, dx: 0, dy: 0, lanes: [] }));
  for (const c of plan.cards) if (c.host < 0) extend(bandAt(bands, c.x + c.w / 2), c.y, c.y + c.h);
  return bands;
}

const bandAt = (bands, x) => bands.find((b) => x <= b.to) || bands[bands.length - 1];

function extend(band, from, to) {
  band.top = Math.min(band.top, from);
  band.bottom = Math.max(band.bottom, to);
}

// applyCuts moves everything into bands, and reports whether all lines can be cut.
function applyCuts(plan, cuts) {
  const bands = bandsOf(plan, cuts), at = new Map(bands.map((b, i) => [b, i]));
  const pieces = new Map();
  for (const l of plan.lines) {
    if (l.folded) continue;
    const list = piecesOf(l.path, bands);
    pieces.set(l, list);
    for (const [k, { band, curve }] of list.entries()) {
      for (const p of flatten(curve, 8)) extend(band, p.y, p.y);
      if (k === 0) continue;
      const [i, j] = [at.get(list[k - 1].band), at.get(band)];
      if (Math.abs(i - j) !== 1) return false;
      bands[Math.min(i, j)].lanes.push({ along: curve[0].y, piece: list[k - 1] });
    }
  }
  placeBands(bands);
  for (const c of plan.cards) {
    if (c.host >= 0) continue;
    const { dx, dy } = bandAt(bands, c.x + c.w / 2);
    c.x += dx;
    c.y += dy;
  }
  const moved = (p, band) => ({ x: p.x + band.dx, y: p.y + band.dy });
  for (const [l, list] of pieces) {
    const path = [moved(list[0].curve[0], list[0].band)];
    for (const [k, { band, curve }] of list.entries()) {
      if (k > 0) path.push(...lane(bands, at.get(list[k - 1].band), at.get(band), list[k - 1]));
      path.push(...curve.slice(1).map((p) => moved(p, band)));
    }
    setPath(l, path, moved(l.head[0], list[list.length - 1].band));
  }
  measure(plan);
  return true;
}

// placeBands sets how far the bands move.
function placeBands(bands) {
  let y = 0;
  for (const b of bands) {
    b.lanes.sort((l, m) => l.along - m.along);
    b.dx = -b.from;
    b.dy = y - b.top;
    y += b.bottom - b.top + bandGap + laneGap * b.lanes.length;
  }
}

// lane returns the curve from the end of a piece in band i to the start of the next piece in band
// j, without its first point. Curves between two bands do not cross: the upper curve is the outer
// one at the end of the band, and the inner one at the start of the next band.
function lane(bands, i, j, piece) {
  const b = bands[Math.min(i, j)], next = bands[Math.max(i, j)];
  const n = b.lanes.findIndex((l) => l.piece === piece), { along } = b.lanes[n];
  const outer = laneGap * (b.lanes.length - n), inner = laneGap * (n + 1);
  const right = b.to + b.dx, left = next.from + next.dx, between = b.bottom + b.dy + bandGap / 2 + outer - laneGap;
  const points = [
    { x: right, y: along + b.dy }, { x: right + outer, y: along + b.dy }, { x: right + outer, y: between },
    { x: left - inner, y: between }, { x: left - inner, y: along + next.dy }, { x: left, y: along + next.dy },
  ];
  return cornered(i > j ? points.reverse() : points, laneCorner);
}

// piecesOf cuts a path where it leads from one band to another.
function piecesOf(path, bands) {
  const list = [];
  for (let i = 1; i + 2 < path.length; i += 3) {
    const curve = path.slice(i - 1, i + 3);
    let from = 0;
    for (const to of [...crossings(curve, bands), 1]) {
      const part = cubicPart(curve, from, to), band = bandAt(bands, cubicPart(part, 0, 0.5)[3].x);
      from = to;
      if (list.length === 0 || list[list.length - 1].band !== band) list.push({ band, curve: [part[0]] });
      list[list.length - 1].curve.push(...part.slice(1));
    }
  }
  return list;
}

// crossings returns the positions at which a curve leads from one band to another, as values from 0
// to 1.
function crossings(curve, bands) {
  const list = [], steps = 16;
  for (const { to } of bands.slice(0, -1)) {
    if (curve.every((p) => p.x < to) || curve.every((p) => p.x >= to)) continue;
    const isBefore = (t) => cubicPart(curve, 0, t)[3].x < to;
    for (let k = 0; k < steps; k++) {
      let low = k / steps, high = (k + 1) / steps;
      const before = isBefore(low);
      if (isBefore(high) === before) continue;
      for (let i = 0; i < 30; i++) {
        const middle = (low + high) / 2;
        if (isBefore(middle) === before) low = middle;
        else high = middle;
      }
      list.push(high);
    }
  }
  return list.sort((a, b) => a - b);
}
