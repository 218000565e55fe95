"""A network as a static picture: what stands where, as SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from netscope.base import units
from netscope.show.drawing.became import has_failed
from netscope.show.drawing.blocks import in_blocks
from netscope.show.drawing.canvas import Canvas, fitted, number, rect, safe, text, title, wide
from netscope.show.drawing.drawing import Drawing
from netscope.show.drawing.kinds import kind_of, told_of
from netscope.show.drawing.looks import QUANTITIES
from netscope.show.drawing.make import opened_of, opened_to
from netscope.show.drawing.place import RANK, Box, Line, Placed, Steps, place

# Cards that a run shows behind it, and how far each stands out.
CARDS: Final = 2
OUT: Final = 3

# The sign of weights that another layer has too.
SHARED: Final = "⇄"

# Texts at edges that are nearer to each other hide one another.
CLOSE: Final = 11


def svg_of(drawing: Drawing, head: Sequence[str] = (), depth: int | None = None) -> str:
    """The network, of each run one copy.

    Args:
        head: sentences above it.
        depth: what is less deep than that is open; as much as one takes in without.
    """
    drawing = in_blocks(drawing)
    groups = drawing.groups
    opened = opened_of(groups, ("module", "run")) if depth is None else opened_to(groups, depth)
    placed = place(drawing, opened)
    right = reach(placed)
    canvas = Canvas(drawing.name, head, max(placed.width, right))
    left = max(0.0, min((canvas.width - placed.width) / 2, canvas.width - right))
    canvas.add(f'<g transform="translate({number(left)} {number(canvas.height)})">')
    canvas.add(*network(drawing, placed))
    canvas.add("</g>")
    canvas.height += placed.height
    return canvas.document()


def network(drawing: Drawing, placed: Placed, looks: Mapping[Steps, str] | None = None) -> list[str]:
    """The boxes and lines: open boxes below lines, and those below closed ones.

    Args:
        looks: of boxes that stand out, what they look like.
    """
    flows = _flows(placed)
    shown = looks or {}
    parts = [_open(drawing, box, flows, shown.get(box.steps, "")) for box in placed.boxes if box.open]
    late = looks is not None  # lines stand further apart where a network beside this one has more of them
    parts += [_edge(line, late=late) for line in placed.lines]
    parts += [_closed(drawing, box, flows, shown.get(box.steps, "")) for box in placed.boxes if not box.open]
    parts += _told(placed.lines)
    return parts


def reach(placed: Placed) -> float:
    """How far to the right what is written at edges reaches."""
    return max([line.spot[0] + wide(line.text, 10) for line in placed.lines if line.text], default=0.0)


def _flows(placed: Placed) -> dict[Steps, tuple[list[str], list[str]]]:
    """What goes into each box, and comes out of it."""
    found: dict[Steps, tuple[list[str], list[str]]] = {}
    for line in placed.lines:
        for end, number_ in ((1, line.edge.source), (0, line.edge.target)):
            told = found.setdefault((*line.steps, number_), ([], []))[end]
            if line.edge.text and line.edge.text not in told:
                told.append(line.edge.text)
    return found


def title_of(drawing: Drawing, box: Box, flows: Mapping[Steps, tuple[list[str], list[str]]]) -> str:
    """The whole name of a box, what it is, its shapes and figures."""
    node = box.node
    came, went = flows.get(box.steps, ([], []))
    own = node.kind == "module" and node.path
    lines = [(box.path or node.label) if own else node.label, node.below]
    if node.times > 1:
        lines.append(f"{units.times(node.times)} identical")
    lines += node.marks
    if came:
        lines.append("in " + ", ".join(came))
    if went:
        lines.append("out " + ", ".join(went))
    if own:
        for key, (name, told) in QUANTITIES.items():
            if key in drawing.values and box.path in drawing.values[key]:
                lines.append(f"{name} {told(drawing.values[key][box.path])}")
    elif node.kind == "operator":
        lines.append(f"MACs {units.metric(node.macs)}")
    return title(lines)


def _open(drawing: Drawing, box: Box, flows: Mapping[Steps, tuple[list[str], list[str]]], looks: str) -> str:
    node = box.node
    failed = " failed" if has_failed(drawing, box.node, box.path, box.steps) else ""
    room = box.width - 24
    label = fitted(node.label, room)
    parts = ["<g>", title_of(drawing, box, flows)]
    if node.kind == "run":
        parts += _cards(box)
    parts.append(rect(box.x, box.y, box.width, box.height, f"open{failed} {looks}".rstrip(), round=8))
    parts.append(text(box.x + 12, box.y + 17, label, "label"))
    taken = wide(node.label) + 10
    if node.times > 1:
        badge = units.times(node.times)
        if taken + wide(badge) < room:
            parts.append(text(box.x + 12 + taken, box.y + 17, badge, "times"))
            taken += wide(badge) + 10
    if node.below and taken + wide(node.below, 11) < room:
        parts.append(text(box.x + 12 + taken, box.y + 17, fitted(node.below, room - taken, 11), "below"))
    return "".join([*parts, "</g>"])


def _closed(
    drawing: Drawing, box: Box, flows: Mapping[Steps, tuple[list[str], list[str]]], looks: str
) -> str:
    node = box.node
    x, y, width, height = box.x, box.y, box.width, box.height
    if node.is_end and len(box.steps) > 1:
        label = title([node.label]) if node.label else ""
        center = f'cx="{number(x + width / 2)}" cy="{number(y + height / 2)}"'
        return f'<circle class="dot" {center} r="3">{label}</circle>'
    parts = ["<g>", title_of(drawing, box, flows)]
    shape = {"operator": "pill", "input": "end", "output": "end"}.get(node.kind, "box")
    if has_failed(drawing, box.node, box.path, box.steps):
        shape += " failed"
    if looks:
        shape += f" {looks}"
    if node.kind == "run":
        parts += _cards(box)
    parts.append(rect(x, y, width, height, shape, round=height / 2 if node.kind == "operator" else 6))
    if "changed" in looks:
        parts.append(rect(x + 4, y + 4, width - 8, height - 8, "inner changed", round=3))
    centered = node.kind in ("operator", "input", "output")
    at = x + width / 2 if centered else x + 14
    anchor = "middle" if centered else ""
    if not centered:
        parts.append(rect(x + 4, y + 5, 4, height - 10, kind_of(told_of(node)), round=2))
    badge = units.times(node.times) if node.times > 1 else ""
    room = width - (12 if centered else 21) - (wide(badge, 11) + 6 if badge else 0)
    first = y + (height / 2 + 4 if not node.below else 17)
    parts.append(text(at, first, fitted(node.label, room), "label", anchor=anchor))
    if badge:
        parts.append(text(x + width - 8, first, badge, "times", anchor="end"))
    if any(mark.startswith("shared") for mark in node.marks):
        parts.append(text(x + width - 7, y + 12, SHARED, "mark", anchor="end"))
    if node.below:
        told = fitted(node.below, width - (12 if centered else 21), 11)
        parts.append(text(at, y + 32, told, "below", anchor=anchor))
    return "".join([*parts, "</g>"])


def _cards(box: Box) -> list[str]:
    """What lies behind the first of a run."""
    outs = [OUT * card for card in range(CARDS, 0, -1)]
    return [rect(box.x + out, box.y + out, box.width, box.height, "card") for out in outs]


def _edge(line: Line, *, late: bool = False) -> str:
    """An edge as a smooth line; `late` ones go aside where they arrive, others on all of the way there."""
    (x, y), *rest = line.points
    drawn = f"M{number(x)} {number(y)}"
    for turn, (to_x, to_y) in enumerate(rest):
        if turn % 2 == 0 or to_x == x:  # within a line of boxes, or just below
            drawn += f"V{number(to_y)}" if to_y != y else ""
        else:
            if late and to_y - y > RANK:
                y = to_y - RANK
                drawn += f"V{number(y)}"
            half = number((y + to_y) / 2)
            drawn += f"C{number(x)} {half} {number(to_x)} {half} {number(to_x)} {number(to_y)}"
        x, y = to_x, to_y
    return f'<path class="edge" d="{drawn}" marker-end="url(#tip)"/>'


def _told(lines: Sequence[Line]) -> list[str]:
    """What is written at edges, as far as one text does not hide another."""
    taken: dict[int, list[tuple[float, float, float]]] = {}
    parts = []
    for line in lines:
        if not line.text:
            continue
        x, y = line.spot
        end = x + wide(line.text, 10)
        bands = [int(y // CLOSE) + step for step in (-1, 0, 1)]
        around = [one for band in bands for one in taken.get(band, ())]
        if any(x < other_end and other < end and abs(y - at) < CLOSE for other, other_end, at in around):
            continue
        taken.setdefault(bands[1], []).append((x, end, y))
        parts.append(text(x, y, safe(line.text), "aside halo"))
    return parts
