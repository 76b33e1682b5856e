// @ts-check
// The labels of a plan, which are placed after everything else.

import { around, crosses, flatten, grown, overlap } from "./curve.js";
import { isMarked } from "./plan.js";

// placeLabels puts labels on the curves of their edges, each clear of cards, other labels and
// foreign curves. A label moves along its curve until it is free. If no place is free, a smaller
// label is tried. If no label has a free place, its numbers are only in the tooltip, the panel and
// the table. A label with a warning or an error needs less free room around it.
export function placeLabels(plan) {
  const field = new Field(plan), { gaps } = plan;
  const length = new Map(plan.lines.map((l) => [l, flatten(l.path, 20).length]));
  const order = plan.lines.filter((l) => l.labels.length > 0)
    .sort((a, b) => Number(isMarked(b)) - Number(isMarked(a)) || length.get(a) - length.get(b));
  for (const line of order) {
    const points = flatten(line.path, gaps.step), middle = line.anchor ? nearest(points, line.anchor) : Math.floor((points.length - 1) / 2);
    const isFree = (p, v, room) => {
      const plate = around(p, v.w, v.h), clear = grown(plate, room * gaps.shown);
      return !inside(clear, points[0]) && !inside(clear, line.head[0]) && !field.taken(grown(plate, room * gaps.label), line);
    };
    const tries = (isMarked(line) ? [1, 0.5] : [1]).flatMap((room) => line.labels.map((v) => [v, room]));
    search: for (const [v, room] of tries) {
      for (let offset = 0; offset <= 2 * points.length; offset++) {
        const i = middle + (offset % 2 === 1 ? -1 : 1) * Math.ceil(offset / 2);
        if (i < 0 || i >= points.length || !isFree(points[i], v, room)) continue;
        line.label = v;
        line.labelBox = around(points[i], v.w, v.h);
        field.occupy(line.labelBox);
        break search;
      }
    }
  }
}

// nearest returns the position of the point in a list that is nearest to another point.
function nearest(points, to) {
  const distance = (p) => Math.hypot(p.x - to.x, p.y - to.y);
  return points.reduce((best, p, i) => (distance(p) < distance(points[best]) ? i : best), 0);
}

const inside = (box, p) => p.x >= box.x && p.x <= box.x + box.w && p.y >= box.y && p.y <= box.y + box.h;

const cellSize = 48; // pixels

// A Field has the occupied places of a diagram, by square cells.
class Field {
  constructor(plan) {
    this.lines = new Map(); // lists of [line, a, b], by cell
    this.boxes = new Map();
    for (const c of plan.cards) if (!c.grid) this.occupy(c);
    for (const line of plan.lines) {
      if (line.folded && !line.isBranch) continue;
      const [tip, left, right] = line.head, points = flatten(line.path, 6);
      for (let i = 1; i < points.length; i++) this.add(line, points[i - 1], points[i]);
      this.add(line, tip, left);
      this.add(line, tip, right);
    }
  }

  add(line, a, b) {
    const box = { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), w: Math.abs(a.x - b.x), h: Math.abs(a.y - b.y) };
    for (const cell of cells(box)) push(this.lines, cell, [line, a, b]);
  }

  occupy(box) { for (const cell of cells(box)) push(this.boxes, cell, box); }

  // taken reports whether something other than the given line is in a box.
  taken(box, line) {
    for (const cell of cells(box)) {
      if ((this.boxes.get(cell) || []).some((b) => overlap(b, box))) return true;
      if ((this.lines.get(cell) || []).some(([l, a, b]) => l !== line && crosses(a, b, box))) return true;
    }
    return false;
  }
}

function push(map, key, value) {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

// cells returns the numbers of the cells that a box touches.
function cells(box) {
  const list = [], at = (v) => Math.floor(v / cellSize);
  for (let x = at(box.x); x <= at(box.x + box.w); x++) {
    for (let y = at(box.y); y <= at(box.y + box.h); y++) list.push(x * 100003 + y);
  }
  return list;
}
