// Pan and zoom: which part of the picture is seen, as the view box of its SVG. To
// change that, the browser has to paint, and for another scale to measure all text
// again; so while the picture moves, it is moved as it was painted.

const maxScale = 6; // screen pixels for one of the picture

class Viewport {
  constructor(box, moved) {
    this.box = box; // the element that the picture fills
    this.moved = moved; // called when the user has come to rest
    this.svg = null;
    this.pointers = new Map();
    this.dragged = false;
    this.fitted = true; // the whole is seen, and shall be when sizes change
    new ResizeObserver(() => this.resized()).observe(box);
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    box.addEventListener("pointerdown", (event) => this.down(event));
    box.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"]) box.addEventListener(type, (event) => this.up(event));
    box.addEventListener("click", (event) => { // the end of dragging is no click
      if (this.dragged) event.stopPropagation();
      this.dragged = false;
    }, true);
  }

  // show takes over a picture, of which a part is to be seen, null for all of it. The
  // place that is looked at stays, unless it was all.
  show(svg, part) {
    this.svg = svg;
    this.painted = null;
    if (!svg) return;
    const { x, y, width, height } = part || svg.viewBox.baseVal;
    this.size = { x, y, width: width || 100, height: height || 100 };
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    if (this.fitted) this.fit();
    else this.apply();
  }

  get fitScale() {
    const { clientWidth: w, clientHeight: h } = this.box;
    return Math.min(w / this.size.width, h / this.size.height);
  }

  // fit shows the whole picture, a small one not much larger than it is.
  fit() {
    if (!this.svg) return;
    this.fitted = true;
    this.go({ x: this.size.x + this.size.width / 2, y: this.size.y + this.size.height / 2, scale: Math.min(this.fitScale, 1.4) });
  }

  resized() {
    if (!this.svg) return;
    this.painted = null; // it was for another size
    if (this.fitted) this.fit();
    else this.apply();
  }

  // go moves to a centre and a scale, in coordinates of the picture.
  go(at) {
    const lowest = Math.min(this.fitScale, 1) / 2;
    this.at = { x: at.x, y: at.y, scale: Math.min(Math.max(at.scale, lowest), maxScale) };
    this.apply();
  }

  // apply shows the place in the next frame.
  apply() {
    if (this.pending || !this.at) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      if (!this.svg) return;
      const zoom = this.painted ? this.at.scale / this.painted.scale : 0;
      if (this.moving && zoom > 0.5 && zoom < 2) this.shift(zoom);
      else this.paint();
    });
  }

  // shift moves what was painted.
  shift(zoom) {
    const { x, y, scale } = this.at;
    this.svg.style.willChange = "transform";
    this.svg.style.transform = `translate(${(this.painted.x - x) * scale}px, ${(this.painted.y - y) * scale}px) scale(${zoom})`;
  }

  // paint paints the picture anew.
  paint() {
    const { x, y, scale } = this.at;
    const w = this.box.clientWidth / scale, h = this.box.clientHeight / scale;
    if (!(w > 0 && h > 0)) return;
    this.svg.style.willChange = this.svg.style.transform = "";
    this.svg.setAttribute("viewBox", [x - w / 2, y - h / 2, w, h].map((v) => v.toFixed(2)).join(" "));
    this.painted = { x, y, scale };
  }

  // glide moves there in a moment, at once for those who want no motion.
  glide(to) {
    cancelAnimationFrame(this.gliding);
    this.fitted = false;
    const from = this.at, began = performance.now();
    if (calm.matches || !from) {
      this.go(to);
      return this.rest();
    }
    const step = (now) => {
      this.moving = true;
      const t = Math.min(Math.max((now - began) / 220, 0), 1), ease = t * (2 - t);
      this.go({
        x: from.x + (to.x - from.x) * ease,
        y: from.y + (to.y - from.y) * ease,
        scale: from.scale * (to.scale / from.scale) ** ease,
      });
      if (t < 1) this.gliding = requestAnimationFrame(step);
      else this.rest();
    };
    this.gliding = requestAnimationFrame(step);
  }

  // reveal moves so that a box of the picture can be seen; in the middle and large
  // enough to read, if so wanted.
  reveal({ x, y, width, height }, centre) {
    if (!this.svg || !this.at) return;
    const scale = centre ? Math.max(this.at.scale, 0.9) : this.at.scale;
    const w = this.box.clientWidth / scale / 2, h = this.box.clientHeight / scale / 2, margin = 24 / scale;
    const inside = x >= this.at.x - w + margin && x + width <= this.at.x + w - margin &&
      y >= this.at.y - h + margin && y + height <= this.at.y + h - margin;
    if (!inside || scale !== this.at.scale) this.glide({ x: x + width / 2, y: y + height / 2, scale });
  }

  // frame moves so that a box of the picture fills the window.
  frame({ x, y, width, height }) {
    if (!this.svg || !this.at) return;
    const scale = Math.min((this.box.clientWidth - 60) / width, (this.box.clientHeight - 60) / height, 1.6);
    this.glide({ x: x + width / 2, y: y + height / 2, scale });
  }

  // inPicture returns where a point of the window is in the picture.
  inPicture(clientX, clientY) {
    const frame = this.box.getBoundingClientRect();
    return {
      x: this.at.x + (clientX - frame.left - frame.width / 2) / this.at.scale,
      y: this.at.y + (clientY - frame.top - frame.height / 2) / this.at.scale,
    };
  }

  // zoom scales by a factor around a point of the window, which stays where it is.
  zoom(factor, clientX, clientY) {
    if (!this.svg || !this.at) return;
    cancelAnimationFrame(this.gliding);
    const frame = this.box.getBoundingClientRect();
    clientX ??= frame.left + frame.width / 2;
    clientY ??= frame.top + frame.height / 2;
    const fixed = this.inPicture(clientX, clientY), before = this.at.scale;
    this.fitted = false;
    this.go({ ...this.at, scale: before * factor });
    const part = 1 - before / this.at.scale;
    this.at.x += (fixed.x - this.at.x) * part;
    this.at.y += (fixed.y - this.at.y) * part;
    this.rest();
  }

  // pan moves the picture by pixels of the screen.
  pan(dx, dy) {
    if (!this.svg || !this.at) return;
    cancelAnimationFrame(this.gliding);
    this.fitted = false;
    this.go({ ...this.at, x: this.at.x - dx / this.at.scale, y: this.at.y - dy / this.at.scale });
    this.rest();
  }

  // rest waits until the picture has come to rest.
  rest() {
    this.moving = true;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.moving = false;
      this.apply();
      this.moved();
    }, 150);
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0018; // a pinch on a touchpad comes as a wheel with Ctrl
    this.zoom(Math.exp(-event.deltaY * lines * speed), event.clientX, event.clientY);
  }

  down(event) {
    if (this.pointers.size === 0) this.dragged = false;
    if (!this.svg || event.button !== 0 || event.target.closest("button")) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, travelled: 0 });
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const dx = event.clientX - last.x, dy = event.clientY - last.y;
    last.travelled += Math.abs(dx) + Math.abs(dy);
    if (!this.dragged && this.pointers.size === 1 && last.travelled < 4) return;
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
