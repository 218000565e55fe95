/* Curves and scatters, which stand in the page as pictures: points get a tip, and lead to their rows. */

/** One stop for Tab; arrows go from point to point. */
function livenPlot(figure) {
  const points = [...figure.querySelectorAll(".nsp-at, .nsp-dot")];
  const textOf = (point) => {
    const title = point.querySelector("title");
    return title ? title.textContent : "";
  };
  const pointOf = (event) => (event.target instanceof Element ? event.target.closest(".nsp-at, .nsp-dot") : null);
  let current = null;

  // The tip says what the browser's own would say once more.
  const titles = new Map(points.map((point) => [point, textOf(point)]));
  const known = (point) => [titles.get(point), point.dataset.path || ""];
  for (const point of points) for (const title of point.querySelectorAll("title")) title.remove();

  const select = (point) => {
    if (point && point.dataset.path !== undefined) selection.select(point.dataset.path, null);
  };
  const go = (to) => {
    if (current) current.classList.remove("current");
    current = to;
    if (!to) {
      tip.hide();
      return;
    }
    to.classList.add("current");
    const spot = (to.querySelector("circle") || to).getBoundingClientRect();
    tip.show(spot.left + spot.width / 2, spot.top + spot.height / 2, known(to));
    say(titles.get(to));
  };

  figure.addEventListener("pointermove", (event) => {
    const point = pointOf(event);
    if (point) tip.show(event.clientX, event.clientY, known(point));
    else tip.hide();
    selection.hover(point && point.dataset.path !== undefined ? point.dataset.path : null, null);
  });
  figure.addEventListener("pointerleave", () => {
    tip.hide();
    selection.hover(null, null);
  });
  figure.addEventListener("click", (event) => select(pointOf(event)));
  figure.addEventListener("focusout", () => go(null));
  figure.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !points.length) return;
    const at = points.indexOf(current);
    const last = points.length - 1;
    const keys = {
      ArrowRight: () => go(points[Math.min(at + 1, last)]),
      ArrowLeft: () => go(points[at < 0 ? last : Math.max(at - 1, 0)]),
      Home: () => go(points[0]),
      End: () => go(points[last]),
      Enter: () => select(current),
    };
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  });
  const picture = figure.querySelector("svg");
  figure.setAttribute("tabindex", "0");
  figure.setAttribute("role", "group");
  figure.setAttribute("aria-label", `${picture.getAttribute("aria-label")}. Arrows go from point to point.`);
  picture.setAttribute("aria-hidden", "true");
}
