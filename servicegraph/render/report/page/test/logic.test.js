// Tests of what the script of the report decides, without a browser: node --test

import assert from "node:assert/strict";
import { test } from "node:test";
import { blank, formatHash, formatHidden, hiddenNamespaces, parseHash } from "../address.js";
import { edgeColumns, nodeColumns, sorted } from "../columns.js";
import { drawnText, Filter, pick } from "../filter.js";
import { ago, History, sparkline } from "../history.js";
import { Graph, matches, wordsOf } from "../graph.js";
import { noun, number, quantity } from "../quantity.js";
import { dataOf, layers, shop } from "./data.js";

const filtered = (graph, changes) => new Filter(graph, { ...blank(), ...changes });
const names = (items) => [...items].map((i) => i.label).sort().join(" ");

test("the graph connects nodes and edges", () => {
  const g = new Graph(shop());
  const cart = g.byKey.get("shop/cart");
  assert.equal(names(cart.in), "edge/web → shop/cart shop/cart → shop/cart");
  assert.equal(g.byKey.get("edge/web,shop/cart,request").to, cart);
  assert.deepEqual(g.namespaces(), [["billing", 1], ["edge", 1], ["shop", 3]]);
  assert.deepEqual(g.levels.map((l) => l.calls), [5, 50, 80, 90, 100, 400]);
  assert.equal(g.level(81), 3);
  assert.equal(g.level(1e9), 5);
});

test("around follows the calls in a direction", () => {
  const g = new Graph(shop()), around = (key, direction, passes = () => true) => names([...g.around(g.byKey.get(key), direction, passes)].filter((i) => !i.isEdge));
  assert.equal(around("shop/checkout", "all"), "billing/payments edge/web ledger shop/checkout");
  assert.equal(around("shop/checkout", "up"), "edge/web shop/checkout");
  assert.equal(around("shop/checkout", "near"), "billing/payments edge/web shop/checkout");
  assert.equal(around("shop/checkout", "down", (e) => e.calls[0] < 60), "billing/payments shop/checkout");
  assert.equal(around("shop/cart,shop/cart,request", "all"), "shop/cart");
});

test("a search matches all words, in any case", () => {
  const g = new Graph(shop()), find = (query) => names(g.nodes.filter((n) => matches(n, wordsOf(query))));
  assert.equal(find("CART"), "carts shop/cart");
  assert.equal(find(" shop  ca "), "shop/cart shop/catalog");
  assert.equal(find("database"), "carts ledger");
});

test("the URL keeps the state", () => {
  const state = { ...blank(), query: "a b&c=d#%", node: "service:shop/cart", errors: "warn", minCalls: "12.5", hide: formatHidden(new Set(["a b", "é,&"])), center: "x", hops: "3", all: "1", sort: "-p95", tab: "nodes", theme: "dark", at: "1,2,0.5" };
  assert.deepEqual(parseHash("#" + formatHash(state)), state);
  assert.deepEqual(hiddenNamespaces(state), new Set(["a b", "é,&"]));
  assert.equal(formatHash(blank()), "");
});

test("a broken URL is ignored", () => {
  for (const hash of ["", "#", "#%", "#q", "#__proto__=1&constructor=2&toString=3", "#sort=%E0%A4%A&nothing=1"]) {
    const state = parseHash(hash);
    assert.deepEqual({ ...state }, blank(), hash);
  }
  assert.deepEqual(hiddenNamespaces({ hide: "%E0%A4%A ok" }), new Set(["%E0%A4%A", "ok"]));
});

test("tables sort by value, unknown values last", () => {
  const g = new Graph(dataOf([["a", "b", 9, 0], ["a", "c", 100, 50], ["b", "c", 20, 0]]));
  const calls = edgeColumns.find((c) => c.title === "Calls"), caller = edgeColumns[0], errors = nodeColumns.find((c) => c.title === "Errors");
  assert.deepEqual(sorted(g.edges, calls, true).map((e) => e.calls[0]), [100, 20, 9]);
  assert.deepEqual(sorted(g.edges, calls, false).map((e) => e.calls[0]), [9, 20, 100]);
  assert.deepEqual(sorted(g.edges, caller, true).map((e) => e.from.name), ["b", "a", "a"]);
  assert.deepEqual(sorted(g.nodes, errors, true).map((n) => n.name), ["c", "b", "a"], "a has no requests");
  assert.deepEqual(sorted(g.nodes, errors, false).map((n) => n.name), ["b", "c", "a"]);
});

test("a filter without conditions leaves everything", () => {
  const g = new Graph(shop()), f = filtered(g, {});
  assert.equal(f.isOn, false);
  assert.equal(f.nodes.size, g.nodes.length);
  assert.equal(f.edges.size, g.edges.length);
});

test("errors and traffic select edges and their ends", () => {
  const g = new Graph(shop());
  assert.equal(names(filtered(g, { errors: "1" }).nodes), "billing/payments edge/web ledger shop/cart shop/checkout");
  assert.equal(names(filtered(g, { errors: "error" }).nodes), "billing/payments edge/web ledger shop/checkout");
  assert.equal(names(filtered(g, { minCalls: "90" }).nodes), "carts edge/web shop/cart shop/catalog");
  assert.equal(names(filtered(g, { minCalls: "90", errors: "warn" }).nodes), "edge/web shop/cart");
  assert.equal(filtered(g, { minCalls: "1000000" }).nodes.size, 0);
  assert.equal(filtered(g, { errors: "nonsense", minCalls: "x" }).isOn, false);
});

test("a hidden namespace takes its dependencies with it", () => {
  const g = new Graph(shop());
  assert.equal(names(filtered(g, { hide: "billing" }).nodes), "carts edge/web shop/cart shop/catalog shop/checkout");
  assert.equal(filtered(g, { hide: "billing edge shop" }).nodes.size, 0);
});

test("a center shows what calls it and what it calls, over some hops", () => {
  const g = new Graph(shop()), near = (center, hops, more = {}) => names(filtered(g, { center, hops, ...more }).nodes);
  assert.equal(near("shop/checkout", "1"), "billing/payments edge/web shop/checkout");
  assert.equal(near("shop/checkout", "2"), "billing/payments edge/web ledger shop/checkout");
  assert.equal(near("[carts]", "1"), "carts shop/cart");
  assert.equal(near("shop/catalog", "9", { errors: "warn" }), "shop/catalog", "the center stays");
  assert.equal(filtered(g, { center: "gone" }).isOn, false);
  assert.equal(filtered(g, { center: "edge/web,shop/cart,request" }).isOn, false, "an edge is no center");
  for (const hops of ["0", "-1", "x", "", "1e9"]) assert.ok(filtered(g, { center: "edge/web", hops }).nodes.size >= 2, hops);
});

test("a large graph is drawn in part, the failing nodes first", () => {
  const data = layers(400), g = new Graph(data), f = filtered(g, { minCalls: "1" }), part = pick(f, data.limits, false);
  const failing = g.nodes.filter((n) => n.state === "error");
  assert.ok(failing.length > 10);
  assert.ok(part.nodes.length >= 80 && part.nodes.length <= 160);
  for (const n of failing.slice(0, 160)) assert.ok(part.nodes.includes(n), n.label);
  for (const e of part.edges) assert.ok(part.nodes.includes(e.from) && part.nodes.includes(e.to));
  assert.equal(drawnText(f, part), `Drawn: ${failing.length} of ${failing.length} failing, ${part.nodes.length} of 400 nodes, ${part.edges.length} of ${g.edges.length} edges.`);
  const all = pick(f, data.limits, true);
  assert.equal(all.nodes.length, 400);
  assert.equal(drawnText(f, all), "");
  const small = new Graph(shop());
  assert.equal(pick(filtered(small, {}), data.limits, false).nodes.length, small.nodes.length);
});

test("the center of a large neighborhood is drawn", () => {
  const calls = Array.from({ length: 300 }, (_, i) => ["hub", `ns/leaf${i}`, 1000 - i, 0]);
  const data = dataOf([["client", "hub", 1, 0], ...calls]), g = new Graph(data), f = filtered(g, { center: "client", hops: "2" });
  assert.ok(pick(f, data.limits, false).nodes.some((n) => n.name === "client"));
});

test("the history of growing counts covers the time between versions", () => {
  const h = new History(), version = (calls, failed) => new Graph(dataOf([["a", "b", calls, failed]]));
  h.add(version(100, 0), 0);
  h.add(version(150, 5), 10_000);
  h.add(version(150, 5), 20_000);
  assert.deepEqual(h.of("a,b,request"), [{ time: 10_000, rate: 5, errors: 0.1 }, { time: 20_000, rate: 0, errors: 0 }]);
  assert.deepEqual(h.of("gone"), []);
  for (let i = 0; i < 500; i++) h.add(version(200 + i, 5), 30_000 + i * 1000);
  assert.equal(h.of("a,b,request").length, 119);
});

test("the history of a moving range has the means of the range", () => {
  const h = new History();
  for (const [i, calls] of [100, 50, 80].entries()) {
    const data = dataOf([["a", "b", calls, 0]]);
    data.edges[0].rate = [calls / 60, ""];
    h.add(new Graph(data), i * 1000);
  }
  assert.deepEqual(h.of("a,b,request").map((p) => Math.round(60 * p.rate)), [100, 50, 80]);
});

test("numbers and nouns", () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(number), ["0", "999", "1,000", "1,234,567"]);
  assert.deepEqual([0, 1, 2, 1000].map((n) => quantity(n, "edge")), ["0 edges", "1 edge", "2 edges", "1,000 edges"]);
  assert.deepEqual([noun(1, "dependency"), noun(2, "dependency")], ["dependency", "dependencies"]);
});

test("ages and sparklines", () => {
  assert.deepEqual([0, 3200, 61_000, 7_300_000, -5].map((ms) => ago(0, ms)), ["0 s ago", "3 s ago", "1 min ago", "2 h ago", "0 s ago"]);
  assert.equal(sparkline([0, 5, 10], 20, 10), "M0.0 10.0L10.0 5.0L20.0 0.0");
  assert.equal(sparkline([0, 0], 20, 10), "M0.0 10.0L20.0 10.0");
  assert.equal(sparkline([], 20, 10), "");
});

test("the filter for a namespace leaves its nodes and their neighbors", () => {
  const g = new Graph(shop()), filter = filtered(g, { space: "shop" });
  assert.ok(filter.isOn);
  assert.equal(names(filter.nodes), "billing/payments carts edge/web shop/cart shop/catalog shop/checkout");
  assert.ok([...filter.edges].every((e) => e.from.ns === "shop" || e.to.ns === "shop"));
  assert.ok(!filtered(g, { space: "unknown" }).isOn);
});

test("collapsed namespaces are items, which no filter hides", () => {
  const g = new Graph({ ...shop(), drawn: { nodes: [0, -1], edges: [-1], groups: [{ name: "shop", state: "warn" }] } });
  assert.deepEqual(g.groups.map((i) => [i.key, i.label, i.state]), [["namespace:shop", "shop", "warn"]]);
  assert.ok(filtered(g, {}).has(g.groups[0]));
});
