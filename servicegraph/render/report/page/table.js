// @ts-check
// A sortable table of any length. Only the visible rows are in the document.

import { sorted } from "./columns.js";
import { make } from "./dom.js";

const rowHeight = 27; // pixels, as in the style sheet
const extraRows = 12; // above and below the visible rows, so that scrolling shows no gaps

export class Table {
  // A column has a title, a function that returns the measure of a row (a value to sort by
  // and a text), and a flag for numbers.
  constructor(box, label, columns, { onChoose, onSort }) {
    this.box = box;
    this.columns = columns;
    this.onChoose = onChoose; // called with a row after a click or Enter
    this.onSort = onSort; // called when the user sorts
    this.rows = [];
    this.shown = [];
    this.passes = () => true;
    this.active = null; // the row with the keyboard focus
    this.sort = { column: columns.find((c) => c.first), down: true };
    this.heads = columns.map((c) => make("th", { scope: "col", class: c.class },
      make("button", { type: "button", onclick: () => this.sortBy(c, this.sort.column === c ? !this.sort.down : Boolean(c.number), true) },
        c.title, make("span", { class: "arrow", "aria-hidden": "true" }))));
    this.body = make("tbody");
    this.table = make("table", { role: "grid", "aria-label": label },
      make("thead", {}, make("tr", { "aria-rowindex": 1 }, ...this.heads)), this.body);
    this.emptyText = make("p", { class: "none", hidden: true });
    this.spacer = make("div", {}, this.table); // its padding stands for the rows that are not in the document
    box.replaceChildren(this.spacer, this.emptyText);
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
    this.body.addEventListener("click", (event) => {
      const row = this.rowOf(event.target);
      if (row) this.onChoose(row, event);
    });
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("focusin", (event) => { this.active = this.rowOf(event.target) || this.active; });
  }

  rowOf(target) {
    const tr = target.closest("tbody tr");
    return tr ? this.shown[Number(tr.getAttribute("aria-rowindex")) - 2] : null;
  }

  // setRows replaces the rows.
  setRows(rows) {
    this.active = this.active && rows.find((row) => row.key === this.active.key) || null;
    this.rows = rows;
    this.emptyText.textContent = rows.length > 0 ? "Nothing matches." : "This table is empty.";
    this.sortRows();
  }

  // show shows the rows for which passes is true, and marks the chosen row and the rows
  // around it.
  show(passes, chosen, around) {
    this.passes = passes;
    this.chosen = chosen;
    this.around = around;
    this.shown = this.ordered.filter(passes);
    if (!this.shown.includes(this.active)) this.active = null; // a hidden row cannot have the focus
    this.emptyText.hidden = this.shown.length > 0;
    this.table.setAttribute("aria-rowcount", this.shown.length + 1);
    this.draw(true);
  }

  sortBy(column, down, byUser) {
    this.sort = { column, down };
    this.sortRows();
    this.box.scrollTop = 0;
    if (byUser) this.onSort();
  }

  sortRows() {
    const { column, down } = this.sort;
    this.ordered = sorted(this.rows, column, down);
    this.heads.forEach((head, i) => {
      const is = this.columns[i] === column;
      head.setAttribute("aria-sort", is ? (down ? "descending" : "ascending") : "none");
      head.querySelector(".arrow").textContent = is ? (down ? "▾" : "▴") : "";
    });
    this.show(this.passes, this.chosen, this.around);
  }

  // draw makes the visible rows, unless they exist and nothing changed.
  draw(changed) {
    const height = this.box.clientHeight; // 0 for a folded table: then a few rows stay
    if (height === 0 && this.body.children.length <= 2 * extraRows) return;
    const fit = Math.ceil(height / rowHeight); // rows; a filter may leave fewer rows than were scrolled over
    const top = Math.min(Math.floor(this.box.scrollTop / rowHeight), Math.max(this.shown.length - fit, 0));
    const first = Math.max(top - extraRows, 0), last = Math.min(top + fit + extraRows, this.shown.length);
    if (!changed && first === this.first && last === this.last) return;
    this.first = first;
    this.last = last;
    const focused = this.body.contains(document.activeElement);
    const old = [...this.body.children];
    this.body.append(...this.shown.slice(first, last).map((row, i) => this.row(row, first + i)));
    this.spacer.style.paddingTop = first * rowHeight + "px";
    this.spacer.style.paddingBottom = (this.shown.length - last) * rowHeight + "px";
    // The old rows are removed last: otherwise the table would be too short for a moment, so
    // the browser would scroll up, and the keyboard focus would be lost.
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
      this.onChoose(this.shown[at], event);
    }
  }
}
