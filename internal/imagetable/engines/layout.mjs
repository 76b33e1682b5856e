// Lays out a graph with an engine, and prints the positions of its parts: node layout.mjs <
// graph.json
//
// The input has the name of the engine, whether to draw boxes around namespaces, whether to lay out
// labels, the nodes with their sizes and namespaces, and the edges with their ends and the sizes of
// their labels. The output has the upper left corners of the nodes and labels, the edges as paths
// of cubic curves, the time in milliseconds, and the peak of memory in bytes.

import { readFileSync } from "node:fs";

const input = JSON.parse(readFileSync(0, "utf8"));
const { engine, boxes, labels, nodes, edges } = input;
const edgeGap = 10, nodeGap = 22, rankGap = 60; // pixels
const spaces = boxes ? [...new Set(nodes.map((n) => n.ns).filter(Boolean))] : [];

// straight returns straight lines through the points, as a path of cubic curves.
const straight = (points) => points.slice(1).reduce((path, p) => [...path, path[path.length - 1], p, p], [points[0]]);

// graphviz lays out with one of the programs of Graphviz.
async function graphviz() {
  const { Graphviz } = await import("@hpcc-js/wasm-graphviz");
  const program = await Graphviz.load(), inches = (v) => (v / 72).toFixed(4);
  const force = engine !== "dot" ? ' overlap=false splines=true sep="+12"' : "";
  const out = [`digraph g { graph [rankdir=LR nodesep=${inches(edgeGap)} ranksep=${inches(rankGap)}${force}]; node [shape=box fixedsize=true label=""];`];
  const node = (n, i) => `n${i} [width=${inches(n.w)} height=${inches(n.h + nodeGap - edgeGap)}];`;
  nodes.forEach((n, i) => { if (!spaces.includes(n.ns)) out.push(node(n, i)); });
  spaces.forEach((ns, k) => out.push(`subgraph cluster_${k} { margin=14;`, ...nodes.flatMap((n, i) => (n.ns === ns ? [node(n, i)] : [])), "}"));
  edges.forEach((e, i) => {
    const label = labels && e.label ? ` label=<<TABLE BORDER="0" CELLBORDER="0" FIXEDSIZE="TRUE" WIDTH="${Math.ceil(e.label.w)}" HEIGHT="${Math.ceil(e.label.h)}"><TR><TD></TD></TR></TABLE>>` : "";
    out.push(`n${e.from} -> n${e.to} [id=e${i}${label}];`);
  });
  const began = performance.now(), answer = JSON.parse(program.layout(out.join("\n") + "}", "json0", engine)), took = performance.now() - began;
  const numbers = (text) => text.split(",").map(Number), [, , width, height] = numbers(answer.bb), at = ([x, y]) => [x, height - y];
  const result = { took, width, height, nodes: [], edges: [], labels: [] };
  for (const o of answer.objects || []) {
    if (!o.name.startsWith("n")) continue;
    const i = Number(o.name.slice(1)), [x, y] = at(numbers(o.pos));
    result.nodes.push({ i, x: x - nodes[i].w / 2, y: y - nodes[i].h / 2 });
  }
  for (const e of answer.edges || []) {
    const i = Number(e.id.slice(1)), fields = (e.pos || "").split(" ").filter((f) => f && !f.startsWith("e,") && !f.startsWith("s,"));
    if (fields.length < 4) continue;
    result.edges.push({ i, path: fields.map((f) => at(numbers(f))) });
    if (e.lp) result.labels.push(labelAt(i, ...at(numbers(e.lp))));
  }
  return result;
}

const labelAt = (i, x, y) => ({ i, x: x - edges[i].label.w / 2, y: y - edges[i].label.h / 2 });

// elk lays out with ELK's layered algorithm.
async function elk() {
  const ELK = (await import("elkjs/lib/elk.bundled.js")).default;
  const options = { "elk.algorithm": "layered", "elk.direction": "RIGHT", "elk.hierarchyHandling": "INCLUDE_CHILDREN", "elk.spacing.nodeNode": String(nodeGap), "elk.spacing.edgeNode": String(edgeGap), "elk.spacing.edgeEdge": String(edgeGap), "elk.layered.spacing.nodeNodeBetweenLayers": String(rankGap), "elk.edgeLabels.inline": "true" };
  const node = (n, i) => ({ id: "n" + i, width: n.w, height: n.h });
  const graph = {
    id: "root", layoutOptions: options,
    children: [
      ...nodes.flatMap((n, i) => (spaces.includes(n.ns) ? [] : [node(n, i)])),
      ...spaces.map((ns, k) => ({ id: "c" + k, layoutOptions: { "elk.padding": "[top=30,left=14,bottom=14,right=14]" }, children: nodes.flatMap((n, i) => (n.ns === ns ? [node(n, i)] : [])) })),
    ],
    edges: edges.map((e, i) => ({ id: "e" + i, sources: ["n" + e.from], targets: ["n" + e.to], labels: labels && e.label ? [{ text: " ", width: e.label.w, height: e.label.h }] : [] })),
  };
  const began = performance.now(), answer = await new ELK().layout(graph), took = performance.now() - began;
  const result = { took, width: answer.width, height: answer.height, nodes: [], edges: [], labels: [] }, offset = { root: [0, 0] };
  for (const child of answer.children) {
    for (const n of child.id.startsWith("c") ? child.children : [child]) {
      const [dx, dy] = child === n ? [0, 0] : [child.x, child.y];
      offset[child.id] = [child.x, child.y];
      result.nodes.push({ i: Number(n.id.slice(1)), x: n.x + dx, y: n.y + dy });
    }
  }
  for (const e of answer.edges) {
    const i = Number(e.id.slice(1)), [dx, dy] = offset[e.container] || [0, 0];
    if (!e.sections?.length) continue;
    const { startPoint, bendPoints = [], endPoint } = e.sections[0];
    result.edges.push({ i, path: straight([startPoint, ...bendPoints, endPoint].map((p) => [p.x + dx, p.y + dy])) });
    for (const l of e.labels || []) result.labels.push({ i, x: l.x + dx, y: l.y + dy });
  }
  return result;
}

// dagre lays out with dagre, which leaves out some edges of graphs with boxes.
async function dagre() {
  const { default: lib } = await import("@dagrejs/dagre"), g = new lib.graphlib.Graph({ compound: boxes, multigraph: true });
  g.setGraph({ rankdir: "LR", nodesep: nodeGap, edgesep: edgeGap, ranksep: rankGap });
  nodes.forEach((n, i) => g.setNode("n" + i, { width: n.w, height: n.h }));
  spaces.forEach((ns, k) => {
    g.setNode("c" + k, {});
    nodes.forEach((n, i) => { if (n.ns === ns) g.setParent("n" + i, "c" + k); });
  });
  edges.forEach((e, i) => g.setEdge("n" + e.from, "n" + e.to, labels && e.label ? { width: e.label.w, height: e.label.h, labelpos: "c" } : {}, "e" + i));
  const began = performance.now();
  lib.layout(g);
  const took = performance.now() - began, result = { took, width: g.graph().width, height: g.graph().height, nodes: [], edges: [], labels: [] };
  nodes.forEach((n, i) => result.nodes.push({ i, x: g.node("n" + i).x - n.w / 2, y: g.node("n" + i).y - n.h / 2 }));
  edges.forEach((e, i) => {
    const { points, x, y } = g.edge("n" + e.from, "n" + e.to, "e" + i);
    if (points?.length > 1) result.edges.push({ i, path: straight(points.map((p) => [p.x, p.y])) });
    if (labels && e.label && x !== undefined) result.labels.push(labelAt(i, x, y));
  });
  return result;
}

const result = await ({ elk, dagre }[engine] || graphviz)();
process.stdout.write(JSON.stringify({ ...result, memory: peak() }));

// peak returns the peak of memory in bytes. It reads /proc on Linux, because maxRSS there can be
// the peak of the parent process.
function peak() {
  try {
    return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
