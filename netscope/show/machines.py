"""The page of the machines whose limits are known: what each can do, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.base import units
from netscope.machine.timing.devices import DeviceSpecs
from netscope.report.store import documents
from netscope.show.page import (
    Cell,
    Document,
    Heading,
    Note,
    Notes,
    Page,
    Records,
    Row,
    Section,
    Table,
)

_KEYS: Final = ("name", "title", "memory", "bandwidth", "source")


def page(specs: DeviceSpecs) -> Page:
    """What `netscope roofline --list` shows."""
    dtypes = list(dict.fromkeys(dtype for spec in specs for dtype in spec.peaks))
    rows = [
        [*(getattr(spec, key) for key in _KEYS), *(spec.peaks.get(dtype) for dtype in dtypes)]
        for spec in specs
    ]
    listed = [{**{key: getattr(spec, key) for key in _KEYS}, "peaks": dict(spec.peaks)} for spec in specs]
    whole = {
        "schema_version": documents.SCHEMA_VERSION,
        "kind": "machines",
        "note": specs.note,
        "machines": listed,
    }
    return Page(
        title="machines",
        head=(),
        sections=lambda: _sections(specs, dtypes),
        records=lambda: Records((*_KEYS, *dtypes), rows, documents.SCHEMA_VERSION),
        document=lambda: Document(whole, "machines"),
    )


def _sections(specs: DeviceSpecs, dtypes: list[str]) -> Iterator[Section]:
    headings = [
        Heading("name"),
        Heading("machine", floor=16),
        Heading("memory", right=True, units=True),
        Heading("bandwidth", right=True, units=True),
        *(Heading(f"{dtype} FLOP/s", right=True, units=True) for dtype in dtypes),
    ]
    rows = [
        Row(
            [
                Cell(spec.name, "title", code=True),
                Cell(spec.title),
                Cell(units.binary(spec.memory)),
                Cell(units.bandwidth(spec.bandwidth)),
                *(Cell(units.rate(spec.peaks[d]) if d in spec.peaks else "") for d in dtypes),
                Cell(spec.source, "dim"),
            ]
        )
        for spec in specs
    ]
    yield Table([*headings, Heading("source", drop=9, floor=24)], rows)
    yield Notes([Note(specs.note, "dim")])
