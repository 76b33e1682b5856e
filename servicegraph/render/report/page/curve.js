// @ts-check
// Geometry of the diagram: points {x, y}, boxes {x, y, w, h}, and paths. A path is a list of
// points: a start, and three points for each cubic Bézier curve.

export const distance = (a, b) => Math.hypot(b.x - a.x, b.y - a.y);

// flatten returns points along a path, about step apart.
export function flatten(path, step) {
  const points = [path[0]];
  for (let i = 1; i + 2 < path.length; i += 3) {
    const a = path[i - 1], b = path[i], c = path[i + 1], d = path[i + 2];
    const n = Math.max(Math.ceil((distance(a, b) + distance(b, c) + distance(c, d)) / step), 1);
    for (let k = 1; k <= n; k++) {
      const t = k / n, u = 1 - t, w0 = u * u * u, w1 = 3 * u * u * t, w2 = 3 * u * t * t, w3 = t * t * t;
      points.push({ x: w0 * a.x + w1 * b.x + w2 * c.x + w3 * d.x, y: w0 * a.y + w1 * b.y + w2 * c.y + w3 * d.y });
    }
  }
  return points;
}

// straight returns the path of a line through points.
export const straight = (first, ...rest) => rest.reduce((path, p) => [...path, path[path.length - 1], p, p], [first]);

// cornered returns the path of a line through points, without the first one. Its corners are
// round.
export function cornered(points, radius) {
  const path = [], pointAt = (a, b, part) => ({ x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part });
  let at = points[0];
  const lineTo = (p) => {
    path.push({ ...at }, { ...p }, p);
    at = p;
  };
  for (let i = 1; i + 1 < points.length; i++) {
    const corner = points[i], before = distance(points[i - 1], corner), after = distance(corner, points[i + 1]);
    if (before === 0 || after === 0) continue;
    const r = Math.min(radius, before / 2, after / 2);
    lineTo(pointAt(corner, points[i - 1], r / before));
    at = pointAt(corner, points[i + 1], r / after);
    path.push({ ...corner }, { ...corner }, at);
  }
  lineTo({ ...points[points.length - 1] });
  return path;
}

// cubicPart returns the part of a cubic curve from one value to a larger one, both from 0 to 1
// (de Casteljau).
export function cubicPart(curve, from, to) {
  const between = (a, b, t) => ({ x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t });
  const start = (/** @type {any[]} */ [a, b, c, d], /** @type {number} */ t) => {
    const ab = between(a, b, t), bc = between(b, c, t), cd = between(c, d, t), abc = between(ab, bc, t), bcd = between(bc, cd, t);
    return [a, ab, abc, between(abc, bcd, t)];
  };
  const first = start(curve, to);
  return from > 0 ? start(first.reverse(), 1 - from / to).reverse() : first;
}

// setPath sets the path of a line, and the arrowhead between its end and the tip.
export function setPath(line, path, tip) {
  const base = path[path.length - 1], length = distance(base, tip) || 1;
  const dx = (tip.x - base.x) / length, dy = (tip.y - base.y) / length, half = 3.2 + line.width / 2;
  line.path = path;
  line.head = [tip, { x: base.x - dy * half, y: base.y + dx * half }, { x: base.x + dy * half, y: base.y - dx * half }];
}

// overlap reports whether two boxes have a point in common.
export const overlap = (a, b) => a.x <= b.x + b.w && b.x <= a.x + a.w && a.y <= b.y + b.h && b.y <= a.y + a.h;

// grown returns a box with d more on each side.
export const grown = (b, d) => ({ x: b.x - d, y: b.y - d, w: b.w + 2 * d, h: b.h + 2 * d });

// around returns a box by its center and size.
export const around = (p, w, h) => ({ x: p.x - w / 2, y: p.y - h / 2, w, h });

// crosses reports whether a part of the line from a to b lies in a box.
export function crosses(a, b, box) {
  let t0 = 0, t1 = 1; // clips the line at the four sides (Liang and Barsky)
  const dx = b.x - a.x, dy = b.y - a.y;
  for (const [p, q] of [[-dx, a.x - box.x], [dx, box.x + box.w - a.x], [-dy, a.y - box.y], [dy, box.y + box.h - a.y]]) {
    if (p === 0) {
      if (q < 0) return false;
    } else if (p < 0) {
      t0 = Math.max(t0, q / p);
    } else {
      t1 = Math.min(t1, q / p);
    }
    if (t0 > t1) return false;
  }
  return true;
}

// missing returns the vector from a point to the nearest point of a box; 0, 0 inside the box.
export const missing = (box, p) => ({
  x: Math.max(box.x - p.x, 0) - Math.max(p.x - box.x - box.w, 0),
  y: Math.max(box.y - p.y, 0) - Math.max(p.y - box.y - box.h, 0),
});

// nothing returns an empty box, for include to enlarge.
export const nothing = () => ({ x: Infinity, y: Infinity, w: 0, h: 0 });
export function include(box, ...points) {
  for (const p of points) {
    const right = Math.max(box.x < Infinity ? box.x + box.w : -Infinity, p.x), bottom = Math.max(box.y < Infinity ? box.y + box.h : -Infinity, p.y);
    box.x = Math.min(box.x, p.x);
    box.y = Math.min(box.y, p.y);
    box.w = right - box.x;
    box.h = bottom - box.y;
  }
}

// hull returns the smallest box {x, y, width, height} around such boxes.
export function hull(boxes) {
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  for (const b of boxes) {
    x0 = Math.min(x0, b.x);
    y0 = Math.min(y0, b.y);
    x1 = Math.max(x1, b.x + b.width);
    y1 = Math.max(y1, b.y + b.height);
  }
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}
