// Tests of the layout: plans, laid out by the Graphviz of the report, without a browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInThisContext } from "node:vm";
import { gunzipSync } from "node:zlib";
import { crosses, flatten, overlap } from "../curve.js";
import { placeLabels } from "../labels.js";
import { dotOf, newPlan, place, placeRows } from "../plan.js";
import { laidOut } from "../shape.js";
import { dataOf, layers, partsOf, shop } from "./data.js";

globalThis.location ??= { href: "file:///" }; // Viz.js is for browsers
runInThisContext(gunzipSync(readFileSync(new URL("../library/viz-global.js.gz", import.meta.url))).toString());
const viz = await globalThis.Viz.instance();

const all = (list) => list.map((_, i) => i);
const ends = (data) => (i) => [data.edges[i].from, data.edges[i].to];
const layout = async (dot) => {
  const result = viz.render(dot, { format: "json0" });
  assert.equal(result.status, "success", JSON.stringify(result.errors));
  return result.output;
};
const screen = { width: 1400, height: 800, maxFit: 1.4 };

function planOf(data, options = {}) {
  return newPlan(partsOf(data), all(data.nodes), all(data.edges), ends(data), { topDown: false, folded: data.nodes.length > 20, ...options });
}

// drawn returns a plan with its places in a window.
async function drawn(data, options, window = screen) {
  const plan = await laidOut(planOf(data, options), layout, window);
  placeRows(plan);
  placeLabels(plan);
  return plan;
}

for (const [name, data] of [["a shop", shop()], ["40 services", layers(40)], ["80 services", layers(80)], ["500 services", layers(500)]]) {
  for (const topDown of [false, true]) {
    test(`${name}, ${topDown ? "top down" : "left to right"}: nothing overlaps`, async (t) => {
      const began = performance.now(), plan = await drawn(data, { topDown });
      t.diagnostic(`${plan.cards.length} nodes, ${plan.lines.length} edges: ${Math.round(performance.now() - began)} ms`);
      const cards = plan.cards.filter((c) => c.host < 0), labels = plan.lines.filter((l) => l.label);
      for (const [i, c] of cards.entries()) {
        assert.ok(c.x >= -0.01 && c.y >= -0.01 && c.x + c.w <= plan.width + 0.01 && c.y + c.h <= plan.height + 0.01, "a card is outside");
        for (const d of cards.slice(i + 1)) assert.ok(!overlap(c, d), "two cards overlap");
        for (const l of labels) assert.ok(!overlap(c, l.labelBox), "a label overlaps a card");
      }
      for (const [i, l] of labels.entries()) {
        for (const m of labels.slice(i + 1)) assert.ok(!overlap(l.labelBox, m.labelBox), "two labels overlap");
      }
      if (plan.lines.length > 200) return; // the next check takes the square of the time
      for (const l of labels) {
        for (const m of plan.lines) {
          if (m === l) continue;
          const points = flatten(m.path, 8);
          for (let i = 1; i < points.length; i++) assert.ok(!crosses(points[i - 1], points[i], l.labelBox), "an edge runs through a foreign label");
        }
      }
    });
  }
}

test("edges begin and end at their cards", async () => {
  const plan = await drawn(layers(40)), touches = (card, p) => p.x >= card.x - 1 && p.x <= card.x + card.w + 1 && p.y >= card.y - 1 && p.y <= card.y + card.h + 1;
  for (const l of plan.lines) {
    assert.ok(touches(plan.cards[l.from], l.path[0]));
    assert.ok(touches(plan.cards[l.to], l.head[0]));
  }
});

test("dependencies with one caller are rows in its card", async () => {
  const calls = Array.from({ length: 20 }, (_, i) => [`ns/a${i}`, `ns/a${i + 1}`, 5]);
  const plan = await drawn(dataOf([...calls, ["ns/a3", "[one]", 5], ["ns/a3", "[two]", 5], ["ns/a3", "[both]", 5], ["ns/a4", "[both]", 5]]));
  const rows = plan.cards.filter((c) => c.host >= 0);
  assert.equal(rows.length, 2);
  for (const row of rows) {
    const host = plan.cards[row.host];
    assert.ok(row.x > host.x && row.y > host.y && row.x + row.w < host.x + host.w && row.y + row.h < host.y + host.h, "a row is outside of its card");
  }
});

test("many edges have labels only where something fails", () => {
  const plan = planOf(layers(200));
  for (const l of plan.lines) assert.equal(l.labels.length > 0, !l.part.class.endsWith("ok"));
});

test("a self edge that is not drawn has no line", () => {
  assert.ok(planOf(shop()).lines.every((l) => l.from !== l.to));
});

// fit returns the scale at which a plan fits a window.
const fit = (plan, window = screen) => Math.min(window.width / plan.width, window.height / plan.height);

test("gaps fill a wide window, and cost no height", async () => {
  const data = layers(40), plan = planOf(data);
  place(plan, await layout(dotOf(plan)));
  const wider = await drawn(data, {}, { width: 1500, height: 500, maxFit: 1.4 });
  assert.ok(wider.width > plan.width && wider.height <= plan.height * 1.05);
});

const chain = (n, more = []) => dataOf([...Array.from({ length: n - 1 }, (_, i) => [`ns/a${i}`, `ns/a${i + 1}`, 5]), ...more]);
// Graphs that Graphviz alone lays out as strips, with the least scale in the window.
const strips = {
  "a chain of 60": [chain(60), 0.8],
  "a cycle of 200": [chain(200, [["ns/a199", "ns/a0", 5]]), 0.4],
  "a chain with shortcuts": [chain(60, [["ns/a3", "ns/a9", 5], ["ns/a20", "ns/a24", 5], ["ns/a30", "ns/a52", 50, 20]]), 0.6],
  "two chains": [dataOf([0, 1].flatMap((half) => Array.from({ length: 30 }, (_, i) => [`ns/a${half}-${i}`, `ns/a${half}-${i + 1}`, 5]))), 0.7],
  "a star of 500": [dataOf(Array.from({ length: 499 }, (_, i) => ["hub", `ns/a${i}`, 5])), 0.35],
  "a hub with 300 callers": [dataOf([["hub", "[db]", 5], ...Array.from({ length: 300 }, (_, i) => [`ns/a${i}`, "hub", 5])]), 0.4],
  "a hub with 60 callees": [dataOf(Array.from({ length: 60 }, (_, i) => ["hub", `ns/a${i}`, 5])), 0.6],
  "a hub with 40 callers": [dataOf([["hub", "[db]", 5], ...Array.from({ length: 40 }, (_, i) => [`ns/a${i}`, "hub", 5])]), 0.5],
  "400 databases of a service": [dataOf(Array.from({ length: 400 }, (_, i) => ["hub", `[db${i}]`, 5])), 0.35],
  "30 small parts": [dataOf(Array.from({ length: 30 }, (_, i) => [`ns/a${i}`, `ns/b${i}`, 5])), 0.5],
};
for (const [name, [data, least]] of Object.entries(strips)) {
  for (const topDown of [false, true]) {
    test(`${name}, ${topDown ? "top down" : "left to right"}: has about the shape of the window`, async (t) => {
      const plan = await drawn(data, { topDown }), ratio = plan.width / plan.height;
      t.diagnostic(`${Math.round(plan.width)} × ${Math.round(plan.height)}, a scale of ${fit(plan).toFixed(2)}`);
      assert.ok(ratio > 0.8 && ratio < 3.5, `a ratio of ${ratio}`);
      assert.ok(fit(plan) > least, `a scale of ${fit(plan)}`);
      const cards = plan.cards.filter((c) => (c.host < 0 || plan.cards[c.host].grid) && !c.grid);
      for (const [i, c] of cards.entries()) for (const d of cards.slice(i + 1)) assert.ok(!overlap(c, d), "two cards overlap");
      for (const l of plan.lines) {
        if (l.folded && !l.isBranch || l.index < 0) continue;
        const points = flatten(l.path, 8), apart = cards.filter((c) => c !== plan.cards[l.from] && c !== plan.cards[l.to]);
        for (let i = 1; i < points.length; i++) {
          assert.ok(Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y) < 25, "a line has a gap");
          for (const c of apart) assert.ok(!crosses(points[i - 1], points[i], c), "a line runs through a foreign card");
        }
      }
    });
  }
}

for (const topDown of [false, true]) {
  test(`labels in grids, ${topDown ? "top down" : "left to right"}`, async () => {
    const plan = await drawn(dataOf([["hub", "[db]", 5], ["hub", "[db2]", 5], ...Array.from({ length: 40 }, (_, i) => [`ns/a${i}`, "hub", 5])]), { topDown });
    const branches = plan.lines.filter((l) => l.isBranch);
    assert.equal(branches.length, 40);
    const cards = plan.cards.filter((c) => !c.grid);
    for (const l of branches) {
      assert.ok(l.label, "the line of a caller has no label");
      for (const c of cards) assert.ok(!overlap(c, l.labelBox), "a label is over a card");
      for (const m of plan.lines) {
        if (m === l || m.folded && !m.isBranch || m.index < 0) continue;
        assert.ok(m.labelBox === l.labelBox || !m.labelBox || !overlap(m.labelBox, l.labelBox), "two labels overlap");
        const points = flatten(m.path, 8);
        for (let i = 1; i < points.length; i++) assert.ok(!crosses(points[i - 1], points[i], l.labelBox), "a foreign line runs through a label");
      }
    }
    const callees = planOf(dataOf(Array.from({ length: 40 }, (_, i) => ["hub", `ns/a${i}`, 5])), { topDown });
    assert.ok(callees.lines.filter((l) => l.isBranch).every((l) => l.labels.length === 0), "a call has its numbers twice");
    assert.ok(!callees.isSparse, "numbers on the cards are said to be missing");
  });
}

test("a part without a place is an error", async () => {
  const data = shop(), output = await layout(dotOf(planOf(data)));
  assert.throws(() => place(planOf(data), output.replace('"name": "n3"', '"name": "n0"')), /no place for a node/);
  assert.throws(() => place(planOf(data), output.replace('"id": "e2"', '"id": "e0"')), /no place for an edge/);
});
