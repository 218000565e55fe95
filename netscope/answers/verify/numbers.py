"""Complex and sparse numbers, which no peer counts as such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from netscope.answers.verify.figures import Ours
from netscope.answers.verify.result import Reason
from netscope.answers.verify.said import Entry


def of_complex(entries: Iterable[Entry], ours: Ours) -> list[Reason]:
    """Products taken for real ones; and convolutions, of which torch makes three real ones by a trick."""
    products: dict[str, int] = defaultdict(int)
    real: dict[str, int] = defaultdict(int)
    for entry in entries:
        if not entry.known:
            continue
        if entry.counted and entry.work == 4 * entry.counted:
            products[entry.path] += entry.counted - entry.work
        elif entry.counted == entry.work and "conv" in entry.what:
            real[entry.path] += entry.counted
    three = {
        path: -(work // 4) for path, work in ours.complex_convs.items() if 4 * real.get(path, 0) == 3 * work
    }
    texts = {
        "counts a complex product as one real one, not as four": products,
        "counts the three real convolutions that torch makes of a complex one, and no fourth": three,
    }
    return [Reason("complex", text, dict(amounts)) for text, amounts in texts.items() if amounts]


def of_sparse(entries: Iterable[Entry]) -> list[Reason]:
    """Products with a sparse factor that are taken for dense ones. `Entry.sizes` has what these would be."""
    dense: dict[str, int] = defaultdict(int)
    for entry in entries:
        if entry.known and entry.counted != entry.work and (entry.counted,) == entry.sizes:
            dense[entry.path] += entry.counted - entry.work
    text = "counts a product with a sparse factor as if all of its elements were stored"
    return [Reason("sparse", text, dict(dense))] if dense else []
