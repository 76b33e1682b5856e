// Tests of the layout: plans, laid out by the Graphviz of the report, without a browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInThisContext } from "node:vm";
import { gunzipSync } from "node:zlib";
import { crosses, flatten, overlap } from "../curve.js";
import { dotOf, finish, newPlan, place, reshape } from "../plan.js";
import { dataOf, layers, partsOf, shop } from "./data.js";

globalThis.location ??= { href: "file:///" }; // Viz.js is for browsers
runInThisContext(gunzipSync(readFileSync(new URL("../library/viz-global.js.gz", import.meta.url))).toString());
const viz = await globalThis.Viz.instance();

function planOf(data, topDown = false, gaps = {}) {
  const all = (list) => list.map((_, i) => i);
  const plan = newPlan(partsOf(data), all(data.nodes), all(data.edges), (i) => [data.edges[i].from, data.edges[i].to], topDown);
  return Object.assign(plan, gaps);
}

function laidOut(data, topDown, gaps) {
  const plan = planOf(data, topDown, gaps), result = viz.render(dotOf(plan), { format: "json0" });
  assert.equal(result.status, "success", JSON.stringify(result.errors));
  place(plan, result.output);
  return plan;
}

for (const [name, data] of [["a shop", shop()], ["40 services", layers(40)], ["80 services", layers(80)], ["500 services", layers(500)]]) {
  for (const topDown of [false, true]) {
    test(`${name}, ${topDown ? "top down" : "left to right"}: nothing overlaps`, (t) => {
      const began = performance.now(), plan = laidOut(data, topDown);
      finish(plan);
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

test("edges begin and end at their cards", () => {
  const plan = laidOut(layers(40), false), touches = (card, p) => p.x >= card.x - 1 && p.x <= card.x + card.w + 1 && p.y >= card.y - 1 && p.y <= card.y + card.h + 1;
  for (const l of plan.lines) {
    assert.ok(touches(plan.cards[l.from], l.path[0]));
    assert.ok(touches(plan.cards[l.to], l.head[0]));
  }
});

test("dependencies with one caller are rows in its card", () => {
  const calls = Array.from({ length: 20 }, (_, i) => [`ns/a${i}`, `ns/a${i + 1}`, 5]);
  const plan = laidOut(dataOf([...calls, ["ns/a3", "[one]", 5], ["ns/a3", "[two]", 5], ["ns/a3", "[both]", 5], ["ns/a4", "[both]", 5]]), false);
  finish(plan);
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

test("reshape fills a wide window, and costs no height", () => {
  const data = layers(40), plan = laidOut(data, false), gaps = reshape(plan, 3);
  assert.ok(gaps.rankGap > plan.rankGap);
  const wider = laidOut(data, false, gaps);
  assert.ok(wider.width > plan.width && wider.height <= plan.height * 1.05);
});

test("a part without a place is an error", () => {
  const plan = planOf(shop()), output = viz.render(dotOf(plan), { format: "json0" }).output;
  assert.throws(() => place(planOf(shop()), output.replace('"name": "n3"', '"name": "n0"')), /no place for a node/);
  assert.throws(() => place(planOf(shop()), output.replace('"id": "e2"', '"id": "e0"')), /no place for an edge/);
});
