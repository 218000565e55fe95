"""Shapes that a layer is expected to return, with wildcards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

from netscope.report.layer import Layer, Shape

Size = int | str | EllipsisType | None
Pattern = Sequence[Size]


@dataclass(frozen=True, slots=True)
class Returns:
    """That a layer ("" for the network) returns a tensor of that shape, or tensors of those shapes.

    pattern:
        None, -1 and any text such as "N" stand for any size, and `...` for any number of sizes.
    """

    layer: str
    pattern: tuple[Any, ...]

    def holds(self, layer: Layer) -> bool:
        """Whether the layer's output is of that form."""
        return fits(layer, self.pattern)

    def __str__(self) -> str:
        return f"{f'{self.layer}:' if self.layer else ''}output=={pattern_text(self.pattern)}"


def fits(layer: Layer, pattern: Pattern | Sequence[Pattern]) -> bool:
    """Whether a layer returned tensors of that shape, or those shapes.

    Raises:
        ValueError: a shape has two `...`.
    """
    shapes = layer.output_shapes
    if _is_one_shape(pattern):
        return len(shapes) == 1 and _matches(shapes[0], pattern)
    return len(shapes) == len(pattern) and all(
        _matches(shape, each) for shape, each in zip(shapes, pattern, strict=True)
    )


def pattern_text(pattern: Any) -> str:
    """How an expectation reads: (None, ..., 7) as "(None, ..., 7)"."""
    if not _is_one_shape(pattern):
        return "[" + ", ".join(map(pattern_text, pattern)) + "]"
    texts = ["..." if size is ... else size if isinstance(size, str) else str(size) for size in pattern]
    return "(" + ", ".join(texts) + ("," if len(texts) == 1 else "") + ")"


def outputs_text(layer: Layer) -> str:
    """What a layer returned, written as a pattern is."""
    if layer.calls == 0:
        return "nothing: it was not called"
    shapes = layer.output_shapes
    if not shapes:
        return "no tensor"
    return pattern_text(shapes[0] if len(shapes) == 1 else list(shapes))


def _is_one_shape(pattern: Any) -> bool:
    return not any(isinstance(size, (tuple, list)) for size in pattern)


def _matches(shape: Shape, pattern: Any) -> bool:
    """Whether every size is the expected one or stands before a wildcard."""
    sizes = list(pattern)
    if sizes.count(...) > 1:
        raise ValueError(f"a shape can have one ..., not {pattern_text(pattern)}")
    if ... in sizes:
        at = sizes.index(...)
        rest = len(shape) - len(sizes) + 1
        if rest < 0:
            return False
        sizes[at : at + 1] = [None] * rest
    return len(sizes) == len(shape) and all(
        wanted is None or wanted == -1 or isinstance(wanted, str) or wanted == size
        for wanted, size in zip(sizes, shape, strict=True)
    )
