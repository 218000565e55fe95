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


def _batch_norm(images: torch.Tensor, *rest: Any) -> Any:
    """On the processor statistics of halves are in halves, unless what is learnt is in float32."""
    return _with_statistics(_aten.native_batch_norm.default(images, *rest), images, rest[:4])


def _layer_norm(images: torch.Tensor, shape: Any, *rest: Any) -> Any:
    """The same."""
    return _with_statistics(_aten.native_layer_norm.default(images, shape, *rest), images, rest[:2])


def _with_statistics(made: Any, images: torch.Tensor, learnt: tuple[torch.Tensor | None, ...]) -> Any:
    mixed = any(one is not None and one.dtype is torch.float32 for one in learnt)
    if images.dtype not in _HALVES or mixed:
        return made
    return (made[0], *[one.to(images.dtype) for one in made[1:]])


def _convolution(images: torch.Tensor, weight: torch.Tensor, *rest: Any) -> torch.Tensor:
    """What has channels last makes what has them last, as oneDNN does."""
    made: torch.Tensor = _aten.convolution.default(images, weight, *rest)
    last = torch.channels_last
    if made.ndim == 4 and any(
        not one.is_contiguous() and one.is_contiguous(memory_format=last) for one in (images, weight)
    ):
        return torch.empty_like(made, memory_format=last)
    return made


_SUM: Final = 0


def _embedding_bag(
    weight: torch.Tensor,
    indices: torch.Tensor,
    offsets: torch.Tensor,
    scale: bool = False,
    mode: int = _SUM,
    sparse: bool = False,
    weights: torch.Tensor | None = None,
    include_last: bool = False,
    padding: int = -1,
) -> Any:
    """Which bag an index is in: of sums there is no need to know, else it has room for one more."""
    made, bags, sizes, most = _aten._embedding_bag.default(
        weight, indices, offsets, scale, mode, sparse, weights, include_last, padding
    )
    fast = mode == _SUM and padding < 0
    bags = bags.new_empty(0) if fast else bags.new_empty(bags.shape[0] + 1)[:-1]
    if not most.numel():
        most = sizes.new_empty(made.shape[0])
    return made, bags, sizes, most


_Kernels = dict[Any, Callable[..., Any]]
# Called as the operator is, on tensors on meta.
_ANYWHERE: Final[_Kernels] = {
    _aten._pin_memory.default: lambda tensor, device=None: torch.empty_like(tensor),
    _aten.native_group_norm.default: _group_norm,
    _aten._grouped_mm.default: _grouped_mm,
}
_CPU: Final[_Kernels] = {
    **_ANYWHERE,
    _aten.convolution.default: _convolution,
    _aten.native_batch_norm.default: _batch_norm,
    _aten.native_layer_norm.default: _layer_norm,
    _aten._embedding_bag.default: _embedding_bag,
}


def kernels_of(device: torch.device) -> _Kernels:
    """Those for a device."""
    return _CPU if device.type == "cpu" else _ANYWHERE
