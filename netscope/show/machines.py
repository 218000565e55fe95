"""The page of the machines whose limits are known: what each can do, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.base import units
from netscope.machine.timing.devices import DeviceSpecs
from netscope.report.store import documents
from netscope.show import page as p

_KEYS: Final = ("name", "title", "memory", "bandwidth", "source")


def page(specs: DeviceSpecs) -> p.Page:
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
    return p.Page(
        title="machines",
        head=(),
        sections=lambda: _sections(specs, dtypes),
        records=lambda: p.Records((*_KEYS, *dtypes), rows, documents.SCHEMA_VERSION),
        document=lambda: p.Document(whole, "machines"),
    )


def _sections(specs: DeviceSpecs, dtypes: list[str]) -> Iterator[p.Section]:
    headings = [
        p.Heading("name"),
        p.Heading("machine", floor=16),
        p.Heading("memory", right=True, units=True),
        p.Heading("bandwidth", right=True, units=True),
        *(p.Heading(f"{dtype} FLOP/s", right=True, units=True) for dtype in dtypes),
    ]
    rows = [
        p.Row(
            [
                p.Cell(spec.name, "title", code=True),
                p.Cell(spec.title),
                p.Cell(units.binary(spec.memory)),
                p.Cell(units.bandwidth(spec.bandwidth)),
                *(p.Cell(units.rate(spec.peaks[d]) if d in spec.peaks else "") for d in dtypes),
                p.Cell(spec.source, "dim"),
            ]
        )
        for spec in specs
    ]
    yield p.Table([*headings, p.Heading("source", drop=9, floor=24)], rows)
    yield p.Notes([p.Note(specs.note, "dim")])
