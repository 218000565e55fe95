/* What every part uses: elements, a tip, a voice for screen readers, a frame's time. */

/** An element; attributes that are functions listen, and texts are texts, whatever is in them. */
function make(tag, attributes, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same, of SVG. */
function draw(tag, attributes, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A button of a tool bar. */
function button(text, label, press, more) {
  const name = label || text;
  return make("button", { type: "button", title: name, "aria-label": name, click: press, ...more }, text);
}

/** A choice among texts: `choices` are pairs of a value and its text. */
function chooser(label, choices, chosen, choose) {
  const select = make("select", { "aria-label": label, change: () => choose(select.value) });
  for (const [value, text] of choices) {
    select.append(make("option", { value, selected: value === chosen }, text));
  }
  return make("label", { class: "choice" }, make("span", null, label), select);
}

/** Say something to who does not see it happen. */
function say(text) {
  say.place = say.place || document.body.appendChild(make("div", { class: "unseen", "aria-live": "polite" }));
  say.place.textContent = text;
}

/** A function that runs once in the next frame, however often it is asked for. */
function inFrame(run) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      run();
    });
  };
}

/** Whether somebody types there. */
function typing(target) {
  return target instanceof Element && target.closest("input, select, textarea, summary") !== null;
}

/** A text in at most that many characters, cut in its middle. */
function cut(text, most) {
  if (text.length <= most) return text;
  if (most < 2) return "…";
  const tail = Math.floor((most - 1) / 3);
  return text.slice(0, most - 1 - tail) + "…" + text.slice(text.length - tail);
}

/** The one tip of the page, beside what it is about. */
const tip = {
  show(x, y, lines) {
    this.box = this.box || document.body.appendChild(make("div", { class: "tip", role: "tooltip" }));
    this.box.replaceChildren(...lines.filter(Boolean).map((line) => make("div", null, line)));
    this.box.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const left = Math.max(8, Math.min(x + 14, innerWidth - width - 8));
    const top = y + 18 + height < innerHeight ? y + 18 : Math.max(8, y - height - 10);
    this.box.style.transform = `translate(${left}px, ${top}px)`;
  },
  hide() {
    if (this.box) this.box.hidden = true;
  },
};

/** The kind of a layer by the name of its type: it has a colour, and nothing depends on it. */
const KINDS = [
  ["conv", /conv/i],
  ["attention", /attention|attn|sdpa/i],
  ["norm", /norm|lrn/i],
  ["linear", /linear|dense|matmul|^(addmm|bmm|mm)$/i],
  ["embedding", /embed/i],
  ["pool", /pool|upsample|interpolate/i],
  ["activation", /relu|gelu|silu|sigmoid|tanh|softmax|softplus|swish|mish|^elu|activation|dropout/i],
];
function kindOf(type) {
  const found = KINDS.find(([, pattern]) => pattern.test(type));
  return found ? found[0] : "other";
}
