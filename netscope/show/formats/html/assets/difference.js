/* Two networks side by side: what they have in common stands opposite each other. */

const BETWEEN = 90;
const STATUSES = LOOKS.statuses;

class DifferenceView {
  constructor(place, json) {
    [this.sides, this.pairs] = sidesOf(json);
    this.changes = this.findChanges();
    this.at = -1;
    this.scene = new Scene("Both networks, before at the left and after at the right", {
      look: (box) => this.look(box),
      pressed: (box) => this.press(box),
      pointed: (box) => this.point(box),
    });
    this.told = make("div", { class: "told", role: "status" });
    place.append(
      this.bar(),
      make("div", { class: "stage" }, this.scene.canvas.svg, this.scene.canvas.tools(), this.told),
      make(
        "p",
        { class: "foot" },
        make("span", { class: "keys" }, "n and p go from change to change · drag to move · ctrl and wheel to zoom · Enter opens")
      )
    );
    this.alike();
    this.update();
    this.scene.canvas.begin();
    this.maps(place);
    document.addEventListener("keydown", (event) => this.key(event));
    selection.on(this);
  }

  bar() {
    const there = new Set(this.pairs.map((pair) => pair.status));
    const marks = Object.entries(STATUSES)
      .filter(([status]) => there.has(status))
      .map(([, { look, said, sign }]) => make("span", { class: `key status-${look}` }, make("i", null, sign), said));
    this.where = make("span", { class: "found", role: "status" });
    return make(
      "div",
      { class: "bar", role: "toolbar", "aria-label": "Both networks" },
      make("h2", null, "Side by side"),
      button("↑", "Previous change (p)", () => this.step(-1)),
      button("↓", "Next change (n)", () => this.step(1)),
      this.where,
      make("span", { class: "statuses" }, ...marks)
    );
  }

  /** Pairs that changed themselves, or were added or removed as a whole; those around and within them follow. */
  findChanges() {
    const nameOf = ({ paths }) => (paths[1] === null ? paths[0] : paths[1]);
    const changed = this.pairs.filter((pair) => pair.status !== "=");
    const within = (pair) => {
      const i = pair.paths[1] === null ? 0 : 1;
      const dot = pair.paths[i].lastIndexOf(".");
      const around = dot < 0 ? undefined : this.sides[i].pairs.get(pair.paths[i].slice(0, dot));
      return around !== undefined && around.status === pair.status;
    };
    const found = changed.filter((pair) => nameOf(pair) !== "" && (pair.status === "~" ? pair.text : !within(pair)));
    return found.length ? found : changed;
  }

  // Where boxes stand

  /** What is open on one side is open on the other. */
  alike() {
    this.sides.forEach((side, i) => {
      for (const [path, key] of side.keys) {
        if (!side.open.has(key)) continue;
        const partner = this.partner(i, path);
        if (partner !== undefined && this.node(1 - i, partner).inside >= 0) this.sides[1 - i].open.add(partner);
      }
    });
  }

  /** The box on the other side that a row's box is opposite of. */
  partner(i, path) {
    const pair = this.sides[i].pairs.get(path);
    const other = pair ? pair.paths[1 - i] : null;
    return other === null ? undefined : this.sides[1 - i].keys.get(other);
  }

  node(i, key) {
    const { groups } = this.sides[i].drawing;
    let [index, node] = [0, null];
    for (const step of key.split(".")) {
      node = groups[index].nodes[Number(step)];
      index = node.inside;
    }
    return node;
  }

  update() {
    const [left, right] = placedBoth(this.sides);
    const both = { boxes: [], edges: [] };
    const offsets = [0, left.width + BETWEEN];
    [left, right].forEach((placed, i) => {
      const found = { boxes: [], edges: [] };
      if (placed.group) emit(this.sides[i].drawing, placed, "", offsets[i], 0, 0, found);
      const named = (key) => `${i}:${key}`;
      for (const box of found.boxes) both.boxes.push({ ...box, steps: box.key, key: named(box.key), side: i });
      for (const edge of found.edges) {
        both.edges.push({ ...edge, key: named(edge.key), source: named(edge.source), target: named(edge.target) });
      }
    });
    this.scene.set(both.boxes, both.edges, offsets[1] + right.width, Math.max(left.height, right.height));
    this.mark();
  }

  // How a box looks

  pairOf(box) {
    return isRow(box.node) ? this.sides[box.side].pairs.get(box.path) : undefined;
  }

  /** What became of a box, by the rule of `drawing/became.py`. */
  status(box) {
    return this.became(this.sides[box.side], box.node, box.path, !box.open);
  }

  became(side, node, path, closed) {
    const pair = side.pairs.get(path);
    const status = pair ? pair.status : "=";
    if (isRow(node)) return status === "=" && closed && side.touched.has(path) ? "~" : status;
    if (node.kind === "input" || node.kind === "output") return "=";
    const found = new Set();
    for (const one of node.inside < 0 ? [] : side.drawing.groups[node.inside].nodes) {
      if (one.kind === "input" || one.kind === "output") continue;
      found.add(this.became(side, one, side.drawing.pathOf(path, one), true));
    }
    if (!found.size) return status === "+" || status === "-" ? status : "=";
    return found.size === 1 ? [...found][0] : "~";
  }

  look(box) {
    const { node } = box;
    const status = STATUSES[this.status(box)] || STATUSES["="];
    const kind = node.of ? `kind-${node.of}` : "";
    const pair = this.pairOf(box);
    const text = pair ? pair.text : "";
    const name = isRow(node) ? box.path : node.label;
    return {
      classes: `${status.look} ${kind} ${status.sign === "~" && text ? "double" : ""}`,
      fill: null,
      sign: status.sign,
      label: [node.label || node.kind, node.below, this.sides[box.side].name, status.said, text].filter(Boolean).join(", "),
      tip: [`${name} · ${status.said}`, node.below, text, ...node.marks],
    };
  }

  tell(pair) {
    const { paths, status, text } = pair;
    const [before, after] = paths;
    const name = before !== null && after !== null && before !== after ? `${before} → ${after}` : after || before || "(root)";
    this.told.replaceChildren(
      make("b", null, `${(STATUSES[status] || STATUSES["="]).sign} ${name}`),
      make("span", null, text || (STATUSES[status] || STATUSES["="]).said)
    );
  }

  point(box) {
    const pair = box ? this.pairOf(box) : null;
    this.scene.mark("hovered", (one) => box && (one.key === box.key || (pair && this.pairOf(one) === pair)));
    if (pair) this.tell(pair);
    else if (this.chosen) this.tell(this.chosen);
  }

  // What is pressed

  press(box) {
    const pair = this.pairOf(box) || null;
    this.chosen = pair;
    if (pair) {
      this.tell(pair);
      this.at = this.changes.indexOf(pair);
      selection.select(box.path, this);
    }
    if (box.node.inside >= 0) this.toggle(box);
    this.mark();
  }

  /** Open or close a box and the one opposite of it. */
  toggle(box) {
    const opens = !box.open;
    const turn = (i, key) => {
      if (key === undefined || this.node(i, key).inside < 0) return;
      if (opens) this.sides[i].open.add(key);
      else this.sides[i].open.delete(key);
    };
    turn(box.side, box.steps);
    if (isRow(box.node)) turn(1 - box.side, this.partner(box.side, box.path));
    else turn(1 - box.side, this.sameRun(box));
    this.update();
    const now = this.scene.byKey.get(box.key);
    const { canvas } = this.scene;
    canvas.by((box.x + box.w / 2 - now.x - now.w / 2) * canvas.scale, (box.y - now.y) * canvas.scale);
    say(`${box.node.label} ${opens ? "opened" : "closed"}`);
  }

  /** The run opposite of a run, which has no row: one of that name around the same row. */
  sameRun(box) {
    const other = this.scene.boxes.find(
      (one) => one.side !== box.side && one.depth === box.depth && one.node.kind === box.node.kind && one.node.label === box.node.label && one.path === box.path
    );
    return other ? other.steps : undefined;
  }

  mark() {
    this.scene.mark("selected", (box) => this.chosen && this.pairOf(box) === this.chosen);
  }

  // From change to change

  step(step) {
    if (!this.changes.length) return;
    this.at = this.at < 0 && step < 0 ? this.changes.length - 1 : (this.at + step + this.changes.length) % this.changes.length;
    this.reveal(this.changes[this.at]);
    this.where.textContent = `${this.at + 1} of ${counted(this.changes.length)}`;
  }

  reveal(pair) {
    this.chosen = pair;
    pair.paths.forEach((path, i) => {
      const key = path === null ? undefined : this.sides[i].keys.get(path);
      if (key === undefined) return;
      for (let dot = key.indexOf("."); dot >= 0; dot = key.indexOf(".", dot + 1)) this.sides[i].open.add(key.slice(0, dot));
    });
    this.alike();
    this.update();
    const boxes = this.scene.boxes.filter((box) => this.pairOf(box) === pair);
    if (boxes.length) {
      const left = Math.min(...boxes.map((box) => box.x));
      const right = Math.max(...boxes.map((box) => box.x + box.w));
      const { canvas } = this.scene;
      const both = (right - left) * canvas.scale < canvas.width;
      const last = boxes[boxes.length - 1];
      this.scene.current = last.key;
      if (both) canvas.show(left, last.y, right - left, Math.min(last.h, 120));
      else canvas.show(last.x, last.y, last.w, Math.min(last.h, 120));
    }
    this.tell(pair);
    this.mark();
  }

  key(event) {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") this.step(1);
    else if (event.key === "p") this.step(-1);
    else return;
    event.preventDefault();
  }

  selected(path, from) {
    if (from === this || path === null) return;
    const pair = this.sides[1].pairs.get(path) || this.sides[0].pairs.get(path);
    if (pair) this.reveal(pair);
  }

  // The maps of both

  maps(place) {
    const both = make("div", { class: "maps" });
    for (const side of this.sides) {
      const tree = treeOfDrawing(side.drawing);
      if (!tree.quantities.length) return;
      const part = make("section", { class: "part map", "aria-label": `Map ${side.name}` });
      both.append(part);
      side.map = [part, tree];
    }
    place.after(both);
    for (const { name, map } of this.sides) new Icicle(map[0], map[1], `Map ${name}`);
  }
}

/** Both networks with their pairs by the names of their rows, and all pairs. */
function sidesOf(json) {
  const sides = ["before", "after"].map((name) => {
    const drawing = new Drawing(json[name]);
    const keys = new Map();
    drawing.walk((key, path, node) => {
      if (isRow(node) && !keys.has(path)) keys.set(path, key);
    });
    return { name, drawing, keys, open: new Set(drawing.opened), pairs: new Map() };
  });
  const pairs = json.pairs.map(([before, after, status, text]) => ({ paths: [before, after], status, text }));
  for (const pair of pairs) {
    pair.paths.forEach((path, i) => path !== null && sides[i].pairs.set(path, pair));
  }
  // Rows that have one within them that is not the same.
  for (const side of sides) {
    side.touched = new Set();
    for (const [path, { status }] of side.pairs) {
      if (status === "=" || path === "") continue;
      side.touched.add("");
      for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) side.touched.add(path.slice(0, dot));
    }
  }
  return [sides, pairs];
}

/** Both networks placed; rows of boxes that have partners begin at the same height. */
function placedBoth(sides) {
  const alone = (i, index, key) => new Placing(sides[i].drawing).group(index, key, sides[i].open);
  const steps = (key, number) => (key === "" ? String(number) : `${key}.${number}`);

  function both(indices, keys, arounds) {
    const groups = indices.map((index, i) => sides[i].drawing.groups[index]);
    const paths = groups.map((group, i) => group.nodes.map((node) => sides[i].drawing.pathOf(arounds[i], node)));
    const partners = groups[0].nodes.map((node, number) => {
      const pair = isRow(node) ? sides[0].pairs.get(paths[0][number]) : undefined;
      if (!pair || pair.paths[1] === null) return -1;
      return groups[1].nodes.findIndex((other, at) => isRow(other) && paths[1][at] === pair.paths[1]);
    });
    const inner = [new Map(), new Map()];
    const isOpen = (i, number) => groups[i].nodes[number].inside >= 0 && sides[i].open.has(steps(keys[i], number));
    partners.forEach((other, number) => {
      if (other < 0 || !isOpen(0, number) || !isOpen(1, other)) return;
      const [one, two] = both(
        [groups[0].nodes[number].inside, groups[1].nodes[other].inside],
        [steps(keys[0], number), steps(keys[1], other)],
        [paths[0][number], paths[1][other]]
      );
      inner[0].set(number, one);
      inner[1].set(other, two);
    });
    const sizes = groups.map((group, i) =>
      group.nodes.map((node, number) => {
        if (!isOpen(i, number)) return [node.width, node.height];
        if (!inner[i].has(number)) inner[i].set(number, alone(i, node.inside, steps(keys[i], number)));
        return sizeOf(node, inner[i].get(number));
      })
    );
    const arranged = groups.map((group, i) => arrange(group, sizes[i]));
    const tops = levelled(arranged.map((one) => one.heights), groups, partners);
    return groups.map((group, i) => finished(group, keys[i], inner[i], sizes[i], arranged[i], tops[i]));
  }

  if (!sides[0].drawing.groups.length || !sides[1].drawing.groups.length) {
    return sides.map((side, i) => (side.drawing.groups.length ? alone(i, 0, "") : { width: 0, height: 0 }));
  }
  return both([0, 0], ["", ""], ["", ""]);
}

/** Where ranks of both sides begin: those with partners at the same height, from the top. */
function levelled(heights, groups, partners) {
  const tops = heights.map((one) => new Float64Array(one.length));
  const next = [0, 0];
  const ys = [0, 0];
  const put = (i, rank, y) => {
    tops[i][rank] = y;
    ys[i] = y + heights[i][rank] + RANK;
    next[i] = rank + 1;
  };
  for (let rank = 0; rank < heights[0].length; rank++) {
    let other = Infinity;
    groups[0].nodes.forEach((node, number) => {
      if (node.rank !== rank || partners[number] < 0) return;
      const there = groups[1].nodes[partners[number]].rank;
      if (there >= next[1]) other = Math.min(other, there);
    });
    if (other === Infinity) {
      put(0, rank, ys[0]);
      continue;
    }
    while (next[1] < other) put(1, next[1], ys[1]);
    const y = Math.max(ys[0], ys[1]);
    put(0, rank, y);
    put(1, other, y);
  }
  while (next[1] < heights[1].length) put(1, next[1], ys[1]);
  return tops;
}
