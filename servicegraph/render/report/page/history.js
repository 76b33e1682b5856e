// @ts-check
// The history of a live report: the numbers of each edge in each version since the page was opened.

const length = 120; // versions

export class History {
  constructor() {
    this.versions = []; // {time, edges: Map of {calls, failed, perSecond, errors} by key}
  }

  // add adds a version of the graph at a time in milliseconds.
  add(graph, time) {
    const edges = new Map();
    for (const e of graph.edges) {
      const errors = e.errors ? e.errors[0] : 0;
      edges.set(e.key, { calls: e.calls[0], failed: errors * e.calls[0], perSecond: e.rate ? e.rate[0] : null, errors });
    }
    this.versions.push({ time, edges });
    if (this.versions.length > length) this.versions.shift();
  }

  clear() { this.versions = []; }

  // of returns the points {time, rate, errors} of an edge: calls per second and the ratio of failed
  // calls. If the counts of the edge only grow, a point covers the time since the point before it.
  // Otherwise the graph covers a moving range of time, and a point is the mean of that range.
  of(key) {
    const seen = this.versions.filter((v) => v.edges.has(key)).map((v) => ({ time: v.time, ...v.edges.get(key) }));
    const grows = seen.every((p, i) => i === 0 || p.calls >= seen[i - 1].calls && p.failed >= seen[i - 1].failed - 1e-6);
    if (!grows) return seen.filter((p) => p.perSecond !== null).map(({ time, perSecond, errors }) => ({ time, rate: perSecond, errors }));
    const points = [];
    for (let i = 1; i < seen.length; i++) {
      const seconds = (seen[i].time - seen[i - 1].time) / 1000, calls = seen[i].calls - seen[i - 1].calls;
      if (seconds > 0) points.push({ time: seen[i].time, rate: calls / seconds, errors: calls > 0 ? Math.max(seen[i].failed - seen[i - 1].failed, 0) / calls : 0 });
    }
    return points;
  }
}

// ago says how long ago a time was, both in milliseconds.
export function ago(time, now) {
  const seconds = Math.max(Math.round((now - time) / 1000), 0);
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

// sparkline returns the path of values in a box of the given size, 0 at the bottom and the
// largest value at the top.
export function sparkline(values, width, height) {
  const most = Math.max(...values, 0), step = values.length > 1 ? width / (values.length - 1) : 0;
  return values.map((v, i) => `${i === 0 ? "M" : "L"}${(i * step).toFixed(1)} ${(most > 0 ? height - (v / most) * height : height).toFixed(1)}`).join("");
}
