"""The zoo against figures that were worked out by hand, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import netscope
from bench.processes import ROOT

FILE: Final = ROOT / "tests" / "data" / "seed_models.json"
NAMES: Final = ("alexnet", "zfnet", "zfnet_wide", "vgg16", "lenet")


@dataclass(frozen=True, slots=True)
class Held:
    """A network of the zoo held to the file. `rows` of it were compared, `wrong` says which differ."""

    name: str
    rows: int
    wrong: tuple[str, ...]


def compare() -> list[Held]:
    """All five networks."""
    seeds = json.loads(FILE.read_text(encoding="utf-8"))
    return [held(name, netscope.summary(name), seeds[name]) for name in NAMES]


def held(name: str, report: Any, seed: dict[str, Any]) -> Held:
    """Compare leaves in order, Dropout left out of both, and the totals."""
    found = [row(layer) for layer in leaves(report)]
    expected = [line for line in seed["layers"] if line["type"] != "Dropout"]
    wrong = [
        f"row {number}: {ours} is not {line}"
        for number, (ours, line) in enumerate(zip(found, expected, strict=False), 1)
        if ours != line
    ]
    if len(found) != len(expected):
        wrong.append(f"{len(found)} rows, not {len(expected)}")
    wrong += [
        f"{total}: {getattr(report, total)} is not {seed[total]}"
        for total in ("params", "macs")
        if getattr(report, total) != seed[total]
    ]
    return Held(name, len(expected), tuple(wrong))


def leaves(report: Any) -> Iterable[Any]:
    """Rows that hold no others, Dropout aside."""
    parents = {layer.path.rpartition(".")[0] for layer in report if layer.path}
    return [
        layer
        for layer in report
        if layer.kind == "module" and layer.path not in parents and layer.type != "Dropout"
    ]


def row(layer: Any) -> dict[str, Any]:
    """A layer in the form of the file: shapes without the batch."""
    return {
        "type": layer.type,
        "output": list((layer.output_shape or ())[1:]),
        "weight": None if layer.weight_shape is None else list(layer.weight_shape),
        "bias": None if layer.bias_shape is None else list(layer.bias_shape),
        "params": layer.params,
        "macs": layer.macs,
    }
