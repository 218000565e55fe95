/* Boxes and lines on a canvas: only what is in sight is there, as many as there are. */

// With more in sight nobody reads a word: they are drawn as one shape.
const MANY = 900;
// Texts of shapes are legible from that scale on.
const LEGIBLE = 0.6;
// Pixels that a letter of theirs takes, and a line of them.
const LETTER = 6.2;
const LINE = 11;

class Scene {
  /**
   * `look(box)` says how a box looks: {classes, fill, label, tip}. `pressed(box, event)` and `pointed(box)` are
   * told what happens to it; `pointed` gets null when nothing is under the pointer. Where it `explains`, boxes
   * that open have a sign to be pressed for how they were counted.
   */
  constructor(label, { look, pressed, pointed, explains = false }) {
    Object.assign(this, { look, pressed, pointed, explains });
    this.boxes = [];
    this.edges = [];
    this.byKey = new Map();
    this.drawn = new Map();
    this.marks = new Map();
    this.current = null;
    // A layer for each depth, its lines below its boxes: those inside a box lie on it.
    this.layers = [];
    this.shapes = draw("g");
    this.canvas = new Canvas(label, () => {
      tip.hide();
      this.sync();
    });
    this.canvas.world.append(this.shapes);
    const { svg } = this.canvas;
    svg.addEventListener("click", (event) => {
      const box = this.under(event);
      if (box) this.pressed(box, event);
    });
    svg.addEventListener("pointermove", (event) => {
      if (!event.buttons) this.pointAt(this.under(event), event);
    });
    svg.addEventListener("pointerleave", () => this.pointAt(null));
    svg.addEventListener("focusin", (event) => {
      const box = this.under(event);
      if (!box) return;
      this.current = box.key;
      this.tabbable();
    });
    svg.addEventListener("keydown", (event) => this.key(event));
  }

  /** Show these instead; `known` is called when they are there and not yet drawn. */
  set(boxes, edges, width, height, known) {
    this.boxes = boxes;
    this.edges = edges;
    for (const edge of edges) Object.assign(edge, boundsOf(edge.points));
    uncrowd(edges);
    this.byKey = new Map(boxes.map((box) => [box.key, box]));
    this.canvas.size = { width, height };
    if (!this.byKey.has(this.current)) this.current = boxes.length ? boxes[0].key : null;
    if (known) known();
    this.redraw();
  }

  /** Draw all anew, for they look different. */
  redraw() {
    const focused = this.shapes.contains(document.activeElement);
    this.drawn.clear();
    this.shapes.replaceChildren();
    this.layers = [];
    this.sync();
    if (focused) this.focus(this.current);
  }

  /** Have in the document what is in sight. */
  sync() {
    const view = this.canvas.view();
    const inSight = this.boxes.filter((box) => meets(view, box));
    const many = inSight.length > MANY;
    const { scale } = this.canvas;
    this.canvas.svg.classList.toggle("far", scale < LEGIBLE);
    for (const { coarse } of this.layers) coarse.replaceChildren();
    this.many = many;
    const wanted = new Map();
    if (many) this.drawCoarse(inSight);
    else for (const box of inSight) wanted.set(box.key, box);
    if (this.current !== null && this.byKey.has(this.current)) wanted.set(this.current, this.byKey.get(this.current));
    for (const [key, element] of this.drawn) {
      if (wanted.has(key) || element.contains(document.activeElement)) continue;
      element.remove();
      this.drawn.delete(key);
    }
    for (const [key, box] of wanted) {
      if (this.drawn.has(key)) continue;
      const element = this.element(box);
      // What comes into sight later is marked as well.
      for (const [name, which] of this.marks) element.classList.toggle(name, Boolean(which(box)));
      this.drawn.set(key, element);
      this.layer(box.depth).boxes.append(element);
    }
    this.sightLines(view, many);
    this.tabbable();
  }

  layer(depth) {
    while (this.layers.length <= depth) {
      const layer = {
        lines: draw("g", { class: "lines", "aria-hidden": "true" }),
        coarse: draw("g", { class: "coarse", "aria-hidden": "true" }),
        boxes: draw("g", { class: `boxes ${this.layers.length % 2 ? "odd" : "even"}` }),
      };
      this.shapes.append(layer.lines, layer.coarse, layer.boxes);
      this.layers.push(layer);
    }
    return this.layers[depth];
  }

  sightLines(view, many) {
    const seen = this.edges.filter((edge) => meets(view, edge));
    const found = this.layers.map(() => []);
    for (const edge of seen) {
      this.layer(edge.depth);
      (found[edge.depth] = found[edge.depth] || []).push(edge);
    }
    const coarse = many || seen.length > 2 * MANY;
    this.layers.forEach(({ lines }, depth) => {
      const edges = found[depth] || [];
      if (coarse) lines.replaceChildren(draw("path", { d: edges.map((edge) => straight(edge.points)).join("") }));
      else lines.replaceChildren(...edges.map(lineOf));
    });
  }

  /** Many boxes as one shape for each way they look. */
  drawCoarse(boxes) {
    const paths = new Map();
    for (const box of boxes) {
      const { fill, classes } = this.look(box);
      const key = `${box.depth}|${classes}|${fill || ""}`;
      if (!paths.has(key)) paths.set(key, { depth: box.depth, classes, fill, parts: [] });
      paths.get(key).parts.push(`M${round(box.x)} ${round(box.y)}h${round(box.w)}v${round(box.h)}h${round(-box.w)}z`);
    }
    const sorted = [...paths.values()].sort((a, b) => a.depth - b.depth);
    for (const { depth, classes, fill, parts } of sorted) {
      const shape = draw("path", { d: parts.join(""), class: "body", style: fill ? `fill:${fill}` : null });
      this.layer(depth).coarse.append(draw("g", { class: `box ${classes}` }, shape));
    }
  }

  element(box) {
    const { node, w, h, open } = box;
    const { classes, fill, label, sign } = this.look(box);
    const port = (node.kind === "input" || node.kind === "output") && w <= 12;
    const element = draw("g", {
      class: `box ${node.kind} ${open ? "open" : ""} ${port ? "port" : ""} ${classes}`,
      transform: `translate(${round(box.x)} ${round(box.y)})`,
      role: "button",
      tabindex: -1,
      "aria-label": label || node.kind,
      "aria-expanded": node.inside >= 0 ? String(open) : null,
      "data-key": box.key,
    });
    const style = fill ? `fill:${fill}` : null;
    if (port) {
      element.append(draw("circle", { cx: w / 2, cy: h / 2, r: 4, class: "body" }));
      return element;
    }
    const radius = node.kind === "operator" ? Math.min(12, h / 2) : 7;
    if (node.kind === "run" && !open) {
      element.append(
        draw("rect", { class: "card", x: 6, y: 6, width: w, height: h, rx: radius }),
        draw("rect", { class: "card", x: 3, y: 3, width: w, height: h, rx: radius })
      );
    }
    element.append(draw("rect", { class: "body", width: w, height: h, rx: radius, style }));
    if (classes.includes("double")) element.append(draw("rect", { class: "inner", x: 3, y: 3, width: w - 6, height: h - 6, rx: radius - 2 }));
    if (node.kind === "module" || node.kind === "run") element.append(draw("rect", { class: "stripe", x: 0, y: radius, width: 3, height: Math.max(0, h - 2 * radius) }));
    this.words(element, box);
    if (sign) {
      element.append(
        draw("circle", { class: "badge", cx: w - 1, cy: 1, r: 8 }),
        draw("text", { class: "sign", x: w - 1, y: 5, "text-anchor": "middle" }, sign)
      );
    }
    return element;
  }

  words(element, { node, w, h, open }) {
    const more = node.times > 1 ? `×${counted(node.times)}` : "";
    const room = Math.floor((w - 20) / 7) - (more ? more.length + 1 : 0);
    if (open) {
      const label = cut(node.label, room - 2);
      const left = room - 4 - label.length;
      element.append(draw("text", { class: "label", x: 11, y: 17 }, label));
      if (node.below && left > 3) {
        element.append(draw("text", { class: "below", x: 11 + 7.25 * (label.length + 1.5), y: 17 }, cut(node.below, left)));
      }
      element.append(draw("text", { class: "fold", x: w - 12, y: 17, "text-anchor": "middle" }, "−"));
    } else if (node.below) {
      element.append(
        draw("text", { class: "label", x: 11, y: h / 2 - 3 }, cut(node.label, room)),
        draw("text", { class: "below", x: 11, y: h / 2 + 12 }, cut(node.below, Math.floor((w - 20) / 7)))
      );
    } else {
      const middle = node.kind === "operator" || node.kind === "input" || node.kind === "output";
      const at = middle ? { x: w / 2, "text-anchor": "middle" } : { x: 11 };
      element.append(draw("text", { class: "label", y: h / 2 + 4, ...at }, cut(node.label, room + 1)));
    }
    if (this.explains && node.inside >= 0 && isRow(node)) {
      element.append(draw("text", { class: "info", x: w - (open ? 30 : 12), y: open ? 17 : h - 7, "text-anchor": "middle" }, "i"));
    }
    if (more) element.append(draw("text", { class: "times", x: w - (open ? 26 : 9), y: open ? 17 : h / 2 - 3, "text-anchor": "end" }, more));
  }

  /** The box under a pointer, the innermost. */
  under(event) {
    const element = event.target instanceof Element ? event.target.closest("[data-key]") : null;
    if (element) return this.byKey.get(element.dataset.key) || null;
    if (!this.many || event.type === "focusin") return null;
    const [x, y] = this.canvas.at(event);
    let found = null;
    for (const box of this.boxes) {
      const inside = x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h;
      if (inside && (!found || box.depth > found.depth)) found = box;
    }
    return found;
  }

  pointAt(box, event) {
    if (box) tip.show(event.clientX, event.clientY, this.look(box).tip);
    else tip.hide();
    if (box === this.last) return;
    this.last = box;
    this.pointed(box);
  }

  /** Put a class on the boxes that `which` is true of, and on no others. */
  mark(name, which) {
    this.marks.set(name, which);
    for (const [key, element] of this.drawn) {
      const box = this.byKey.get(key);
      element.classList.toggle(name, Boolean(box && which(box)));
    }
  }

  // Keys

  tabbable() {
    for (const element of this.shapes.querySelectorAll("[tabindex='0']")) element.setAttribute("tabindex", "-1");
    const mine = this.drawn.get(this.current);
    if (mine) mine.setAttribute("tabindex", "0");
  }

  focus(key) {
    const box = this.byKey.get(key);
    if (!box) return;
    this.current = key;
    this.canvas.show(box.x, box.y, Math.min(box.w, this.canvas.width), Math.min(box.h, 80));
    this.sync();
    const element = this.drawn.get(key);
    if (element) element.focus({ preventScroll: true });
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (this.canvas.key(event)) {
      event.preventDefault();
      return;
    }
    const box = this.byKey.get(this.current);
    if (!box) return;
    if (event.key === "Enter" || event.key === " " || event.key === "i") {
      this.pressed(box, event);
    } else if (event.key.startsWith("Arrow")) {
      const next = this.beside(box, event.key);
      if (next) {
        this.focus(next.key);
        // The box is in the middle of the picture, of which a part may be out of sight.
        this.canvas.svg.scrollIntoView({ block: "nearest" });
      }
    } else {
      return;
    }
    event.preventDefault();
  }

  /** The box that an arrow leads to: along a line, else the nearest in that direction. */
  beside(box, arrow) {
    const down = arrow === "ArrowDown";
    if (down || arrow === "ArrowUp") {
      if (down && box.open) return this.boxes.find((one) => one.key === `${box.key}.0`);
      const [mine, other] = down ? ["source", "target"] : ["target", "source"];
      const edge = this.edges.find((one) => one[mine] === box.key);
      if (edge) return this.byKey.get(edge[other]);
      const dot = box.key.lastIndexOf(".");
      const around = dot < 0 ? null : this.byKey.get(box.key.slice(0, dot));
      if (!around || !down) return around;
      const out = this.edges.find((one) => one.source === around.key);
      return out ? this.byKey.get(out.target) : null;
    }
    const sign = arrow === "ArrowRight" ? 1 : -1;
    const middle = (one) => one.x + one.w / 2;
    const beside = this.boxes.filter(
      (one) => one.depth === box.depth && sign * (middle(one) - middle(box)) > 1 && one.y < box.y + box.h && one.y + one.h > box.y
    );
    return beside.sort((a, b) => sign * (middle(a) - middle(b)))[0] || null;
  }
}

function lineOf(edge) {
  const line = draw("path", { d: smooth(edge.points), class: edge.classes || null });
  return edge.told ? draw("g", null, line, draw("text", { x: edge.spot[0], y: edge.spot[1] }, edge.text)) : line;
}

/** Which lines have their text beside them: where two would lie on each other, the first. */
function uncrowd(edges) {
  const taken = new Map();
  for (const edge of edges) {
    edge.told = false;
    if (!edge.text) continue;
    const [left, y] = edge.spot;
    const right = left + LETTER * edge.text.length;
    const line = Math.round(y / LINE);
    const near = [line - 1, line, line + 1].flatMap((one) => taken.get(one) || []);
    if (near.some(([from, to]) => left < to && right > from)) continue;
    edge.told = true;
    if (!taken.has(line)) taken.set(line, []);
    taken.get(line).push([left, right]);
  }
}

function meets(view, one) {
  return one.x < view.right && one.x + one.w > view.left && one.y < view.bottom && one.y + one.h > view.top;
}

function boundsOf(points) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { x: left, y: top, w: right - left, h: bottom - top };
}

const round = (x) => Math.round(x * 10) / 10;

function straight(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${round(x)} ${round(y)}`).join("");
}

/** A line that leaves and arrives downwards, and is vertical where it passes other boxes. */
function smooth(points) {
  let path = `M${round(points[0][0])} ${round(points[0][1])}`;
  for (let i = 1; i < points.length; i++) {
    const [[x0, y0], [x, y]] = [points[i - 1], points[i]];
    if (x === x0) path += `V${round(y)}`;
    else {
      const half = (y - y0) / 2;
      path += `C${round(x0)} ${round(y0 + half)} ${round(x)} ${round(y - half)} ${round(x)} ${round(y)}`;
    }
  }
  return path;
}
