/* The table of layers: a tree that opens, sorts, is searched, and is copied. */

const ROW = 26;
const AHEAD = 12;

class LayerTable {
  constructor(place, grid) {
    this.grid = grid;
    this.open = new Uint8Array(grid.count);
    this.columns = grid.columns.filter((column) => column.shown);
    this.sorting = null;
    this.query = "";
    this.current = 0;
    this.openFirst();
    place.append(this.bar(), this.frame(), this.foot());
    this.refresh = inFrame(() => this.fill());
    this.scroller.addEventListener("scroll", this.refresh, { passive: true });
    new ResizeObserver(() => {
      // Where there was no room when it was made, as in a notebook, nothing was left out.
      if (!this.narrowed && this.scroller.clientWidth) {
        this.narrow();
        this.build();
      } else this.refresh();
    }).observe(this.scroller);
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
    this.widest = new Map();
    this.list();
    this.narrow();
    this.build();
    selection.on(this);
  }

  // What is open

  /** Open what fits on a screen or two. */
  openFirst() {
    const { grid } = this;
    const deepest = grid.depths.reduce((most, depth) => Math.max(most, depth), 0);
    const at = new Array(deepest + 2).fill(0);
    for (const depth of grid.depths) at[depth] += 1;
    let depth = 0;
    for (let rows = at[0] + at[1]; depth <= deepest && (rows <= 200 || depth === 0); rows += at[depth + 1]) depth++;
    this.openTo(depth);
  }

  /** Open all rows that are less deep. */
  openTo(depth) {
    for (let row = 0; row < this.grid.count; row++) {
      this.open[row] = this.grid.hasInside(row) && this.grid.depths[row] < depth ? 1 : 0;
    }
  }

  toggle(row) {
    if (!this.grid.hasInside(row) || this.sorting) return;
    this.open[row] = this.open[row] ? 0 : 1;
    this.list();
    this.fit();
    this.fill();
  }

  /** Open all around a row. */
  reveal(row) {
    for (let around = this.grid.parents[row]; around >= 0; around = this.grid.parents[around]) this.open[around] = 1;
  }

  // Which rows are to be seen, in which order

  list() {
    const { grid } = this;
    const found = this.query ? this.matching() : null;
    if (this.sorting) {
      this.rows = this.sorted(found);
    } else if (found) {
      this.rows = [...found.shown].sort((a, b) => a - b);
    } else {
      this.rows = [];
      for (let row = 0; row < grid.count; row = this.open[row] ? row + 1 : grid.ends[row]) this.rows.push(row);
    }
    this.shownAt = new Map(this.rows.map((row, at) => [row, at]));
    const said = found ? `${counted(found.hits.size)} of ` : "";
    this.count.textContent = `${said}${counted(grid.count)} rows`;
    this.first = null;
  }

  /** Rows of that name or type, and those around them. */
  matching() {
    const { grid } = this;
    const query = this.query.toLowerCase();
    const hits = new Set();
    const shown = new Set();
    const around = new Set();
    for (let row = 0; row < grid.count; row++) {
      const text = `${grid.paths[row]} ${grid.types[row]} ${grid.operators[row]}`;
      if (!text.toLowerCase().includes(query)) continue;
      hits.add(row);
      shown.add(row);
      for (let up = grid.parents[row]; up >= 0 && !around.has(up); up = grid.parents[up]) {
        around.add(up);
        shown.add(up);
      }
    }
    return { hits, shown, around };
  }

  /** A flat list of what rows have of their own, without those that only stand around others. */
  sorted(found) {
    const { grid } = this;
    const { column, down } = this.sorting;
    const adding = grid.columns.filter((one) => one.adds);
    const rows = [];
    for (let row = 0; row < grid.count; row++) {
      if (found && !found.hits.has(row)) continue;
      if (grid.hasInside(row) && !adding.some((one) => one.raw(row, true))) continue;
      rows.push(row);
    }
    const value = column ? (row) => column.raw(row, true) : (row) => grid.paths[row];
    const sign = down ? -1 : 1;
    const compare = column && column.number ? (a, b) => a - b : (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    const keys = new Map(rows.map((row) => [row, value(row)]));
    return rows.sort((a, b) => {
      const [one, other] = [keys.get(a), keys.get(b)];
      if (one === null || other === null) return (one === null) - (other === null) || a - b;
      return sign * compare(one, other) || a - b;
    });
  }

  isOpen(row) {
    if (!this.grid.hasInside(row)) return false;
    if (this.sorting) return true;
    return this.query ? this.shownAt.has(row + 1) || this.hasShown(row) : Boolean(this.open[row]);
  }

  /** Whether a row within is to be seen, of those that were searched for. */
  hasShown(row) {
    const next = this.rows[this.shownAt.get(row) + 1];
    return next !== undefined && next < this.grid.ends[row];
  }

  // Tools

  bar() {
    this.filter = make("input", {
      type: "search",
      placeholder: "Filter by name or type  /",
      "aria-label": "Filter rows by name or type",
      input: () => {
        this.query = this.filter.value.trim();
        this.list();
        this.fit();
        this.scroller.scrollTop = 0;
        this.fill();
      },
      keydown: (event) => {
        if (event.key === "Escape" && this.filter.value) {
          this.filter.value = "";
          this.filter.dispatchEvent(new Event("input"));
          event.stopPropagation();
        } else if (event.key === "ArrowDown" || event.key === "Enter") {
          this.focus(this.rows[0]);
          event.preventDefault();
        }
      },
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || typing(event.target) || event.ctrlKey || event.metaKey) return;
      this.filter.focus();
      event.preventDefault();
    });
    const deepest = this.grid.depths.reduce((most, depth) => Math.max(most, depth), 0);
    const depths = [["", "depth"], ...Array.from({ length: Math.min(deepest, 9) }, (_, i) => [String(i + 1), `to ${i + 1}`])];
    const depth = chooser("Open rows to a depth", depths, "", (value) => {
      if (value) this.change(() => this.openTo(Number(value)));
    });
    depth.classList.add("bare");
    return make(
      "div",
      { class: "bar", role: "toolbar", "aria-label": "Table" },
      make("h2", null, "Layers"),
      this.filter,
      button("⊞", "Open all rows", () => this.change(() => this.openTo(Infinity))),
      button("⊟", "Close all rows", () => this.change(() => this.openTo(1))),
      depth,
      this.menu(),
      button("CSV", "Copy the rows shown as CSV", () => this.copy("CSV")),
      button("Markdown", "Copy the rows shown as Markdown", () => this.copy("Markdown"))
    );
  }

  /** Change what is open, back in the tree. */
  change(how) {
    this.sorting = null;
    how();
    this.build();
  }

  menu() {
    this.boxes = new Map();
    const labels = this.grid.columns.map((column) => {
      const box = make("input", {
        type: "checkbox",
        checked: column.shown,
        change: () => {
          const chosen = new Set(this.columns);
          if (box.checked) chosen.add(column);
          else chosen.delete(column);
          this.columns = this.grid.columns.filter((one) => chosen.has(one));
          this.build();
        },
      });
      this.boxes.set(box, column);
      return make("label", { title: column.help }, box, column.title === "%" ? "% of MACs" : this.named(column));
    });
    const menu = make(
      "details",
      {
        class: "menu",
        keydown: (event) => {
          if (event.key !== "Escape" || !menu.open) return;
          menu.open = false;
          menu.querySelector("summary").focus();
          event.stopPropagation();
        },
      },
      make("summary", null, "Columns"),
      make("div", { class: "choices", role: "group", "aria-label": "Columns" }, ...labels)
    );
    document.addEventListener("click", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    return menu;
  }

  /** A column's title, told from another one's that is the same. */
  named(column) {
    const alone = this.grid.columns.filter((one) => one.title === column.title).length === 1;
    return alone ? column.title : column.key.replaceAll("_", " ");
  }

  foot() {
    this.count = make("span");
    const keys = "arrows move, open and close · Enter explains · / filters";
    return make("p", { class: "foot" }, this.count, make("span", { class: "keys" }, keys));
  }

  // The table itself

  frame() {
    this.head = make("tr", null);
    this.above = make("tr", { class: "gap", "aria-hidden": "true" }, make("td"));
    this.below = make("tr", { class: "gap", "aria-hidden": "true" }, make("td"));
    this.body = make("tbody", null);
    this.widths = make("colgroup");
    this.table = make(
      "table",
      { role: "treegrid", "aria-label": "Layers", class: "tree", keydown: (event) => this.key(event) },
      this.widths,
      make("thead", null, this.head),
      this.body
    );
    this.body.addEventListener("click", (event) => this.click(event));
    this.body.addEventListener("dblclick", (event) => this.toggle(this.rowOf(event.target)));
    this.body.addEventListener("mouseover", (event) => this.point(event));
    this.body.addEventListener("mouseleave", () => {
      selection.hover(null, this);
      this.hovered(null);
    });
    this.body.addEventListener("focusin", (event) => {
      const row = this.rowOf(event.target);
      if (row !== this.current) this.mark(row);
    });
    this.scroller = make("div", { class: "scroller" }, this.table);
    return this.scroller;
  }

  /** How many characters wide the columns are, the names' first; wider when wider rows are seen, never narrower. */
  wide() {
    const { grid } = this;
    const rows = this.rows.length > 3000 ? this.rows.slice(0, 3000) : this.rows;
    const widest = (key, text, least, most) => {
      const before = this.widest.get(key) || least;
      const found = rows.reduce((longest, row) => Math.max(longest, text(row)), before);
      this.widest.set(key, Math.min(found, most));
      return this.widest.get(key);
    };
    const flat = Boolean(this.sorting);
    const named = (row) => (flat ? Math.min(grid.paths[row].length, 48) : grid.names[row].length + 2 * Math.min(grid.depths[row], 12));
    const marked = (row) => (grid.marks.has(row) ? Math.min(grid.marks.get(row).length, 12) + 1 : 0);
    const names = widest("", (row) => named(row) + marked(row) + 6, 14, flat ? 52 : 44);
    return [
      names,
      ...this.columns.map((column) => widest(column, (row) => column.text(row, false).length, column.title.length + 2, column.number ? 24 : 26)),
    ];
  }

  fit() {
    const widths = this.wide();
    const said = widths.join();
    if (said === this.said) return;
    this.said = said;
    this.widths.replaceChildren(...widths.map((n) => make("col", { style: `width:calc(${n}ch + 20px)` })));
    this.table.style.width = `calc(${widths.reduce((sum, n) => sum + n, 0)}ch + ${20 * widths.length}px)`;
  }

  /** Leave out shapes, the last first, as long as figures have no room; the menu has them. */
  narrow() {
    const room = () => this.wide().reduce((sum, n) => sum + n * 7.3 + 20, 0) > this.scroller.clientWidth;
    this.narrowed = this.scroller.clientWidth > 0;
    const spare = this.columns.filter((column) => !column.number && !["type", "operator"].includes(column.key));
    while (spare.length && this.narrowed && room()) {
      const column = spare.pop();
      this.columns = this.columns.filter((one) => one !== column);
    }
  }

  /** Headings and columns anew. */
  build() {
    for (const [box, column] of this.boxes) box.checked = this.columns.includes(column);
    this.widest = new Map();
    this.head.replaceChildren(this.heading(null), ...this.columns.map((column) => this.heading(column)));
    this.list();
    this.fit();
    this.fill();
  }

  heading(column) {
    const mine = this.sorting && this.sorting.column === column;
    const sorted = mine ? (this.sorting.down ? "descending" : "ascending") : "none";
    const sign = mine ? (this.sorting.down ? " ↓" : " ↑") : "";
    const press = make(
      "button",
      { type: "button", title: column ? column.help : "Qualified name of the layer", click: () => this.sort(column) },
      (column ? column.title : "layer") + sign
    );
    return make("th", { scope: "col", "aria-sort": sorted, class: column && column.number ? "figure" : null }, press);
  }

  /** Largest first, then smallest first, then the tree again; names the other way round. */
  sort(column) {
    const down = column !== null && column.number;
    const mine = this.sorting && this.sorting.column === column ? this.sorting : null;
    if (!mine) this.sorting = { column, down };
    else if (mine.down === down) this.sorting = { column, down: !down };
    else this.sorting = null;
    this.build();
    this.scroller.scrollTop = 0;
    this.fill();
    this.head.children[column ? this.columns.indexOf(column) + 1 : 0].firstChild.focus();
    say(this.sorting ? `sorted by ${column ? this.named(column) : "name"}` : "in the order of the network");
  }

  /** The rows that are in sight, and no others. */
  fill() {
    const { scroller, rows } = this;
    const all = this.printing ? Math.min(rows.length, 3000) : 0;
    const first = all ? 0 : Math.max(0, Math.floor(scroller.scrollTop / ROW) - AHEAD);
    const last = all || Math.min(rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW) + AHEAD);
    if (this.first === first && this.last === last) return;
    [this.first, this.last] = [first, last];
    const focused = document.activeElement && this.body.contains(document.activeElement);
    this.table.setAttribute("aria-rowcount", rows.length + 1);
    const made = [];
    for (let at = first; at < last; at++) made.push(this.made(rows[at], at));
    this.above.firstChild.style.height = `${first * ROW}px`;
    this.below.firstChild.style.height = `${(rows.length - last) * ROW}px`;
    this.body.replaceChildren(...(first ? [this.above] : []), ...made, ...(last < rows.length ? [this.below] : []));
    this.tabbable();
    if (focused) {
      const again = this.element(this.current);
      if (again) again.focus({ preventScroll: true });
      else scroller.setAttribute("tabindex", "-1"), scroller.focus({ preventScroll: true });
    }
  }

  made(row, at) {
    const { grid } = this;
    const inside = grid.hasInside(row) && !this.sorting;
    const open = this.isOpen(row);
    const state = grid.states.get(row) || "";
    const classes = [open && inside ? "open" : "", state && `state-${state.replaceAll(" ", "-")}`];
    const element = make("tr", {
      "data-row": row,
      "aria-level": this.sorting ? 1 : grid.depths[row] + 1,
      "aria-rowindex": at + 2,
      "aria-expanded": inside ? String(open) : null,
      "aria-selected": String(selection.path === grid.paths[row]),
      class: classes.filter(Boolean).join(" ") || null,
      tabindex: -1,
    });
    const depth = this.sorting ? 0 : Math.min(grid.depths[row], 12);
    const name = this.sorting ? grid.paths[row] || "(root)" : grid.names[row];
    const marks = grid.marks.get(row);
    element.append(
      make(
        "td",
        { style: `padding-left:${10 + depth * 14}px`, title: [grid.paths[row], grid.types[row], marks].filter(Boolean).join(" · ") },
        make("span", { class: "twist", "aria-hidden": "true" }, inside ? (open ? "▾" : "▸") : ""),
        make("i", { class: `dot kind-${grid.kinds[row]}` }),
        make("span", { class: "name" }, this.sorting ? cut(name, 48) : name),
        marks ? make("span", { class: "mark" }, ` ${marks}`) : null
      )
    );
    for (const column of this.columns) {
      const text = column.text(row, open);
      const tone = text.startsWith("≥") || text === "?" ? "warn" : text.startsWith("(") ? "dim" : "";
      const kind = column.number ? `figure ${tone}` : tone;
      element.append(make("td", { class: kind.trim() || null, "data-key": column.key, title: column.number ? null : text }, text));
    }
    return element;
  }

  print(now) {
    this.printing = now;
    this.first = null;
    this.fill();
  }

  // Pointer and keys

  rowOf(target) {
    const element = target instanceof Element ? target.closest("tr[data-row]") : null;
    return element ? Number(element.dataset.row) : this.current;
  }

  element(row) {
    return this.body.querySelector(`tr[data-row="${row}"]`);
  }

  click(event) {
    const element = event.target.closest("tr[data-row]");
    if (!element) return;
    const row = Number(element.dataset.row);
    if (event.target.closest(".twist") && this.grid.hasInside(row) && !this.sorting) {
      this.mark(row);
      this.toggle(row);
      return;
    }
    this.choose(row);
    const cell = event.target.closest("td[data-key]");
    if (cell && cell.textContent) selection.explain(this.grid.paths[row], cell.dataset.key);
  }

  point(event) {
    const element = event.target.closest("tr[data-row]");
    if (!element) return;
    const path = this.grid.paths[Number(element.dataset.row)];
    this.hovered(path);
    selection.hover(path, this);
  }

  choose(row) {
    this.mark(row);
    selection.select(this.grid.paths[row], this);
  }

  /** Keys move from row to row. */
  mark(row) {
    this.current = row;
    this.tabbable();
  }

  /** One row of those in sight is where Tab goes. */
  tabbable() {
    for (const other of this.body.querySelectorAll("tr[tabindex='0']")) other.tabIndex = -1;
    const mine = this.element(this.current) || this.body.querySelector("tr[data-row]");
    if (mine) mine.tabIndex = 0;
  }

  focus(row) {
    if (row === undefined) return;
    this.mark(row);
    this.show(row);
    const element = this.element(row);
    if (element) element.focus({ preventScroll: true });
  }

  /** Scroll to a row, within the table. */
  show(row) {
    const at = this.shownAt.get(row);
    if (at === undefined) return;
    const { scroller } = this;
    const head = this.head.offsetHeight;
    const room = scroller.clientHeight - head;
    const top = at * ROW;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + ROW > scroller.scrollTop + room) scroller.scrollTop = top + ROW - room;
    this.fill();
  }

  key(event) {
    if (!event.target.closest("tbody") || event.ctrlKey || event.metaKey || event.altKey) return;
    const { grid, rows } = this;
    const row = this.current;
    const at = this.shownAt.has(row) ? this.shownAt.get(row) : 0;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW) - 2);
    const go = (place) => this.focus(rows[Math.max(0, Math.min(rows.length - 1, place))]);
    const tree = !this.sorting && !this.query;
    const keys = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      PageDown: () => go(at + page),
      PageUp: () => go(at - page),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => {
        if (tree && grid.hasInside(row) && !this.open[row]) this.toggle(row);
        else if (grid.hasInside(row) && !this.sorting) go(at + 1);
      },
      ArrowLeft: () => {
        if (tree && this.open[row]) this.toggle(row);
        else if (grid.parents[row] >= 0 && !this.sorting) this.focus(grid.parents[row]);
      },
      Enter: () => {
        this.choose(row);
        selection.explain(grid.paths[row]);
      },
      " ": () => this.choose(row),
      "*": () => this.change(() => this.openTo(Infinity)),
    };
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  }

  // What other parts say

  selected(path, from) {
    const row = this.grid.places.get(path);
    if (from !== this && row !== undefined) {
      if (!this.sorting && !this.query) this.reveal(row);
      this.list();
      this.fit();
      this.mark(row);
      this.fill();
      this.middle(row);
    }
    for (const element of this.body.querySelectorAll("tr[aria-selected]")) {
      element.setAttribute("aria-selected", String(Number(element.dataset.row) === row));
    }
  }

  /** Scroll so that a row stands in the middle, unless it is seen. */
  middle(row) {
    const at = this.shownAt.get(row);
    if (at === undefined) return;
    const { scroller } = this;
    const room = scroller.clientHeight - this.head.offsetHeight;
    if (at * ROW >= scroller.scrollTop && (at + 1) * ROW <= scroller.scrollTop + room) return;
    scroller.scrollTop = Math.max(0, at * ROW - room / 2);
    this.fill();
  }

  hovered(path) {
    for (const element of this.body.querySelectorAll("tr.hovered")) element.classList.remove("hovered");
    const row = path === null ? undefined : this.grid.places.get(path);
    const element = row === undefined ? null : this.element(row);
    if (element) element.classList.add("hovered");
  }

  // Copies

  async copy(form) {
    const { grid } = this;
    const headings = ["layer", ...this.columns.map((column) => (form === "CSV" ? column.key : column.title))];
    const rows = this.rows.map((row) => {
      const open = this.isOpen(row);
      return [grid.paths[row] || "(root)", ...this.columns.map((column) => this.copied(column, row, open, form))];
    });
    const text = form === "CSV" ? csvOf([headings, ...rows]) : markdownOf(headings, rows, this.columns);
    const done = await copied(text);
    say(done ? `${rows.length} rows copied as ${form}` : "the browser did not let it be copied");
    this.count.textContent = done ? `${counted(rows.length)} rows copied as ${form}` : "not copied";
  }

  copied(column, row, open, form) {
    if (form !== "CSV" || !column.number || !column.raws) return column.text(row, open);
    const raw = column.raw(row, open);
    return raw === null ? "" : String(raw);
  }
}

/** Comma-separated values, in which nothing is a formula. */
function csvOf(rows) {
  const field = (text) => {
    const safe = /^[=+\-@＝＋－＠]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

function markdownOf(headings, rows, columns) {
  const safe = (text) => text.replace(/[\\`*_{}[\]<>|&#~]/g, (c) => `&#${c.charCodeAt(0)};`);
  const line = (cells) => `| ${cells.map(safe).join(" | ")} |`;
  const rule = `| :-- |${columns.map((column) => (column.number ? " --: |" : " :-- |")).join("")}`;
  return [line(headings), rule, ...rows.map(line), ""].join("\n");
}

/** Put a text on the clipboard; pages from files may have no other way than a text area. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.body.appendChild(make("textarea", { class: "unseen", "aria-hidden": "true" }));
    const focused = document.activeElement;
    area.value = text;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (focused) focused.focus();
    return done;
  }
}
