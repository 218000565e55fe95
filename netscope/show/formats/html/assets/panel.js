/* How it was counted: the arithmetic behind a row's figures, beside it. */

class Panel {
  constructor(grid) {
    this.grid = grid;
    this.body = make("div", { class: "inner", tabindex: 0, role: "region", "aria-label": "How it was counted" });
    this.title = make("h2", { id: "panel-title", tabindex: "-1" });
    this.box = make(
      "div",
      { class: "panel", role: "dialog", "aria-labelledby": "panel-title", hidden: true },
      make("div", { class: "head" }, this.title, button("×", "Close (Esc)", () => this.close())),
      this.body
    );
    document.body.append(this.box);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.box.hidden) this.close();
    });
    // Where a pointer pressed, and nowhere when it was a key.
    document.addEventListener("pointerdown", (event) => (this.pressed = event.clientX), true);
    document.addEventListener("keydown", () => (this.pressed = null), true);
    selection.on(this);
  }

  get opened() {
    return !this.box.hidden;
  }

  selected(path) {
    if (this.opened) this.fill(path);
  }

  explained(path, key) {
    if (!this.fill(path, key)) return;
    if (!this.opened) this.open();
    this.title.focus({ preventScroll: true });
  }

  /** Open on the side where what was asked about is not. */
  open() {
    this.before = document.activeElement;
    const asked = this.before === document.body ? null : this.before.getBoundingClientRect();
    const x = this.pressed ? this.pressed : asked ? asked.left + Math.min(asked.width, innerWidth) / 2 : 0;
    this.box.classList.toggle("left", x > innerWidth / 2);
    this.box.hidden = false;
  }

  /** What is known of a row; false where there is no such row. */
  fill(path, key) {
    const { grid } = this;
    const row = grid.places.get(path);
    if (row === undefined) return false;
    this.title.textContent = path || "(root)";
    const marks = grid.marks.get(row);
    const state = grid.states.get(row);
    const lines = grid.derivation(row).map(([label, formula, value, note]) => {
      const sum = make("div", { class: "sum" });
      if (formula) sum.append(make("code", null, formula), " = ");
      sum.append(make("b", null, value));
      return make("div", null, make("dt", null, label), make("dd", null, sum, note ? make("small", null, note) : null));
    });
    const values = grid.columns
      .filter((column) => column.text(row, false) !== "" && !SAID.has(column.key))
      .map((column) => {
        const [whole, own] = [column.text(row, false), column.text(row, true)];
        const mine = own !== whole && own !== "" ? make("small", null, `its own ${own}`) : null;
        const attributes = { title: column.help, class: column.key === key ? "asked" : null };
        return make("div", attributes, make("dt", null, column.title === "%" ? "% of MACs" : column.title), make("dd", null, whole, mine));
      });
    this.body.replaceChildren(
      make("p", { class: "what" }, grid.operators[row], marks ? make("span", { class: "mark" }, ` ${marks}`) : null),
      ...(state ? [make("p", { class: "state" }, STATES[state] || state)] : []),
      ...(lines.length ? [make("h3", null, "How it was counted"), make("dl", { class: "sums" }, ...lines)] : []),
      make("h3", null, "All that is known"),
      make("dl", { class: "known" }, ...values)
    );
    this.body.scrollTop = 0;
    return true;
  }

  close() {
    this.box.hidden = true;
    if (this.before && this.before.isConnected) this.before.focus({ preventScroll: true });
  }
}

// What others say as well.
const SAID = new Set(["input_shape", "output_shape", "weight_shape", "bias_shape", "operator"]);

const STATES = {
  raised: `${LOOKS.failed.sign} ${LOOKS.failed.said}`,
  stopped: `${LOOKS.failed.sign} the forward failed within`,
  unreached: "not reached: the forward failed before",
  uncalled: "not called",
  unseen: "not called that was seen",
  "by parent": "not called, its parameters were read by others",
};
