/* Curves and scatters, which stand in the page as pictures: points get a tip, and lead to their rows. */

function livenPlot(figure) {
  const pointOf = (event) => (event.target instanceof Element ? event.target.closest("[data-path], .point") : null);
  const said = (point) => {
    const title = point.querySelector("title");
    return [title ? title.textContent : "", point.dataset.path || ""];
  };
  figure.addEventListener("pointermove", (event) => {
    const point = pointOf(event);
    if (point) tip.show(event.clientX, event.clientY, said(point));
    else tip.hide();
    selection.hover(point && point.dataset.path !== undefined ? point.dataset.path : null, null);
  });
  figure.addEventListener("pointerleave", () => tip.hide());
  figure.addEventListener("focusin", (event) => {
    const point = pointOf(event);
    if (!point) return;
    const box = point.getBoundingClientRect();
    tip.show(box.left + box.width / 2, box.top + box.height / 2, said(point));
  });
  figure.addEventListener("focusout", () => tip.hide());
  const press = (event) => {
    const point = pointOf(event);
    if (point && point.dataset.path !== undefined) selection.select(point.dataset.path, null);
  };
  figure.addEventListener("click", press);
  figure.addEventListener("keydown", (event) => {
    if (event.key === "Enter") press(event);
  });
  for (const point of figure.querySelectorAll("[data-path]")) {
    if (!point.hasAttribute("tabindex")) point.setAttribute("tabindex", "0");
  }
}
