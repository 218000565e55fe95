/* What is selected and what is under the pointer, which all parts of the page show. */

/** Parts register and are told; `from` is the part that began, which knows already. */
const selection = {
  path: null,
  listeners: [],
  on(listener) {
    this.listeners.push(listener);
  },
  select(path, from) {
    this.path = path;
    for (const listener of this.listeners) if (listener.selected) listener.selected(path, from);
  },
  hover(path, from) {
    for (const listener of this.listeners) if (listener !== from && listener.hovered) listener.hovered(path);
  },
  /** Show how the figures of a row were counted. */
  explain(path, key) {
    for (const listener of this.listeners) if (listener.explained) listener.explained(path, key);
  },
};
