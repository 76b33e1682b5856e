// @ts-check
// Pan and zoom. The visible part of the diagram is the view box of the SVG. A change of the
// view box makes the browser paint, and a change of the scale makes the browser measure all
// text again. So during a movement the painted diagram is transformed, and the view box
// changes at the end.

import { reducedMotion } from "./dom.js";

const maxScale = 6; // screen pixels per pixel of the diagram
export const maxFit = 1.4; // the largest scale at which the whole diagram is shown
export const margin = 14; // around the diagram, in its pixels
const corner = { width: 62, height: 124 }; // the buttons at the bottom right with the space around them, in screen pixels

export class Viewport {
  constructor(box, onMoved) {
    this.box = box; // the element around the diagram
    this.onMoved = onMoved; // called at the end of a movement
    this.svg = null;
    this.pointers = new Map();
    this.dragged = false;
    this.fitted = true; // the whole diagram is visible, and stays so after a change of size
    this.room = null; // the size of the element, as far as it is known without a layout of the page
    new ResizeObserver(([{ contentRect }]) => this.resized(contentRect)).observe(box);
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    box.addEventListener("pointerdown", (event) => this.down(event));
    box.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"]) box.addEventListener(type, (event) => this.up(event));
    box.addEventListener("click", (event) => { // the end of a drag is not a click
      if (this.dragged) event.stopPropagation();
      this.dragged = false;
    }, true);
  }

  // show sets the diagram and the bounds of its visible part; null means all of it. The
  // view stays, unless the whole diagram was visible.
  show(svg, part) {
    this.svg = svg;
    this.painted = null;
    if (!svg) return;
    const { x, y, width, height } = part || svg.viewBox.baseVal;
    this.size = { x, y, width: width || 100, height: height || 100 };
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    if (this.fitted) this.fit();
    else this.schedulePaint();
  }

  get fitScale() {
    const { width, height } = this.room || { width: this.box.clientWidth, height: this.box.clientHeight };
    return Math.min(width / this.size.width, height / this.size.height);
  }

  // fit shows the whole diagram.
  fit() {
    if (!this.svg) return;
    this.fitted = true;
    const { width, height } = this.size, scale = Math.min(this.fitScale, maxFit), left = this.clearScale(scale);
    this.setView({ x: this.size.x + width / 2 + (left < scale ? corner.width / 2 / left : 0), y: this.size.y + height / 2, scale: left });
  }

  // clearScale returns the given scale, or a smaller one if the buttons in the corner would cover a
  // part of the diagram. With the smaller scale, the diagram is beside the buttons.
  clearScale(scale) {
    const { width, height } = this.room || { width: this.box.clientWidth, height: this.box.clientHeight };
    const right = (width - this.size.width * scale) / 2, bottom = (height - this.size.height * scale) / 2;
    if (right >= corner.width || bottom >= corner.height || width < 4 * corner.width) return scale;
    return Math.min(scale, (width - corner.width) / this.size.width);
  }

  resized(room) {
    this.room = room;
    if (!this.svg) return;
    this.painted = null; // the painted diagram has the wrong size
    if (this.fitted) this.fit();
    else this.schedulePaint();
  }

  // setView moves the view to a center and a scale, in coordinates of the diagram.
  setView(view) {
    const lowest = Math.min(this.fitScale, 1) / 2;
    this.view = { x: view.x, y: view.y, scale: Math.min(Math.max(view.scale, lowest), maxScale) };
    this.schedulePaint();
  }

  // schedulePaint shows the view in the next frame.
  schedulePaint() {
    if (this.frameRequest || !this.view) return;
    this.frameRequest = requestAnimationFrame(() => {
      this.frameRequest = 0;
      if (!this.svg) return;
      const zoom = this.painted ? this.view.scale / this.painted.scale : 0;
      if (this.moving && zoom > 0.5 && zoom < 2) this.transform(zoom);
      else this.paint();
    });
  }

  // transform moves and scales the painted diagram.
  transform(zoom) {
    const { x, y, scale } = this.view;
    this.svg.style.willChange = "transform";
    this.svg.style.transform = `translate(${(this.painted.x - x) * scale}px, ${(this.painted.y - y) * scale}px) scale(${zoom})`;
  }

  // paint sets the view box, so that the browser paints the diagram.
  paint() {
    const { x, y, scale } = this.view;
    const w = this.box.clientWidth / scale, h = this.box.clientHeight / scale;
    if (!(w > 0 && h > 0 && Number.isFinite(w + h))) return; // the canvas has no size yet
    this.svg.style.willChange = this.svg.style.transform = "";
    this.svg.setAttribute("viewBox", [x - w / 2, y - h / 2, w, h].map((v) => v.toFixed(2)).join(" "));
    this.painted = { x, y, scale };
  }

  // animateTo moves the view within 220 ms, or at once if the user prefers reduced motion.
  animateTo(to) {
    cancelAnimationFrame(this.animation);
    this.fitted = false;
    const from = this.view, began = performance.now();
    if (reducedMotion.matches || !from) {
      this.setView(to);
      return this.waitForRest();
    }
    const step = (now) => {
      this.moving = true;
      const t = Math.min(Math.max((now - began) / 220, 0), 1), ease = t * (2 - t);
      this.setView({
        x: from.x + (to.x - from.x) * ease,
        y: from.y + (to.y - from.y) * ease,
        scale: from.scale * (to.scale / from.scale) ** ease,
      });
      if (t < 1) this.animation = requestAnimationFrame(step);
      else this.waitForRest();
    };
    this.animation = requestAnimationFrame(step);
  }

  // reveal moves the view so that a box of the diagram is visible. With center, the box is
  // also large enough to read.
  reveal({ x, y, width, height }, center) {
    if (!this.svg || !this.view) return;
    const scale = center ? Math.max(this.view.scale, 0.9) : this.view.scale;
    const w = this.box.clientWidth / scale / 2, h = this.box.clientHeight / scale / 2, margin = 24 / scale;
    const inside = x >= this.view.x - w + margin && x + width <= this.view.x + w - margin &&
      y >= this.view.y - h + margin && y + height <= this.view.y + h - margin;
    if (!inside || scale !== this.view.scale) this.animateTo({ x: x + width / 2, y: y + height / 2, scale });
  }

  // frame moves the view so that a box of the diagram fills the window.
  frame({ x, y, width, height }) {
    if (!this.svg || !this.view) return;
    const scale = Math.min(this.box.clientWidth / (width + 2 * margin), this.box.clientHeight / (height + 2 * margin), 1.6);
    this.animateTo({ x: x + width / 2, y: y + height / 2, scale });
  }

  // inDiagram returns the coordinates in the diagram of a point of the window.
  inDiagram(clientX, clientY) {
    const frame = this.box.getBoundingClientRect();
    return {
      x: this.view.x + (clientX - frame.left - frame.width / 2) / this.view.scale,
      y: this.view.y + (clientY - frame.top - frame.height / 2) / this.view.scale,
    };
  }

  // zoom scales the view by a factor. The point of the window, by default the center, stays
  // in place.
  zoom(factor, clientX, clientY) {
    if (!this.svg || !this.view) return;
    cancelAnimationFrame(this.animation);
    const frame = this.box.getBoundingClientRect();
    clientX ??= frame.left + frame.width / 2;
    clientY ??= frame.top + frame.height / 2;
    const fixed = this.inDiagram(clientX, clientY), before = this.view.scale;
    this.fitted = false;
    this.setView({ ...this.view, scale: before * factor });
    const ratio = 1 - before / this.view.scale;
    this.view.x += (fixed.x - this.view.x) * ratio;
    this.view.y += (fixed.y - this.view.y) * ratio;
    this.waitForRest();
  }

  // pan moves the diagram by screen pixels.
  pan(dx, dy) {
    if (!this.svg || !this.view) return;
    cancelAnimationFrame(this.animation);
    this.fitted = false;
    this.setView({ ...this.view, x: this.view.x - dx / this.view.scale, y: this.view.y - dy / this.view.scale });
    this.waitForRest();
  }

  // waitForRest paints and calls onMoved when the view has not changed for 150 ms.
  waitForRest() {
    this.moving = true;
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => {
      this.moving = false;
      this.schedulePaint();
      this.onMoved();
    }, 150);
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0018; // browsers report a pinch on a touchpad as a wheel with Ctrl
    this.zoom(Math.exp(-event.deltaY * lines * speed), event.clientX, event.clientY);
  }

  down(event) {
    if (this.pointers.size === 0) this.dragged = false;
    if (!this.svg || event.button !== 0 || event.target.closest("button")) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, traveled: 0 });
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const dx = event.clientX - last.x, dy = event.clientY - last.y;
    last.traveled += Math.abs(dx) + Math.abs(dy);
    if (!this.dragged && this.pointers.size === 1 && last.traveled < 4) return;
    if (!this.dragged) {
      this.dragged = true;
      this.box.setPointerCapture(event.pointerId);
      this.box.classList.add("dragging");
    }
    if (this.pointers.size === 1) {
      this.pan(dx, dy);
    } else {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
      const before = Math.hypot(last.x - other.x, last.y - other.y), after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      this.pan(dx / 2, dy / 2);
      if (before > 0) this.zoom(after / before, (event.clientX + other.x) / 2, (event.clientY + other.y) / 2);
    }
    last.x = event.clientX;
    last.y = event.clientY;
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size === 0) this.box.classList.remove("dragging");
  }
}
