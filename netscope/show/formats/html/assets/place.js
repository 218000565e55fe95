/* Where boxes stand. The numbers are those of `place.py`; group by group, from the innermost. */

const RANK = 34;
const GAP = 20;
const LANE = 10;
const PAD = 14;
const HEAD = 26;

// Where the text of a line begins: so far right of where it starts and below, or above where it ends.
const BESIDE = 5;
const BELOW = 15;
const ABOVE = 8;

/** The place of everything within a group. `sizes` are of its nodes, open or closed. */
function arrange(group, sizes) {
  const { nodes, edges } = group;
  const count = nodes.reduce((most, node) => Math.max(most, node.rank + 1), 0);
  // What stands in each rank: the width at each column, 0 of a bend.
  const ranks = Array.from({ length: count }, () => new Map());
  const heights = new Float64Array(count);
  nodes.forEach((node, number) => {
    ranks[node.rank].set(node.x, sizes[number][0]);
    heights[node.rank] = Math.max(heights[node.rank], sizes[number][1]);
  });
  for (const edge of edges) {
    const first = nodes[edge.source].rank + 1;
    edge.bends.forEach((x, i) => {
      if (!ranks[first + i].has(x)) ranks[first + i].set(x, 0);
    });
  }
  const columns = columnsOf(ranks);
  let left = Infinity;
  let right = -Infinity;
  for (const items of ranks) {
    for (const [x, width] of items) {
      left = Math.min(left, columns.get(x) - width / 2);
      right = Math.max(right, columns.get(x) + width / 2);
    }
  }
  if (left === Infinity) left = right = 0;
  return {
    xs: nodes.map((node) => columns.get(node.x) - left),
    bends: edges.map((edge) => edge.bends.map((x) => columns.get(x) - left)),
    heights,
    width: right - left,
  };
}

/** Where each column of boxes stands: as far left, and as far right, as its neighbours let it, halfway. */
function columnsOf(ranks) {
  const xs = [...new Set(ranks.flatMap((items) => [...items.keys()]))].sort((a, b) => a - b);
  const numbers = new Map(xs.map((x, number) => [x, number]));
  const before = xs.map(() => []);
  for (const items of ranks) {
    const sorted = [...items].sort((a, b) => a[0] - b[0]);
    for (let i = 1; i < sorted.length; i++) {
      const [[x0, width0], [x, width]] = [sorted[i - 1], sorted[i]];
      const apart = width0 / 2 + width / 2 + (width0 && width ? GAP : LANE);
      before[numbers.get(x)].push([numbers.get(x0), apart]);
    }
  }
  const lefts = [];
  before.forEach((pairs, c) => {
    lefts.push(pairs.reduce((most, [b, apart]) => Math.max(most, lefts[b] + apart), c ? lefts[c - 1] : 0));
  });
  const rights = xs.map(() => lefts[xs.length - 1]);
  for (let c = xs.length - 1; c >= 0; c--) {
    if (c) rights[c - 1] = Math.min(rights[c - 1], rights[c]);
    for (const [b, apart] of before[c]) rights[b] = Math.min(rights[b], rights[c] - apart);
  }
  return new Map(xs.map((x, c) => [x, (lefts[c] + rights[c]) / 2]));
}

/** Where ranks begin, one below the other. */
function stacked(heights) {
  const ys = new Float64Array(heights.length);
  for (let rank = 1; rank < heights.length; rank++) ys[rank] = ys[rank - 1] + heights[rank - 1] + RANK;
  return ys;
}

/** The groups of a drawing, placed with those boxes open. What did not change is kept in `known`. */
class Placing {
  constructor(drawing) {
    this.drawing = drawing;
    this.known = new Map();
  }

  /** Forget a box and all around it, for it opened or closed. */
  forget(key) {
    for (let steps = key; steps; steps = steps.slice(0, Math.max(0, steps.lastIndexOf(".")))) {
      this.known.delete(steps);
    }
    this.known.delete("");
  }

  /** A group placed within its own corner. */
  group(index, key, open) {
    const found = this.known.get(key);
    if (found) return found;
    const group = this.drawing.groups[index];
    const inner = new Map();
    const sizes = group.nodes.map((node, number) => {
      const steps = key === "" ? String(number) : `${key}.${number}`;
      if (node.inside < 0 || !open.has(steps)) return [node.width, node.height];
      const placed = this.group(node.inside, steps, open);
      inner.set(number, placed);
      return sizeOf(node, placed);
    });
    const placed = finished(group, key, inner, sizes, arrange(group, sizes));
    this.known.set(key, placed);
    return placed;
  }

  /** All that is to be seen. */
  all(open) {
    const found = { boxes: [], edges: [], width: 0, height: 0 };
    if (!this.drawing.groups.length) return found;
    const placed = this.group(0, "", open);
    emit(this.drawing, placed, "", 0, 0, 0, found);
    found.width = placed.width;
    found.height = placed.height;
    return found;
  }
}

function sizeOf(node, placed) {
  return [Math.max(node.width, placed.width + 2 * PAD), HEAD + placed.height + PAD];
}

/** A placed group with the tops of its ranks, which a difference may move down. */
function finished(group, key, inner, sizes, arranged, tops) {
  const { heights } = arranged;
  const ys = tops || stacked(heights);
  const last = heights.length - 1;
  const height = last >= 0 ? ys[last] + heights[last] : 0;
  return { group, key, inner, sizes, ...arranged, ys, height };
}

/** Boxes and lines of a placed group, whose corner is at (left, top). */
function emit(drawing, placed, around, left, top, depth, found) {
  const { group, sizes, xs, ys, heights, inner } = placed;
  const begins = [];
  group.nodes.forEach((node, number) => {
    const [w, h] = sizes[number];
    const x = left + xs[number] - w / 2;
    const y = top + ys[node.rank] + (heights[node.rank] - h) / 2;
    const steps = placed.key === "" ? String(number) : `${placed.key}.${number}`;
    const path = drawing.pathOf(around, node);
    const open = inner.has(number);
    begins.push([x, y]);
    found.boxes.push({ key: steps, node, path, x, y, w, h, open, depth });
    if (!open) return;
    const within = inner.get(number);
    const corner = x + (w - within.width) / 2;
    begins[number].push(corner);
    emit(drawing, within, path, corner, y + HEAD, depth + 1, found);
  });
  const port = (number, which) => {
    const within = inner.get(number);
    if (within && which >= 0 && which < within.xs.length) return begins[number][2] + within.xs[which];
    return begins[number][0] + sizes[number][0] / 2;
  };
  const told = new Set();
  const begun = new Set();
  group.edges.forEach((edge, number) => {
    const { source, target } = edge;
    const from = group.nodes[source];
    const to = group.nodes[target];
    const start = port(source, edge.outPort);
    const end = port(target, edge.inPort);
    const points = [
      [start, begins[source][1] + sizes[source][1]],
      [start, top + ys[from.rank] + heights[from.rank]],
    ];
    placed.bends[number].forEach((x, i) => {
      const rank = from.rank + 1 + i;
      points.push([left + x, top + ys[rank]], [left + x, top + ys[rank] + heights[rank]]);
    });
    points.push([end, top + ys[to.rank]], [end, begins[target][1]]);
    // What comes in and goes out by ports is written outside; what one box gives to many, once.
    const inner = depth && (from.kind === "input" || to.kind === "output");
    const begin = `${source} ${edge.outPort}`;
    const text = inner || told.has(`${begin} ${edge.text}`) ? "" : edge.text;
    let spot = [points[0][0] + BESIDE, points[0][1] + BELOW];
    if (text) {
      told.add(`${begin} ${text}`);
      if (begun.has(begin)) spot = [end + BESIDE, begins[target][1] - ABOVE];
      begun.add(begin);
    }
    const key = `${placed.key}:${number}`;
    found.edges.push({ key, depth, points, text, spot, source: keyIn(placed, source), target: keyIn(placed, target) });
  });
}

function keyIn(placed, number) {
  return placed.key === "" ? String(number) : `${placed.key}.${number}`;
}
