"""The page of what can be named: by source, the names in columns or with a line on each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.models import Catalog
from netscope.base import units
from netscope.report.store import documents
from netscope.show import page as p

_KEYS: Final = ("name", "source", "form", "description")


def page(catalog: Catalog, *, plain: bool = False) -> p.Page:
    """What `netscope models` shows; `plain` is the names alone, for other programs."""
    listed = [{key: getattr(model, key) for key in _KEYS} for model in catalog]
    whole = {
        "schema_version": documents.SCHEMA_VERSION,
        "kind": "models",
        "also": list(catalog.also),
        "models": listed,
    }
    return p.Page(
        title="models",
        head=(),
        sections=lambda: [_plain(catalog)] if plain else _sections(catalog),
        records=lambda: p.Records(_KEYS, [list(one.values()) for one in listed], documents.SCHEMA_VERSION),
        document=lambda: p.Document(whole, "models"),
    )


def _plain(catalog: Catalog) -> p.Table:
    return p.Table([p.Heading("model")], [p.Row((p.Cell(name),)) for name in catalog.names], bare=True)


def _sections(catalog: Catalog) -> Iterator[p.Section]:
    for source in dict.fromkeys(model.source for model in catalog):
        group = [model for model in catalog if model.source == source]
        yield p.Title([p.Piece(f"{source} ({units.count(len(group))})")], close=True)
        if any(model.description for model in group):
            rows = [
                p.Row((p.Cell(model.name, "title", code=True), p.Cell(model.description))) for model in group
            ]
            yield p.Table([p.Heading("model"), p.Heading("", wraps=True)], rows, bare=True)
        else:
            yield p.Listing([model.name for model in group])
    if catalog.also:
        yield p.Notes([p.Note(f"also: {', '.join(catalog.also)}", "dim")])
