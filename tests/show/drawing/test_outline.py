"""A drawing as a plain graph: with all open, every value goes from where it is made to where it is read."""

from __future__ import annotations

import pytest

import netscope
from netscope.show.drawing.drawing import Drawing
from netscope.show.drawing.make import drawing_of
from netscope.show.drawing.outline import outline_of


def opened(drawing: Drawing) -> Drawing:
    """The same with every box open."""
    found: set[tuple[int, ...]] = set()
    waiting: list[tuple[tuple[int, ...], int]] = [((), 0)]
    while waiting:
        steps, group = waiting.pop()
        for number, node in enumerate(drawing.groups[group].nodes):
            if node.inside >= 0:
                found.add((*steps, number))
                waiting.append(((*steps, number), node.inside))
    return drawing._replace(opened=frozenset(found))


# Convolutions, each with its norm; activations; additions. Beside them an input, a pool at either end, the
# classifier and an output. Each reads one value, but for the additions, which read two.
@pytest.mark.parametrize(
    ("name", "convolutions", "activations", "additions"),
    [("torchvision/resnet18", 20, 17, 8), ("torchvision/resnet50", 53, 49, 16)],
)
def test_residual_networks_by_hand(name: str, convolutions: int, activations: int, additions: int) -> None:
    drawing = drawing_of(netscope.summary(name))
    assert drawing is not None
    outline = outline_of(opened(drawing), 10_000)
    boxes = [box for box in outline.boxes() if box.inside is None]
    assert len(boxes) == 2 * convolutions + activations + additions + 5
    assert len(outline.lines) == len(boxes) - 1 + additions
    shown = {box.number for box in boxes}
    assert {end for line in outline.lines for end in (line.source, line.target)} == shown


@pytest.mark.parametrize("most", [1, 7, 20, 80])
def test_there_are_never_more_boxes_than_asked_for(most: int) -> None:
    drawing = drawing_of(netscope.summary("torchvision/googlenet"))
    assert drawing is not None
    outline = outline_of(opened(drawing), most)
    boxes = list(outline.boxes())
    assert len(boxes) <= most
    assert [box.number for box in boxes] == list(range(len(boxes)))
    assert {end for line in outline.lines for end in (line.source, line.target)} <= set(range(len(boxes)))
