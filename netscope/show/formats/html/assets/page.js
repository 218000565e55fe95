/* The page: its theme, and its parts. */

function themes() {
  const root = document.documentElement;
  const names = [["auto", "◐"], ["light", "☀"], ["dark", "☾"]];
  const buttons = names.map(([name, sign]) =>
    button(sign, `${name} colours`, () => choose(name), { "aria-pressed": String(name === "auto") })
  );
  const choose = (name) => {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    buttons.forEach((one, i) => one.setAttribute("aria-pressed", String(names[i][0] === name)));
  };
  document.querySelector("header.top").append(make("div", { class: "themes", role: "group", "aria-label": "Colours" }, ...buttons));
}

/** The parts of one network: its picture, its map, its table, and how it was counted. */
async function network(network_, layers) {
  const grid = layers ? new Grid(await read(layers.dataset.from)) : null;
  if (grid) new Panel(grid);
  if (network_) {
    const drawing = new Drawing(await read(network_.dataset.from));
    window.netscope.drawing = drawing;
    window.netscope.network = new Network(network_, drawing, grid);
  }
  if (!grid) return;
  const tree = treeOfGrid(grid);
  if (tree.quantities.length && tree.count > 1) {
    const place = make("section", { class: "part map", "aria-label": "Map" });
    layers.before(place);
    new Icicle(place, tree, "Map");
  }
  new LayerTable(layers, grid);
}

async function start() {
  themes();
  document.documentElement.classList.add("live");
  for (const work of document.querySelectorAll(".work")) {
    await network(work.querySelector(".part.network"), work.querySelector(".part.layers"));
  }
  for (const layers of document.querySelectorAll(".part.layers")) {
    if (!layers.closest(".work")) await network(null, layers);
  }
  for (const alone of document.querySelectorAll(".part.network")) {
    if (!alone.closest(".work")) await network(alone, null);
  }
  for (const place of document.querySelectorAll(".part.difference")) {
    window.netscope.difference = new DifferenceView(place, await read(place.dataset.from));
  }
  for (const figure of document.querySelectorAll("figure.plot")) livenPlot(figure);
  reach();
  addEventListener("resize", inFrame(reach));
  document.documentElement.dataset.ready = "";
}

/** What scrolls can be scrolled by keys; a curve is a stop for Tab anyway. */
function reach() {
  for (const block of document.querySelectorAll(".block")) {
    if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
    else block.removeAttribute("tabindex");
  }
}

/** What a test of the page may ask. */
window.netscope = {
  /** Boxes by their steps as [x, y, width, height], of a drawing's JSON, with those steps open. */
  place(json, opened) {
    const drawing = json instanceof Drawing ? json : new Drawing(json);
    const { boxes } = new Placing(drawing).all(opened ? new Set(opened) : drawing.opened);
    return Object.fromEntries(boxes.map((box) => [box.key, [box.x, box.y, box.w, box.h]]));
  },
};

start();
