/* A picture that is moved and zoomed. It knows nothing of what it shows. */

const LEAST = 0.04;
const MOST = 3;

class Canvas {
  /** `changed` is called once a frame after a move. */
  constructor(label, changed) {
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.size = { width: 1, height: 1 };
    this.world = draw("g");
    this.defs = draw("defs");
    this.defs.append(
      draw(
        "pattern",
        { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        draw("rect", { width: 6, height: 6, class: "hatch-ground" }),
        draw("rect", { width: 2, height: 6, class: "hatch-line" })
      )
    );
    this.svg = draw("svg", { class: "canvas", role: "group", "aria-label": label }, this.defs, this.world);
    this.now = () => {
      this.world.setAttribute("transform", `translate(${this.x} ${this.y}) scale(${this.scale})`);
      changed();
    };
    this.changed = inFrame(this.now);
    this.pointers = new Map();
    this.listen();
    this.print();
  }

  listen() {
    const { svg } = this;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.moved(event));
    for (const kind of ["pointerup", "pointercancel"]) svg.addEventListener(kind, (event) => this.up(event));
    svg.addEventListener("click", (event) => this.dragged && event.stopPropagation(), true);
    svg.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const box = svg.getBoundingClientRect();
        this.zoom(Math.exp(-event.deltaY * 0.004), event.clientX - box.left, event.clientY - box.top);
      },
      { passive: false }
    );
    // Where there was no room when it was made, as in a notebook, there is some later.
    new ResizeObserver(() => (this.untouched ? this.begin() : this.changed())).observe(svg);
  }

  /** On paper all of it is in sight, as large as there is room. */
  print() {
    const { svg } = this;
    let before = null;
    addEventListener("beforeprint", () => {
      const { width, height } = this.size;
      before = before || [this.x, this.y, this.scale];
      [this.x, this.y, this.scale] = [0, 0, 1];
      this.whole = { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };
      svg.setAttribute("viewBox", `-16 -16 ${width + 32} ${height + 32}`);
      this.now();
    });
    addEventListener("afterprint", () => {
      if (before) [this.x, this.y, this.scale] = before;
      this.whole = before = null;
      svg.removeAttribute("viewBox");
      this.now();
    });
  }

  get width() {
    return this.svg.clientWidth;
  }

  get height() {
    return this.svg.clientHeight;
  }

  down(event) {
    if (event.button) return;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 1) [this.dragged, this.from] = [false, [event.clientX, event.clientY]];
  }

  moved(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const now = [event.clientX, event.clientY];
    if (!this.dragged) {
      if (Math.hypot(now[0] - this.from[0], now[1] - this.from[1]) < 4) return;
      this.dragged = true;
      this.svg.setPointerCapture(event.pointerId);
      this.svg.classList.add("dragging");
    }
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (others.length) {
      const [x, y] = others[0][1];
      const box = this.svg.getBoundingClientRect();
      const factor = Math.hypot(now[0] - x, now[1] - y) / Math.max(1, Math.hypot(last[0] - x, last[1] - y));
      this.zoom(factor, (now[0] + x) / 2 - box.left, (now[1] + y) / 2 - box.top);
    } else {
      this.by(now[0] - last[0], now[1] - last[1]);
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.svg.classList.remove("dragging");
    if (event.type === "pointercancel") this.dragged = false;
  }

  by(dx, dy) {
    this.untouched = false;
    this.x += dx;
    this.y += dy;
    this.changed();
  }

  /** Zoom around a point of the picture, its middle without one. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    this.untouched = false;
    const scale = Math.max(LEAST, Math.min(MOST, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.changed();
  }

  /** All of it in sight. */
  fit() {
    this.untouched = false;
    const { width, height } = this.size;
    const scale = Math.min((this.width - 32) / Math.max(1, width), (this.height - 32) / Math.max(1, height), 1);
    this.scale = Math.max(LEAST, scale);
    this.x = (this.width - width * this.scale) / 2;
    this.y = Math.max(16, (this.height - height * this.scale) / 2);
    this.changed();
  }

  /** As much as can be read, from the top. */
  begin() {
    this.fit();
    this.y = 16;
    this.untouched = true;
    if (this.scale >= 0.7) return;
    const { width } = this.size;
    this.scale = Math.max(0.7, Math.min(1, (this.width - 32) / Math.max(1, width)));
    this.x = (this.width - width * this.scale) / 2;
    this.y = 16;
    this.changed();
  }

  /** Move so that a box is in sight, in the middle unless it is already. */
  show(x, y, w, h) {
    const { scale } = this;
    const left = x * scale + this.x;
    const top = y * scale + this.y;
    const seen = left >= 0 && top >= 0 && left + w * scale <= this.width && top + h * scale <= this.height;
    if (seen && scale >= 0.35) return;
    this.untouched = false;
    if (scale < 0.35) this.scale = 0.8;
    this.x = this.width / 2 - (x + w / 2) * this.scale;
    this.y = h * this.scale > this.height ? 24 - y * this.scale : this.height / 2 - (y + h / 2) * this.scale;
    this.changed();
  }

  /** What of the world is in sight, with a margin. */
  view() {
    if (this.whole) return this.whole;
    const margin = 80;
    return {
      left: (-margin - this.x) / this.scale,
      top: (-margin - this.y) / this.scale,
      right: (this.width + margin - this.x) / this.scale,
      bottom: (this.height + margin - this.y) / this.scale,
    };
  }

  /** Where a pointer is in the world. */
  at(event) {
    const box = this.svg.getBoundingClientRect();
    return [(event.clientX - box.left - this.x) / this.scale, (event.clientY - box.top - this.y) / this.scale];
  }

  /** Buttons that zoom. */
  tools() {
    return make(
      "div",
      { class: "zoom", role: "group", "aria-label": "Zoom" },
      button("+", "Zoom in (+)", () => this.zoom(1.3)),
      button("−", "Zoom out (-)", () => this.zoom(1 / 1.3)),
      button("⤢", "Fit all (0)", () => this.fit())
    );
  }

  /** Whether that key moved or zoomed it. */
  key(event) {
    const keys = { "+": () => this.zoom(1.3), "=": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3), 0: () => this.fit() };
    if (!keys[event.key]) return false;
    keys[event.key]();
    return true;
  }
}
