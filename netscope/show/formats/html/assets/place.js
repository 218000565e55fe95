/* Where boxes stand. The numbers are those of `place.py`; group by group, from the innermost. */

const RANK = 34;
const GAP = 20;
const LANE = 10;
const PAD = 14;
const HEAD = 26;

/** The place of everything within a group. `sizes` are of its nodes, open or closed. */
function arrange(group, sizes) {
  const { nodes, edges } = group;
  const count = nodes.reduce((most, node) => Math.max(most, node.rank + 1), 0);
  const ranks = Array.from({ length: count }, () => []);
  const heights = new Float64Array(count);
  nodes.forEach((node, number) => {
    ranks[node.rank].push({ x: node.x, width: sizes[number][0], bend: false });
    heights[node.rank] = Math.max(heights[node.rank], sizes[number][1]);
  });
  for (const edge of edges) {
    const first = nodes[edge.source].rank + 1;
    edge.bends.forEach((x, i) => ranks[first + i].push({ x, width: 0, bend: true }));
  }
  const columns = columnsOf(ranks);
  const xs = nodes.map((node) => columns.get(node.x));
  let left = Infinity;
  let right = -Infinity;
  xs.forEach((x, number) => {
    left = Math.min(left, x - sizes[number][0] / 2);
    right = Math.max(right, x + sizes[number][0] / 2);
  });
  if (!nodes.length) left = right = 0;
  return {
    xs: xs.map((x) => x - left),
    bends: edges.map((edge) => edge.bends.map((x) => columns.get(x) - left)),
    heights,
    width: right - left,
  };
}

/** Where each column of boxes stands: as far left, and as far right, as its neighbours let it, halfway. */
function columnsOf(ranks) {
  const xs = [...new Set(ranks.flatMap((items) => items.map((item) => item.x)))].sort((a, b) => a - b);
  const numbers = new Map(xs.map((x, number) => [x, number]));
  const before = xs.map(() => []);
  const behind = xs.map(() => []);
  for (const items of ranks) {
    items.sort((a, b) => a.x - b.x);
    for (let i = 1; i < items.length; i++) {
      const [one, other] = [items[i - 1], items[i]];
      const apart = one.width / 2 + other.width / 2 + (one.bend || other.bend ? LANE : GAP);
      const [from, to] = [numbers.get(one.x), numbers.get(other.x)];
      if (from === to) continue;
      before[to].push([from, apart]);
      behind[from].push([to, apart]);
    }
  }
  const last = xs.length - 1;
  const lefts = new Float64Array(xs.length);
  for (let c = 1; c <= last; c++) {
    lefts[c] = before[c].reduce((most, [b, apart]) => Math.max(most, lefts[b] + apart), lefts[c - 1]);
  }
  const rights = new Float64Array(xs.length);
  if (last >= 0) rights[last] = lefts[last];
  for (let c = last - 1; c >= 0; c--) {
    rights[c] = behind[c].reduce((least, [d, apart]) => Math.min(least, rights[d] - apart), rights[c + 1]);
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
    if (within && which >= 0) return begins[number][2] + within.xs[which];
    return begins[number][0] + sizes[number][0] / 2;
  };
  group.edges.forEach((edge, number) => {
    const { source, target } = edge;
    const points = [[port(source, edge.outPort), begins[source][1] + sizes[source][1]]];
    placed.bends[number].forEach((x, i) => {
      const rank = group.nodes[source].rank + 1 + i;
      points.push([left + x, top + ys[rank]], [left + x, top + ys[rank] + heights[rank]]);
    });
    points.push([port(target, edge.inPort), begins[target][1]]);
    const key = `${placed.key}:${number}`;
    found.edges.push({ key, points, text: edge.text, source: keyIn(placed, source), target: keyIn(placed, target) });
  });
}

function keyIn(placed, number) {
  return placed.key === "" ? String(number) : `${placed.key}.${number}`;
}
