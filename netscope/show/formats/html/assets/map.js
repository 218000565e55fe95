/* The map: how much of the whole each layer has, as an icicle that clicks through. */

const STEP = 24;

/**
 * A tree to be drawn: {count, name(i), path(i), type(i), kind(i), parents, quantities}, in preorder; a quantity is
 * {key, title, value(i), text(i)} of all that is inside. Values that are not known take no room.
 */
class Icicle {
  constructor(place, tree, title) {
    this.tree = tree;
    this.inside = Array.from({ length: tree.count }, () => []);
    for (let i = 1; i < tree.count; i++) if (tree.parents[i] >= 0) this.inside[tree.parents[i]].push(i);
    this.quantity = tree.quantities[0];
    this.top = 0;
    this.stage = make("div", { class: "icicle", role: "group", "aria-label": title });
    this.trail = make("nav", { class: "trail", "aria-label": `${title}: where it is` });
    const choices = tree.quantities.map((one) => [one.key, one.title]);
    const by = chooser("by", choices, this.quantity.key, (key) => {
      this.quantity = tree.quantities.find((one) => one.key === key);
      this.show();
    });
    place.append(make("div", { class: "bar", role: "toolbar", "aria-label": title }, make("h2", null, title), by, this.trail), this.stage);
    this.stage.addEventListener("click", (event) => this.click(event));
    this.stage.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("pointermove", (event) => this.point(event));
    this.stage.addEventListener("pointerleave", () => {
      tip.hide();
      selection.hover(null, this);
    });
    this.stage.addEventListener("focusin", (event) => {
      const row = this.rowOf(event.target);
      if (row !== null) this.tabbable(row);
    });
    this.again = inFrame(() => this.show());
    new ResizeObserver(() => {
      if (this.stage.clientWidth !== this.width) this.again();
    }).observe(this.stage);
    this.show();
    selection.on(this);
  }

  /** Draw what is within the top. */
  show() {
    const { quantity } = this;
    this.width = this.stage.clientWidth;
    const whole = quantity.value(this.top) || 0;
    const rows = [];
    const rests = [];
    let deepest = 0;
    const waiting = [[this.top, 0, 0, this.width]];
    while (waiting.length) {
      const [row, depth, left, width] = waiting.pop();
      rows.push([row, depth, left, width]);
      deepest = Math.max(deepest, depth);
      if (depth + 1 >= LOOKS.map.deepest) continue;
      let x = left;
      const inside = this.inside[row].map((one) => [one, quantity.value(one) || 0]);
      const sum = Math.max(quantity.value(row) || 0, inside.reduce((all, [, value]) => all + value, 0));
      // Those too small to be seen are one together, as far as they are neighbours.
      let small = 0;
      let first = x;
      const rest = (end) => {
        if (end - first >= 1.5 && small) rests.push([small, depth + 1, first, end - first]);
        small = 0;
      };
      for (const [one, value] of inside) {
        const part = sum ? (width * value) / sum : 0;
        if (part >= LOOKS.map.least) {
          rest(x);
          waiting.push([one, depth + 1, x, part]);
          first = x + part;
        } else if (part) small += 1;
        x += part;
      }
      rest(x);
    }
    for (const [, depth] of rests) deepest = Math.max(deepest, depth);
    this.stage.style.height = `${(deepest + 1) * STEP}px`;
    this.stage.replaceChildren(
      ...(whole ? [...rests.map((one) => this.rest(...one)), ...rows.map((one) => this.made(...one))] : [make("p", { class: "nothing" }, `no ${quantity.title}`)])
    );
    const focus = this.stage.querySelector("[data-row]");
    if (focus) this.tabbable(Number(focus.dataset.row));
    this.path();
    this.selected(selection.path);
  }

  made(row, depth, left, width) {
    const { tree } = this;
    const name = row === 0 ? tree.name(0) || "(all)" : tree.name(row);
    const element = make("div", {
      class: `part-of kind-${this.inside[row].length ? "group" : tree.kind(row)}`,
      role: "button",
      tabindex: -1,
      "data-row": row,
      "aria-label": this.said(row),
      style: `left:${round(left)}px;top:${depth * STEP}px;width:${round(Math.max(1, width - 1))}px`,
    });
    const room = Math.floor((width - 12) / 6.7);
    if (room >= 2) element.append(cut(name, room));
    return element;
  }

  /** Many layers in one, for there is no room for each. */
  rest(count, depth, left, width) {
    const text = cut(`${counted(count)} more`, Math.floor((width - 12) / 6.7));
    const style = `left:${round(left)}px;top:${depth * STEP}px;width:${round(Math.max(1, width - 1))}px`;
    return make("div", { class: "part-of rest", style, "aria-hidden": "true" }, width > 30 ? text : "");
  }

  said(row) {
    const { tree, quantity } = this;
    const whole = quantity.value(0);
    const value = quantity.value(row) || 0;
    const share = whole ? ` (${percent(value / whole)})` : "";
    return `${tree.path(row) || tree.name(0) || "all"}: ${quantity.text(row)}${share}`;
  }

  path() {
    const rows = [];
    for (let row = this.top; row >= 0; row = this.tree.parents[row]) rows.unshift(row);
    this.trail.replaceChildren(
      ...(rows.length > 1 ? rows : []).map((row, i) =>
        i < rows.length - 1
          ? button(row === 0 ? "all" : cut(this.tree.name(row), 20), `Back to ${this.tree.path(row) || "all"}`, () => this.to(row))
          : make("span", { "aria-current": "true" }, cut(this.tree.name(row), 20))
      )
    );
  }

  to(row) {
    this.top = row;
    this.show();
    const first = this.stage.querySelector("[data-row]");
    if (first) first.focus({ preventScroll: true });
  }

  rowOf(target) {
    const element = target instanceof Element ? target.closest("[data-row]") : null;
    return element ? Number(element.dataset.row) : null;
  }

  /** Into a layer; what is on top already leads out again. */
  press(row) {
    selection.select(this.tree.path(row), this);
    if (row === this.top && this.tree.parents[row] >= 0) this.to(this.tree.parents[row]);
    else if (this.inside[row].length && row !== this.top) this.to(row);
    else this.selected(this.tree.path(row));
  }

  click(event) {
    const row = this.rowOf(event.target);
    if (row !== null) this.press(row);
  }

  point(event) {
    const row = this.rowOf(event.target);
    if (row === null) tip.hide();
    else tip.show(event.clientX, event.clientY, [this.said(row), this.tree.type(row)]);
    selection.hover(row === null ? null : this.tree.path(row), this);
  }

  key(event) {
    const row = this.rowOf(event.target);
    if (row === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const { parents } = this.tree;
    const beside = (step) => {
      const siblings = parents[row] >= 0 ? this.inside[parents[row]].filter((one) => this.element(one)) : [];
      return siblings[siblings.indexOf(row) + step];
    };
    const keys = {
      ArrowLeft: () => this.focus(beside(-1)),
      ArrowRight: () => this.focus(beside(1)),
      ArrowDown: () => this.focus(this.inside[row].find((one) => this.element(one))),
      ArrowUp: () => this.focus(parents[row]),
      Enter: () => this.press(row),
      " ": () => this.press(row),
      i: () => selection.explain(this.tree.path(row)),
      Backspace: () => parents[this.top] >= 0 && this.to(parents[this.top]),
    };
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  }

  element(row) {
    return this.stage.querySelector(`[data-row="${row}"]`);
  }

  focus(row) {
    const element = row === undefined || row < 0 ? null : this.element(row);
    if (element) element.focus({ preventScroll: true });
  }

  tabbable(row) {
    for (const element of this.stage.querySelectorAll("[tabindex='0']")) element.tabIndex = -1;
    const element = this.element(row);
    if (element) element.tabIndex = 0;
  }

  selected(path) {
    for (const element of this.stage.children) {
      if (element.dataset.row) element.classList.toggle("selected", this.tree.path(Number(element.dataset.row)) === path);
    }
  }

  hovered(path) {
    for (const element of this.stage.children) {
      if (element.dataset.row) element.classList.toggle("hovered", this.tree.path(Number(element.dataset.row)) === path);
    }
  }
}

/** A grid as a map has it; what rows have of their own adds up, and nothing is counted twice. */
function treeOfGrid(grid) {
  const quantities = [];
  for (const key of Object.keys(LOOKS.quantities)) {
    const column = grid.column(key);
    if (!column || !column.adds) continue;
    const sums = new Float64Array(grid.count);
    for (let row = grid.count - 1; row >= 0; row--) {
      sums[row] += column.raw(row, true) || 0;
      if (grid.parents[row] >= 0) sums[grid.parents[row]] += sums[row];
    }
    if (!sums[0]) continue;
    quantities.push({ key, title: quantityName(key), value: (row) => sums[row], text: (row) => column.text(row, false) || "0" });
  }
  return {
    count: grid.count,
    parents: grid.parents,
    name: (row) => grid.names[row],
    path: (row) => grid.paths[row],
    type: (row) => grid.types[row],
    kind: (row) => grid.kinds[row],
    quantities,
  };
}

/** The values of a drawing as a map has them. */
function treeOfDrawing(drawing) {
  const all = new Set([""]);
  const nodes = new Map();
  drawing.walk((_, path, node) => {
    if (node.kind !== "module") return;
    const parts = path.split(".");
    for (let i = 1; i < parts.length; i++) all.add(parts.slice(0, i).join("."));
    all.add(path);
    nodes.set(path, node);
  });
  const around = (path) => (path.includes(".") ? path.slice(0, path.lastIndexOf(".")) : "");
  const inside = new Map();
  for (const path of all) {
    if (!path) continue;
    if (!inside.has(around(path))) inside.set(around(path), []);
    inside.get(around(path)).push(path);
  }
  const paths = [];
  const parents = [];
  const waiting = [["", -1]];
  while (waiting.length) {
    const [path, parent] = waiting.pop();
    const row = paths.push(path) - 1;
    parents.push(parent);
    for (const one of (inside.get(path) || []).reverse()) waiting.push([one, row]);
  }
  const quantities = [...drawing.values]
    .filter(([, values]) => [...values.values()].some((value) => value))
    .map(([key, values]) => {
      const sums = paths.map((path) => values.get(path));
      for (let row = sums.length - 1; row > 0; row--) {
        // A name that no box has stands for what is inside it.
        const up = parents[row];
        if (!values.has(paths[up])) sums[up] = (sums[up] || 0) + (sums[row] || 0);
      }
      const text = (row) => figure(key, sums[row]);
      return { key, title: quantityName(key), value: (row) => sums[row] || 0, text };
    });
  return {
    count: paths.length,
    parents,
    name: (row) => (row ? paths[row].slice(paths[row].lastIndexOf(".") + 1) : drawing.name),
    path: (row) => paths[row],
    type: (row) => (nodes.has(paths[row]) ? nodes.get(paths[row]).below : ""),
    kind: (row) => (nodes.has(paths[row]) ? nodes.get(paths[row]).of : ""),
    quantities,
  };
}
