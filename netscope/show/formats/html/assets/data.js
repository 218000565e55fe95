/* The page's data: a grid of rows and columns, and drawings. */

/** What a script element holds, as JSON or as packed JSON. */
async function read(id) {
  const script = document.getElementById(id);
  if (!script.type.includes("gzip")) return JSON.parse(script.textContent);
  const packed = atob(script.textContent.trim());
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** The kind of layer that each text says, which has a colour: "" for none. */
function kindsOf(json) {
  const found = new Map(Object.entries(json.kinds).flatMap(([kind, numbers]) => numbers.map((number) => [number, kind])));
  return (number) => found.get(number) || "";
}

/** All rows with all columns. Rows stand in preorder. */
class Grid {
  constructor(json) {
    const { rows, texts } = json;
    const all = (numbers) => numbers.map((number) => texts[number]);
    const some = ([indices, numbers]) => new Map(indices.map((row, i) => [row, texts[numbers[i]]]));
    this.names = all(rows.name);
    this.types = all(rows.type);
    this.operators = all(rows.operator);
    this.kinds = rows.operator.map(kindsOf(json));
    this.depths = rows.depth;
    this.marks = some(rows.marks);
    this.states = some(rows.state);
    this.count = this.names.length;
    this.derived = rows.derived;
    this.derivations = json.derivations;
    this.texts = texts;
    this.columns = json.columns.map((column) => new Column(column, texts));
    this.tree(some(rows.path));
  }

  /** Paths, parents, and where the rows within each end. */
  tree(given) {
    const { count, depths, names } = this;
    this.paths = new Array(count);
    this.parents = new Int32Array(count).fill(-1);
    this.ends = new Int32Array(count);
    const around = [];
    const close = (depth, row) => {
      while (around.length > depth) this.ends[around.pop()] = row;
    };
    for (let row = 0; row < count; row++) {
      close(depths[row], row);
      const parent = around.length ? around[around.length - 1] : -1;
      this.parents[row] = parent;
      const prefix = parent >= 0 ? this.paths[parent] : "";
      this.paths[row] = given.has(row) ? given.get(row) : prefix ? `${prefix}.${names[row]}` : names[row];
      around.push(row);
    }
    close(0, count);
    this.places = new Map(this.paths.map((path, row) => [path, row]));
  }

  hasInside(row) {
    return this.ends[row] > row + 1;
  }

  column(key) {
    return this.columns.find((column) => column.key === key);
  }

  /** The lines of how a row was counted. */
  derivation(row) {
    const lines = this.derivations[this.derived[row]] || [];
    return lines.map((line) => line.map((number) => this.texts[number]));
  }
}

/** One column; a row that is closed shows the whole of what is in it, an open one only its own. */
class Column {
  constructor(json, texts) {
    Object.assign(this, { key: json.key, title: json.title, help: json.help });
    Object.assign(this, { number: json.number, shown: json.shown, adds: json.adds });
    this.values = json.texts.map((number) => texts[number]);
    this.raws = json.raws;
    this.whole = json.whole;
    this.own = json.whole;
    if (json.own && json.own[0].length) {
      this.own = Int32Array.from(json.whole);
      json.own[0].forEach((row, i) => {
        this.own[row] = json.own[1][i];
      });
    }
  }

  text(row, open) {
    return this.values[(open ? this.own : this.whole)[row]];
  }

  /** What rows are sorted by; null where nothing is known. */
  raw(row, open) {
    const number = (open ? this.own : this.whole)[row];
    return this.raws ? this.raws[number] : this.values[number] || null;
  }
}

const BOXES = ["module", "operator", "input", "output", "run"];

/** A network's groups of boxes. A box is known by its steps: its number in each group on the way down. */
class Drawing {
  constructor(json) {
    const { texts } = json;
    const kindOf = kindsOf(json);
    this.name = json.name;
    this.failed = new Set(json.failed.map((steps) => steps.join(".")));
    this.opened = new Set(json.opened.map((steps) => steps.join(".")));
    this.groups = json.groups.map(([nodes, edges]) => ({
      nodes: nodes.map(
        ([kind = 0, label, below, width, height, rank = 0, x = 0, inside = -1, path, elsewhere, times = 1, macs, marks]) => ({
          kind: BOXES[kind],
          label: texts[label] || "",
          below: texts[below] || "",
          width,
          height,
          rank,
          x,
          inside,
          path: texts[path] || "",
          elsewhere: Boolean(elsewhere),
          times,
          macs: macs === undefined ? null : macs,
          of: BOXES[kind] === "module" || BOXES[kind] === "run" ? kindOf(texts[below] ? below : label) : "",
          marks: (marks || []).map((number) => texts[number]),
        })
      ),
      edges: edges.map(([source, target, text, bends, outPort = -1, inPort = -1]) => ({
        source,
        target,
        text: texts[text] || "",
        bends: bends || [],
        outPort,
        inPort,
      })),
    }));
    this.values = new Map(
      Object.entries(json.values).map(([quantity, [paths, values]]) => [
        quantity,
        new Map(paths.map((number, i) => [texts[number], values[i]])),
      ])
    );
  }

  /** The row's name of a node within the group of that name. */
  pathOf(around, node) {
    if (!node.path) return around;
    return node.elsewhere || !around ? node.path : `${around}.${node.path}`;
  }

  /** Every box of the network in the order of reading; `visit` gets its steps, path and node. */
  walk(visit) {
    const around = this.groups.length ? [{ nodes: this.groups[0].nodes, path: "", key: "", next: 0 }] : [];
    while (around.length) {
      const group = around[around.length - 1];
      if (group.next === group.nodes.length) {
        around.pop();
        continue;
      }
      const number = group.next++;
      const node = group.nodes[number];
      const key = group.key === "" ? String(number) : `${group.key}.${number}`;
      const path = this.pathOf(group.path, node);
      visit(key, path, node);
      if (node.inside >= 0) around.push({ nodes: this.groups[node.inside].nodes, path, key, next: 0 });
    }
  }
}
