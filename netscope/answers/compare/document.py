"""A comparison as plain JSON values, one dataclass for each part; the published schema derives from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from netscope.answers.compare.variants import Comparison, Variant
from netscope.report.quantities import BY_KEY, Number
from netscope.report.store.documents import SCHEMA_VERSION, Network, network


@dataclass(frozen=True, slots=True)
class VariantDocument:
    """One network of a comparison; an error stands for what could not be loaded or traced."""

    name: str
    error: str | None
    network: Network | None
    quantities: dict[str, Number | None]


@dataclass(frozen=True, slots=True)
class ComparisonDocument:
    """What `netscope compare --format json` writes: the totals of several networks."""

    schema_version: int
    kind: Literal["comparison"]
    variants: tuple[VariantDocument, ...]


def document(several: Comparison) -> ComparisonDocument:
    """The comparison in its published form."""
    variants = tuple(
        VariantDocument(
            name=one.name,
            error=one.error or None,
            network=None if one.report is None else network(one.report),
            quantities=one.quantities,
        )
        for one in several
    )
    return ComparisonDocument(SCHEMA_VERSION, "comparison", variants)


# Columns of a comparison's CSV and data frame.
COLUMNS: Final = ("name", "input", *BY_KEY, "error", "unseen")


def values(one: Variant) -> list[Any]:
    """What a network has under these headings; an input is written 1x3x224x224."""
    inputs = () if one.report is None else one.report.inputs
    shapes = ";".join("x".join(map(str, leaf.shape)) for leaf in inputs if leaf.shape is not None)
    error = one.error or (None if one.report is None else one.report.error)
    unseen = None if one.report is None else "; ".join(one.report.root.unseen) or None
    return [one.name, shapes, *(one.quantities.get(key) for key in BY_KEY), error, unseen]
