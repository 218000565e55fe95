"""Kernels of which torch's for meta do something else than those of devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

_HALVES: Final = frozenset({torch.bfloat16, torch.float16})
_aten: Final = torch.ops.aten


def _group_norm(
    images: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, *rest: Any
) -> Any:
    """Means and deviations are in the weight's dtype where images are of half of it (autocast)."""
    made, *statistics = _aten.native_group_norm.default(images, weight, bias, *rest)
    given = weight if weight is not None else bias
    if images.dtype in _HALVES and given is not None and given.dtype is torch.float32:
        statistics = [torch.empty_like(one, dtype=torch.float32) for one in statistics]
    return (made, *statistics)


def _grouped_mm(
    left: torch.Tensor,
    right: torch.Tensor,
    offs: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """Rows fill whole 16 bytes (`create_grouped_gemm_output_tensor` in ATen), and any dtype has a way."""
    rows, columns = left.shape[-2], right.shape[-1]
    dtype = left.dtype if out_dtype is None else out_dtype
    unit = 16 // dtype.itemsize
    padded = -(-columns // unit) * unit
    if left.ndim == right.ndim:
        groups = left.shape[0] if left.ndim == 3 else offs.shape[0]  # type: ignore[union-attr]
        return left.new_empty_strided((groups, rows, columns), (rows * padded, padded, 1), dtype=dtype)
    return left.new_empty_strided((rows, columns), (padded, 1), dtype=dtype)


# Called as the operator is, on tensors on meta.
KERNELS: Final[dict[Any, Callable[..., Any]]] = {
    _aten.native_group_norm.default: _group_norm,
    _aten._grouped_mm.default: _grouped_mm,
}
