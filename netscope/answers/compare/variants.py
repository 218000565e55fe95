"""Several networks side by side: a `Comparison` of `Variant`s. Frozen, raw; nothing is paired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from netscope.base.answer import Answer
from netscope.base.errors import NetscopeError
from netscope.report.quantities import QUANTITIES, Delta, Number
from netscope.report.report import Report


@dataclass(frozen=True, slots=True)
class Variant:
    """One network.

    report:
        None when it could not be loaded or traced; `error` then says why, else it is "".
    failure:
        what was raised then; it is not saved.
    """

    name: str
    report: Report | None
    error: str = ""
    failure: NetscopeError | None = field(default=None, repr=False, compare=False)

    @property
    def quantities(self) -> dict[str, Number | None]:
        """Every quantity of the whole network, by key; empty when there is no report."""
        if self.report is None:
            return {}
        return {quantity.key: quantity.of_report(self.report) for quantity in QUANTITIES}


@dataclass(frozen=True)
class Comparison(Answer):
    """Networks in the order in which they were named; changes are against the first that could be traced."""

    variants: tuple[Variant, ...]

    def __iter__(self) -> Iterator[Variant]:
        return iter(self.variants)

    def __len__(self) -> int:
        return len(self.variants)

    def __getitem__(self, which: int | str) -> Variant:
        """By position, or by name: the first of that name.

        Raises:
            KeyError: no variant has that name.
            IndexError: there are fewer.
        """
        if isinstance(which, int):
            return self.variants[which]
        for variant in self.variants:
            if variant.name == which:
                return variant
        raise KeyError(f"{which!r} is not among the variants")

    @property
    def failed(self) -> tuple[Variant, ...]:
        """Those that could not be loaded or traced."""
        return tuple(variant for variant in self.variants if variant.report is None)

    @cached_property
    def first(self) -> Variant | None:
        """The one that the others are measured against; None when all failed."""
        return next((variant for variant in self.variants if variant.report is not None), None)

    def least(self, key: str) -> Variant | None:
        """The one that alone has the smallest figure; None where several have, or only one is known."""
        known = [(value, one) for one in self if (value := one.quantities.get(key)) is not None]
        smallest = min([value for value, _ in known], default=None)
        found = [one for value, one in known if value == smallest]
        return found[0] if len(found) == 1 < len(known) else None

    def delta(self, variant: Variant, key: str) -> Delta:
        """A quantity of the first and of this one."""
        first = self.first.quantities if self.first is not None else {}
        return Delta(first.get(key), variant.quantities.get(key))

    @property
    def verb(self) -> str:
        """Its page."""
        return "compare"
