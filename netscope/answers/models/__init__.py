"""What can be named: a `Catalog` of models. Frozen; the forms of names are told by those who know them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Catalog", "Listed"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One model that can be named.

    source:
        the kind of place that it comes from: "zoo", "torchvision".
    form:
        the form of names that it is one of: "torchvision/NAME".
    description:
        a line on it; "" where nobody wrote one.
    """

    name: str
    source: str
    form: str
    description: str = ""


@dataclass(frozen=True)
class Catalog:
    """Models that can be named, grouped by source.

    also:
        how else a model can be named, for what nobody can list: "path/file.py:factory".
    """

    models: tuple[Listed, ...]
    also: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Listed]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    @property
    def names(self) -> tuple[str, ...]:
        """The names alone."""
        return tuple(model.name for model in self.models)
