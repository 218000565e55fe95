"""The page of what can be named: by source, the names in columns or with a line on each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.models import Catalog
from netscope.base import units
from netscope.report.store import documents
from netscope.show.page import (
    Cell,
    Document,
    Heading,
    Names,
    Note,
    Notes,
    Page,
    Piece,
    Records,
    Row,
    Section,
    Table,
    Title,
)

_KEYS: Final = ("name", "source", "form", "description")


def page(catalog: Catalog, *, plain: bool = False) -> Page:
    """What `netscope models` shows; `plain` is the names alone, for other programs."""
    listed = [{key: getattr(model, key) for key in _KEYS} for model in catalog]
    whole = {
        "schema_version": documents.SCHEMA_VERSION,
        "kind": "models",
        "also": list(catalog.also),
        "models": listed,
    }
    return Page(
        title="models",
        head=(),
        sections=lambda: [_plain(catalog)] if plain else _sections(catalog),
        records=lambda: Records(_KEYS, [list(one.values()) for one in listed], documents.SCHEMA_VERSION),
        document=lambda: Document(whole, "models"),
    )


def _plain(catalog: Catalog) -> Table:
    return Table([Heading("model")], [Row((Cell(name),)) for name in catalog.names], bare=True)


def _sections(catalog: Catalog) -> Iterator[Section]:
    for source in dict.fromkeys(model.source for model in catalog):
        group = [model for model in catalog if model.source == source]
        yield Title([Piece(f"{source} ({units.count(len(group))})")], close=True)
        if any(model.description for model in group):
            rows = [Row((Cell(model.name, "title", code=True), Cell(model.description))) for model in group]
            yield Table([Heading("model"), Heading("", wraps=True)], rows, bare=True)
        else:
            yield Names([model.name for model in group])
    if catalog.also:
        yield Notes([Note(f"also: {', '.join(catalog.also)}", "dim")])
