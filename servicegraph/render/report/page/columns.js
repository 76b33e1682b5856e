// @ts-check
// The columns of the tables, and the order of the rows. A column has a title and a function that
// returns the measure of a row: a value to sort by and a text, or null if the value was not
// measured. Numbers are sorted in descending order at first.

import { mark } from "./graph.js";

// sorted returns the rows in the order of a column. Rows without a value come last in either
// direction.
export function sorted(rows, column, down) {
  const value = (row) => {
    const m = column.of(row);
    return m ? m[0] : null;
  };
  return [...rows].sort((a, b) => {
    const x = value(a), y = value(b);
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    const c = typeof x === "string" ? x.localeCompare(y) : x - y;
    return down ? -c : c;
  });
}

// Constructors of columns.
const name = (title, of) => ({ title, of: (row) => [of(row).label, of(row).label], full: (row) => of(row).full || of(row).label, class: "name" });
const number = (title, of, more = {}) => ({ title, of, number: true, class: "number", ...more });
const errorRate = (row) => row.errors && [row.errors[0], mark(row) + row.errors[1]];
const word = (title, of) => ({ title, of: (row) => [of(row), of(row)], full: of, class: "word minor" });
const minor = { class: "number minor" }; // has no room on a phone

export const edgeColumns = [
  name("Caller", (e) => e.from),
  name("Callee", (e) => e.to),
  word("Kind", (e) => e.kind),
  number("Calls", (e) => e.calls, { first: true }),
  number("Rate", (e) => e.rate, minor),
  number("Errors", errorRate, { class: "number errors" }),
  number("p50", (e) => e.latency.p50, minor),
  number("p95", (e) => e.latency.p95),
  number("p99", (e) => e.latency.p99, minor),
];

export const nodeColumns = [
  name("Service", (n) => n),
  word("Type", (n) => n.type),
  number("Requests", (n) => n.calls, { first: true }),
  number("Rate", (n) => n.rate, minor),
  number("Errors", errorRate, { class: "number errors" }),
  number("p50", (n) => n.p50, minor),
  number("p95", (n) => n.p95),
  number("p99", (n) => n.p99, minor),
  number("Callers", (n) => [n.in.length, String(n.in.length)], minor),
  number("Callees", (n) => [n.out.length, String(n.out.length)], minor),
];
