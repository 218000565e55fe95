"""The page of the machines whose limits are known: what each can do, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.base import units
from netscope.machine.timing.devices import DeviceSpecs
from netscope.report.measured.links import Links
from netscope.report.store import documents
from netscope.show import page as p

_KEYS: Final = ("name", "title", "memory", "bandwidth", "source")
_LINKS: Final = Links._fields


def page(specs: DeviceSpecs) -> p.Page:
    """What `netscope roofline --list` shows."""
    dtypes = list(dict.fromkeys(dtype for spec in specs for dtype in spec.peaks))
    rows = [
        [*(getattr(spec, key) for key in _KEYS), *(spec.peaks.get(dtype) for dtype in dtypes)]
        for spec in specs
    ]
    for row, spec in zip(rows, specs, strict=True):
        row += [None if spec.links is None else getattr(spec.links, key) for key in _LINKS]
    listed = [
        {
            **{key: getattr(spec, key) for key in _KEYS},
            "peaks": dict(spec.peaks),
            "links": None if spec.links is None else spec.links._asdict(),
        }
        for spec in specs
    ]
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
        records=lambda: p.Records(
            (*_KEYS, *dtypes, *(f"links_{key}" for key in _LINKS)), rows, documents.SCHEMA_VERSION
        ),
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
    yield _links(specs)
    yield p.Notes([p.Note(specs.note, "dim")])


def _links(specs: DeviceSpecs) -> p.Table:
    """By what each is joined to others, in one direction."""
    headings = [
        p.Heading("to others"),
        p.Heading("link"),
        p.Heading("joins", right=True, drop=2),
        p.Heading("inside a node", right=True, units=True),
        p.Heading("by the host", right=True, units=True, drop=1),
        p.Heading("between nodes", right=True, units=True),
        p.Heading("source", drop=9, floor=24),
    ]
    known = [(spec.name, spec.links) for spec in specs if spec.links is not None]
    return p.Table(
        headings,
        [
            p.Row(
                [
                    p.Cell(name, "title", code=True),
                    p.Cell(links.name),
                    p.Cell(units.count(links.joined) if links.name else ""),
                    p.Cell(units.bandwidth(links.inside) if links.name else ""),
                    p.Cell(units.bandwidth(links.pcie)),
                    p.Cell(units.bandwidth(links.network)),
                    p.Cell(links.source, "dim"),
                ]
            )
            for name, links in known
        ],
    )
