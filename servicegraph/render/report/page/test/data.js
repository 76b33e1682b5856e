// Graphs for the tests.

const count = (n) => [n, String(n)];
const errors = (failed, calls) => [failed / calls, `${(100 * failed) / calls}%`, String(failed)];
const state = (failed, calls) => (failed / calls >= 0.05 ? "error" : failed / calls >= 0.01 ? "warn" : "ok");

// dataOf returns the data of a report. A call is a caller, a callee, the number of calls and
// that of failed ones. Nodes are written namespace/name; a name in brackets is a database.
export function dataOf(calls) {
  const nodes = [], at = new Map();
  const node = (text) => {
    if (!at.has(text)) {
      at.set(text, nodes.length);
      const [ns, name] = text.includes("/") ? text.split("/") : ["", text.replace(/[[\]]/g, "")];
      nodes.push({ id: text, name, ns: ns || undefined, type: text.startsWith("[") ? "database" : "service", state: "ok", calls: count(0), errors: null, total: 0, failed: 0 });
    }
    return at.get(text);
  };
  const edges = calls.map(([from, to, n, failed = 0]) => {
    const callee = nodes[node(to)];
    callee.total += n;
    callee.failed += failed;
    return { from: node(from), to: node(to), kind: "request", state: state(failed, n), calls: count(n), errors: errors(failed, n) };
  });
  for (const n of nodes) {
    if (n.total === 0) continue;
    Object.assign(n, { calls: count(n.total), errors: errors(n.failed, n.total), state: state(n.failed, n.total) });
  }
  const rank = (list) => list.map((_, i) => i).sort((a, b) => (list[b].errors?.[0] || 0) - (list[a].errors?.[0] || 0) || list[b].calls[0] - list[a].calls[0])
    .forEach((i, r) => { list[i].rank = r; });
  rank(nodes);
  rank(edges);
  return { nodes, edges, topDown: false, limits: { nodes: 150, edges: 300, partNodes: 80, partEdges: 160 } };
}

// shop is a small graph with a failing database.
export const shop = () => dataOf([
  ["edge/web", "shop/cart", 100, 3], ["edge/web", "shop/catalog", 400], ["edge/web", "shop/checkout", 50, 10],
  ["shop/checkout", "billing/payments", 50, 10], ["billing/payments", "[ledger]", 80, 20], ["shop/cart", "[carts]", 90], ["shop/cart", "shop/cart", 5],
]);

// layers returns a graph of n services in five layers, with two calls from each service.
export function layers(n) {
  const calls = [], width = Math.ceil(n / 5);
  for (let i = 0; i < n - width; i++) {
    const layer = Math.floor(i / width);
    for (const step of [i * 7 + 3, i * 13 + 5]) {
      const to = Math.min((layer + 1) * width + (step % width), n - 1);
      calls.push([`ns${i % 9}/s${i}`, `ns${to % 9}/s${to}`, 10 + (i % 50), i % 7 === 0 ? 10 : 0]);
    }
  }
  return dataOf(calls);
}

// partsOf returns parts of a diagram, as package draw writes them.
export function partsOf(data) {
  const text = [0, 3, 10, "text"];
  return {
    topDown: false,
    gaps: { edge: 10, card: 22, rank: 45, labelRoom: 30, maxLabel: 84, label: 5, step: 7, shown: 9, rowHeight: 21, row: 4, rowIndent: 24, rowPad: 8, cardPad: 13, mostTexts: 100, unfolded: 20, fewNodes: 8, mostRows: 12 },
    fonts: [{ class: "name", size: 13, bold: true }],
    nodes: data.nodes.map((n) => ({ class: `node ${n.type} ${n.state}`, w: 130, h: 61, r: 9, texts: text, ...(n.type === "database" ? { row: { class: "node database ok peer", w: 120, h: 21, r: 6, texts: text } } : {}) })),
    edges: data.edges.map((e) => (e.from === e.to ? null : { class: `edge request ${e.state}`, w: 2, tip: "tip", labels: [{ w: 80, h: 25, texts: text }, { w: 50, h: 12.5, texts: text }] })),
  };
}
