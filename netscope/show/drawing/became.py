"""What became of a box: in a forward that failed, and in a difference, by what became of rows.

The page's script goes by the same rule for a difference:

1. A row's box has the status of its row. A closed one that stayed has "~" where something within it did not.
2. A box that opens and is no row, as a run, has the status of all those within it; "~" where they differ.
3. Work that is no row came or went with the row around it, and is the same otherwise.
4. Where values enter and leave is the same always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from netscope.show.drawing.drawing import Drawing, DrawnNode
from netscope.show.drawing.place import Steps, path_in

# Status of a row of which only the shapes are others, for who tells it from one that changed.
PASSED: Final = "passed"


class Became:
    """What became of the boxes of one side."""

    def __init__(self, drawing: Drawing, statuses: Mapping[str, str]) -> None:
        self._drawing = drawing
        self._statuses = statuses
        # Rows that have one within them that is not the same.
        self._touched: set[str] = set()
        for path, status in statuses.items():
            parts = path.split(".") if status != "=" else []
            self._touched.update(".".join(parts[:count]) for count in range(len(parts)))

    def of(self, node: DrawnNode, path: str, *, closed: bool) -> str:
        """A status as of `netscope.answers.diff`, or `PASSED`.

        Args:
            path: of its row, or of the row around it where it is none.
        """
        status = self._statuses.get(path, "=")
        if node.path:
            return "~" if status == "=" and closed and path in self._touched else status
        if node.is_end:
            return "="
        found = set(self._within(node, path))
        if not found:
            return status if status in "+-" else "="
        if len(found) == 1:
            return found.pop()
        return PASSED if found == {PASSED, "="} else "~"

    def _within(self, node: DrawnNode, path: str) -> Iterator[str]:
        """What became of each box directly within one."""
        for one in self._drawing.groups[node.inside].nodes if node.inside >= 0 else ():
            if not one.is_end:
                yield self.of(one, path_in(path, one), closed=True)


def has_failed(drawing: Drawing, node: DrawnNode, path: str, steps: Steps) -> bool:
    """Whether the forward failed in the box itself; of the network's own, no output was reached."""
    if drawing.failed is None:
        return False
    if not drawing.failed:
        return node.kind == "output" and len(steps) == 1
    return node.kind == "module" and node.path != "" and path == drawing.failed


def failed_of(drawing: Drawing) -> list[Steps]:
    """All boxes in which the forward failed."""
    found: list[Steps] = []
    waiting: list[tuple[Steps, str, int]] = [] if drawing.failed is None else [((), "", 0)]
    while waiting:
        around, path, group = waiting.pop()
        for number, node in enumerate(drawing.groups[group].nodes):
            steps, own = (*around, number), path_in(path, node)
            if has_failed(drawing, node, own, steps):
                found.append(steps)
            if node.inside >= 0:
                waiting.append((steps, own, node.inside))
    return found
