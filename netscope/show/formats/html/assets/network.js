/* The network: what of it is open, by what it is coloured, what is searched for. */

/** Whether a box is a row by itself. */
const isRow = (node) => node.path !== "";
const quantityName = (key) => LOOKS.quantities[key][0];

class Network {
  constructor(place, drawing, grid) {
    this.drawing = drawing;
    this.grid = grid;
    this.open = new Set(drawing.opened);
    this.placing = new Placing(drawing);
    this.quantity = null;
    this.chosen = null;
    this.scene = new Scene(`The network ${drawing.name}`, {
      look: (box) => this.look(box),
      pressed: (box, event) => this.press(box, event),
      pointed: (box) => selection.hover(box && box.path, this),
      explains: grid !== null,
    });
    this.legend = make("div", { class: "legend", hidden: true });
    place.append(
      this.bar(),
      make("div", { class: "stage" }, this.scene.canvas.svg, this.scene.canvas.tools(), this.legend),
      make("p", { class: "foot" }, make("span", { class: "keys" }, "drag to move · ctrl and wheel to zoom · Enter opens · i explains"))
    );
    this.update();
    if (this.first) this.colour(this.first);
    this.scene.canvas.begin();
    for (const key of drawing.failed) this.show(key);
    selection.on(this);
  }

  bar() {
    const { values } = this.drawing;
    const known = [...values].filter(([, of]) => [...of.values()].some((value) => value));
    const choices = [["", "kind"], ...known.map(([key]) => [key, quantityName(key)])];
    // What was measured is what was asked for.
    this.first = known.length && ["time", "bound"].includes(known[0][0]) ? known[0][0] : "";
    const colour = chooser("Colour", choices, this.first, (key) => this.colour(key || null));
    this.found = make("span", { class: "found", role: "status" });
    this.steps = make(
      "span",
      { class: "steps", hidden: true },
      button("↑", "Previous found", () => this.next(-1)),
      button("↓", "Next found", () => this.next(1)),
      this.found
    );
    this.search = make("input", {
      type: "search",
      placeholder: "Find a layer",
      "aria-label": "Find a layer in the network",
      input: () => this.find(),
      keydown: (event) => {
        if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
        else if (event.key === "Escape" && this.search.value) {
          this.search.value = "";
          this.find();
          event.stopPropagation();
        } else return;
        event.preventDefault();
      },
    });
    return make(
      "div",
      { class: "bar", role: "toolbar", "aria-label": "Network" },
      make("h2", null, "Network"),
      this.search,
      this.steps,
      known.length ? colour : null,
      button("⊟", "Close all boxes", () => {
        this.open = new Set();
        this.placing = new Placing(this.drawing);
        this.update();
        this.scene.canvas.begin();
      })
    );
  }

  update() {
    const { boxes, edges, width, height } = this.placing.all(this.open);
    this.scene.set(boxes, edges, width, height, () => this.weigh());
    this.mark();
  }

  // How a box looks

  look(box) {
    const { node, path } = box;
    const classes = [node.of && `kind-${node.of}`];
    if (this.drawing.failed.has(box.key)) classes.push("failed");
    const value = this.quantity ? this.valueText(box) : "";
    const fill = this.quantity && !box.open ? this.fill(box) : null;
    const name = isRow(node) ? path : node.label;
    const times = node.times > 1 ? `, ${node.times} times` : "";
    const lines = [name || this.drawing.name, node.below, ...node.marks, value && `${quantityName(this.quantity)} ${value}`];
    if (node.times > 1) lines.splice(1, 0, `${node.times} that are the same`);
    if (classes.includes("failed")) lines.push(`${LOOKS.failed.sign} ${LOOKS.failed.said}`);
    return {
      classes: classes.filter(Boolean).join(" "),
      fill,
      label: [`${node.label || node.kind}${times}`, node.below, value].filter(Boolean).join(", "),
      tip: lines,
      sign: classes.includes("failed") ? LOOKS.failed.sign : "",
    };
  }

  /** What a box counts for: undefined where that makes no sense, null where it is not known. */
  value(box) {
    const { node } = box;
    if (node.kind === "operator") return this.quantity === "macs" ? node.macs : undefined;
    const of = this.drawing.values.get(this.quantity);
    if (isRow(node)) return of.has(box.path) ? of.get(box.path) : undefined;
    if (node.inside < 0) return undefined;
    const values = [...this.rowsWithin(node.inside, box.path)].filter((path) => of.has(path)).map((path) => of.get(path));
    if (!values.length) return undefined;
    return values.includes(null) ? null : values.reduce((sum, value) => sum + value, 0);
  }

  /** The rows directly within a box without a row, each once: many calls of one module are one row. */
  rowsWithin(index, around, found = new Set()) {
    for (const node of this.drawing.groups[index].nodes) {
      const path = this.drawing.pathOf(around, node);
      if (isRow(node)) found.add(path);
      else if (node.inside >= 0) this.rowsWithin(node.inside, path, found);
    }
    return found;
  }

  valueText(box) {
    const value = this.value(box);
    if (value === undefined) return "";
    if (value === null) return "?";
    const column = this.grid && this.grid.column(this.quantity);
    const row = isRow(box.node) && column ? this.grid.places.get(box.path) : undefined;
    return row === undefined ? figure(this.quantity, value) : column.text(row, false);
  }

  fill(box) {
    const value = this.value(box);
    if (value === undefined) return null;
    if (value === null) return "url(#hatch)";
    const part = this.most ? Math.sqrt(Math.max(0, value) / this.most) : 0;
    return `color-mix(in oklab, var(--heat) ${Math.round(part * 100)}%, var(--card))`;
  }

  colour(key) {
    this.quantity = key;
    this.weigh();
    this.scene.redraw();
    this.mark();
  }

  /** The most that a closed box counts for, of those that are to be seen, and the legend of it. */
  weigh() {
    this.legend.hidden = !this.quantity;
    this.most = 0;
    if (!this.quantity) return;
    let [most, unknown] = [null, false];
    for (const box of this.scene.boxes) {
      const value = box.open ? undefined : this.value(box);
      if (value === null) unknown = true;
      if (value > this.most) [this.most, most] = [value, box];
    }
    this.legend.replaceChildren(
      make("span", null, quantityName(this.quantity)),
      make("span", null, "0"),
      make("i", { class: "ramp" }),
      make("span", null, most ? this.valueText(most) : "0"),
      unknown ? make("span", { class: "hatched" }, "not known") : ""
    );
  }

  // What is pressed

  press(box, event) {
    const { node } = box;
    this.chosen = box.key;
    this.scene.current = box.key;
    const asked = event.type === "keydown" ? event.key === "i" : event.target.closest(".info") !== null;
    selection.select(box.path, this);
    if (node.inside >= 0 && !asked) this.toggle(box);
    else if (node.kind !== "input" && node.kind !== "output") selection.explain(this.rowPath(box));
    this.mark();
  }

  /** The row of an operator is that of its module's own work, where it has one. */
  rowPath({ node, path }) {
    const own = path ? `${path}.(functional)` : "(functional)";
    return node.kind === "operator" && this.grid && this.grid.places.has(own) ? own : path;
  }

  /** Open or close a box, which stays where it is. */
  toggle(box) {
    if (this.open.has(box.key)) this.open.delete(box.key);
    else this.open.add(box.key);
    this.placing.forget(box.key);
    this.update();
    const now = this.scene.byKey.get(box.key);
    const { canvas } = this.scene;
    canvas.by((box.x + box.w / 2 - now.x - now.w / 2) * canvas.scale, (box.y - now.y) * canvas.scale);
    say(`${box.node.label} ${this.open.has(box.key) ? "opened" : "closed"}`);
  }

  /** Open all around a box. */
  openAround(key) {
    let changed = false;
    for (let dot = key.indexOf("."); dot >= 0; dot = key.indexOf(".", dot + 1)) {
      const around = key.slice(0, dot);
      if (this.open.has(around)) continue;
      this.open.add(around);
      this.placing.forget(around);
      changed = true;
    }
    if (changed) this.update();
  }

  /** The boxes by the names of their rows, the first of each. */
  get places() {
    if (!this.known) {
      this.known = new Map();
      this.drawing.walk((key, path, node) => {
        if (isRow(node) && !this.known.has(path)) this.known.set(path, key);
      });
    }
    return this.known;
  }

  /** Open what is around a row's box, and bring it in sight. */
  reveal(path) {
    const key = this.places.get(path.replace(/\.?\(functional\)$/, ""));
    if (key !== undefined) this.show(key);
  }

  show(key) {
    this.openAround(key);
    const box = this.scene.byKey.get(key);
    this.scene.current = key;
    this.scene.canvas.show(box.x, box.y, box.w, Math.min(box.h, 120));
  }

  // What is searched for

  find() {
    const query = this.search.value.trim().toLowerCase();
    this.hits = [];
    this.hit = -1;
    this.steps.hidden = !query;
    if (query) {
      this.drawing.walk((key, path, node) => {
        if (node.kind === "run") return;
        const name = node.kind === "module" ? path : node.label;
        if (`${name} ${node.below}`.toLowerCase().includes(query)) this.hits.push(key);
      });
    }
    this.found.textContent = query ? (this.hits.length ? `${counted(this.hits.length)} found` : "none") : "";
    if (this.hits.length) this.next(1);
    else {
      this.chosen = null;
      this.mark();
    }
  }

  next(step) {
    if (!this.hits || !this.hits.length) return;
    this.hit = (this.hit + step + this.hits.length) % this.hits.length;
    const key = this.hits[this.hit];
    this.openAround(key);
    const box = this.scene.byKey.get(key);
    this.chosen = key;
    this.scene.current = key;
    this.scene.canvas.show(box.x, box.y, box.w, Math.min(box.h, 120));
    selection.select(box.path, this);
    this.mark();
    this.found.textContent = `${this.hit + 1} of ${counted(this.hits.length)}`;
  }

  // What other parts say

  selected(path, from) {
    if (from !== this) {
      this.chosen = null;
      if (path !== null) this.reveal(path);
    }
    this.mark();
  }

  hovered(path) {
    const shown = path === null ? null : this.nearest(path);
    this.scene.mark("hovered", (box) => box.key === shown);
  }

  /** The box of a row, or the innermost around it that is to be seen. */
  nearest(path) {
    let key = this.places.get(path.replace(/\.?\(functional\)$/, ""));
    while (key && !this.scene.byKey.has(key)) {
      const dot = key.lastIndexOf(".");
      key = dot < 0 ? null : key.slice(0, dot);
    }
    return key === undefined ? null : key;
  }

  mark() {
    const { path } = selection;
    this.scene.mark("selected", (box) => box.key === this.chosen || (this.chosen === null && isRow(box.node) && box.path === path));
  }
}
