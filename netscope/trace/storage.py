"""What a tensor really keeps in memory, where its shape does not tell."""

from __future__ import annotations

from typing import Any, Final

import torch

from netscope.base.workload import Stored
from netscope.trace.standins import is_meta

# Compressed by rows and by columns, of single elements or of blocks.
_BY_ROWS: Final = (torch.sparse_csr, torch.sparse_bsr)
SPARSE: Final = frozenset({torch.sparse_coo, *_BY_ROWS, torch.sparse_csc, torch.sparse_bsc})

# By these a tensor of a class of its own says what it is made of.
_Parts = tuple[list[str], Any]


def is_sparse(tensor: torch.Tensor) -> bool:
    """Whether only some of its elements are stored, in any of torch's layouts."""
    return tensor.layout in SPARSE


def stored_of(tensor: torch.Tensor) -> Stored | None:
    """What a sparse tensor stores; None for any other.

    Raises:
        NotImplementedError: it has no values, and how many there would be is not known.
    """
    if not is_sparse(tensor):
        return None
    if is_meta(tensor):
        raise NotImplementedError("how much a sparse tensor stores depends on values")
    values, indices = _parts(tensor.detach())
    return Stored(
        str(tensor.layout).removeprefix("torch."),
        values.numel(),
        sum(part.numel() * part.element_size() for part in (values, *indices)),
    )


def bytes_of(tensor: torch.Tensor) -> int:
    """Bytes that a tensor keeps: of a class that is made of other tensors, those of these."""
    stored = stored_of(tensor)
    if stored is not None:
        return stored.nbytes
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is not None:
        try:
            parts: _Parts = flatten()
            return sum(bytes_of(getattr(tensor, name)) for name in parts[0])
        except Exception:  # noqa: BLE001, S110 - somebody's class, which may not be ready
            pass
    return tensor.numel() * tensor.element_size()


def _parts(tensor: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Its values, and the indices that say where they are."""
    if tensor.layout is torch.sparse_coo:
        return tensor._values(), (tensor._indices(),)
    if tensor.layout in _BY_ROWS:
        return tensor.values(), (tensor.crow_indices(), tensor.col_indices())
    return tensor.values(), (tensor.ccol_indices(), tensor.row_indices())
