// A table that sorts, of any length: only the rows that can be seen are there.

const rowHeight = 27; // as in the style sheet
const spare = 12; // rows beyond the edge, so that scrolling shows no gaps

class Table {
  // A column has a title, how to get its measure (a value to sort by and its text)
  // from a row, and whether it is a number.
  constructor(box, label, columns, { choose, sorted }) {
    this.box = box;
    this.columns = columns;
    this.choose = choose; // called with a row that was clicked or entered
    this.sorted = sorted; // called when the user sorts
    this.rows = [];
    this.shown = [];
    this.passes = () => true;
    this.active = null; // the row that the keyboard is at
    this.sort = { column: columns.find((c) => c.first), down: true };
    this.heads = columns.map((c) => make("th", { scope: "col", class: c.number ? "number" : null },
      make("button", { type: "button", onclick: () => this.sortBy(c, this.sort.column === c ? !this.sort.down : Boolean(c.number), true) },
        c.title, make("span", { class: "arrow", "aria-hidden": "true" }))));
    this.body = make("tbody");
    this.table = make("table", { role: "grid", "aria-label": label },
      make("thead", {}, make("tr", { "aria-rowindex": 1 }, ...this.heads)), this.body);
    this.none = make("p", { class: "none", hidden: true });
    this.roll = make("div", {}, this.table); // as high as all rows, by its padding
    box.replaceChildren(this.roll, this.none);
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
    this.body.addEventListener("click", (event) => {
      const row = this.rowOf(event.target);
      if (row) this.choose(row, event);
    });
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("focusin", (event) => { this.active = this.rowOf(event.target) || this.active; });
  }

  rowOf(target) {
    const tr = target.closest("tbody tr");
    return tr ? this.shown[Number(tr.getAttribute("aria-rowindex")) - 2] : null;
  }

  // take replaces the rows.
  take(rows) {
    this.active = this.active && rows.find((row) => row.key === this.active.key) || null;
    this.rows = rows;
    this.none.textContent = rows.length > 0 ? "Nothing matches." : "There are none.";
    this.order();
  }

  // show shows the rows that pass, which of them is chosen, and which belong to it.
  show(passes, chosen, around) {
    this.passes = passes;
    this.chosen = chosen;
    this.around = around;
    this.shown = this.ordered.filter(passes);
    if (!this.shown.includes(this.active)) this.active = null; // out of sight, out of the keyboard's way
    this.none.hidden = this.shown.length > 0;
    this.table.setAttribute("aria-rowcount", this.shown.length + 1);
    this.draw(true);
  }

  sortBy(column, down, byUser) {
    this.sort = { column, down };
    this.order();
    this.box.scrollTop = 0;
    if (byUser) this.sorted();
  }

  order() {
    const { column, down } = this.sort;
    const value = (row) => {
      const m = column.of(row);
      return m ? m[0] : null;
    };
    const compare = (a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return (x === null) - (y === null); // what nobody measured comes last
      const c = typeof x === "string" ? x.localeCompare(y) : x - y;
      return down ? -c : c;
    };
    this.ordered = [...this.rows].sort(compare);
    this.heads.forEach((head, i) => {
      const is = this.columns[i] === column;
      head.setAttribute("aria-sort", is ? (down ? "descending" : "ascending") : "none");
      head.querySelector(".arrow").textContent = is ? (down ? "▾" : "▴") : "";
    });
    this.show(this.passes, this.chosen, this.around);
  }

  // draw makes the rows that can be seen, unless they are there; all anew if they changed.
  draw(changed) {
    const height = this.box.clientHeight;
    if (height === 0) return;
    const fit = Math.ceil(height / rowHeight); // rows; after a filter, there may be fewer than were scrolled over
    const top = Math.min(Math.floor(this.box.scrollTop / rowHeight), Math.max(this.shown.length - fit, 0));
    const first = Math.max(top - spare, 0), last = Math.min(top + fit + spare, this.shown.length);
    if (!changed && first === this.first && last === this.last) return;
    this.first = first;
    this.last = last;
    const focused = this.body.contains(document.activeElement);
    const old = [...this.body.children];
    this.body.append(...this.shown.slice(first, last).map((row, i) => this.row(row, first + i)));
    this.roll.style.paddingTop = first * rowHeight + "px";
    this.roll.style.paddingBottom = (this.shown.length - last) * rowHeight + "px";
    // The old rows go last: with less to scroll for a moment, the browser would scroll up,
    // and with the focus nowhere, the keyboard would be lost.
    const at = this.shown.indexOf(this.active) - first;
    if (focused && at >= 0 && at < last - first) this.body.children[old.length + at].focus({ preventScroll: true });
    for (const tr of old) tr.remove();
  }

  row(row, i) {
    const chosen = row === this.chosen;
    const reachable = this.active ? row === this.active : i === this.first;
    return make("tr", {
      "aria-rowindex": i + 2,
      "aria-selected": String(chosen),
      tabindex: reachable ? "0" : "-1",
      class: row.state + (this.around && this.around.has(row) ? " around" : ""),
    }, ...this.columns.map((c) => {
      const m = c.of(row);
      return make("td", { class: c.class, title: c.number ? null : c.full(row) }, m ? m[1] : "–");
    }));
  }

  // reveal scrolls to a row.
  reveal(row) {
    const i = this.shown.indexOf(row);
    if (i < 0) return;
    const head = this.heads[0].offsetHeight, top = i * rowHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + rowHeight + head > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + rowHeight + head - this.box.clientHeight;
    this.draw();
  }

  key(event) {
    const at = this.shown.indexOf(this.rowOf(event.target));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(Math.floor(this.box.clientHeight / rowHeight) - 2, 1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.shown.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      this.active = this.shown[Math.min(Math.max(to, 0), this.shown.length - 1)];
      this.reveal(this.active);
      this.draw(true);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(this.shown[at], event);
    }
  }
}

const name = (title, of) => ({ title, of: (row) => [of(row).label, of(row).label], full: (row) => of(row).full || of(row).label, class: "name" });
const number = (title, of, more = {}) => ({ title, of, number: true, class: "number", ...more });
const errorShare = (row) => row.errors && [row.errors[0], mark(row) + row.errors[1]];
const word = (title, of) => ({ title, of: (row) => [of(row), of(row)], full: of, class: "word" });

const edgeColumns = [
  name("Caller", (e) => e.from),
  name("Callee", (e) => e.to),
  word("Kind", (e) => e.kind),
  number("Calls", (e) => e.calls, { first: true }),
  number("Rate", (e) => e.rate),
  number("Errors", errorShare, { class: "number errors" }),
  number("p50", (e) => e.latency.p50),
  number("p95", (e) => e.latency.p95),
  number("p99", (e) => e.latency.p99),
];

const nodeColumns = [
  name("Service", (n) => n),
  word("Type", (n) => n.type),
  number("Requests", (n) => n.calls, { first: true }),
  number("Rate", (n) => n.rate),
  number("Errors", errorShare, { class: "number errors" }),
  number("p50", (n) => n.p50),
  number("p95", (n) => n.p95),
  number("p99", (n) => n.p99),
  number("Callers", (n) => [n.in.length, String(n.in.length)]),
  number("Callees", (n) => [n.out.length, String(n.out.length)]),
];
