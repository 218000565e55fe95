"""What torch does otherwise on CUDA than on the processor, above its kernels, for a step without data.

To torch the tensors of such a step are on the processor: autograd asks a GPU for its streams, and ends the
process where there is none. What differs is done here, by functions that stand in for torch's on a thread
that records: dropout keeps a mask of one byte an element, attention has other kernels to choose from, and
autocast runs other operators in float32. Recurrent layers are taken as on the processor.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import torch

from netscope.base.meta.patches import Patch, Use
from netscope.trace.sharded import is_divided, local_of
from netscope.trace.step.tensors import Placed

# Autocast's list of operators that run in float32 on CUDA, as torch documents it ("Automatic Mixed Precision
# package"), by where they are found. Those of the second kind are told the dtype of their result instead.
_FUNCTIONAL: Final = (
    "binary_cross_entropy_with_logits cosine_embedding_loss cosine_similarity cross_entropy group_norm "
    "hinge_embedding_loss kl_div l1_loss layer_norm margin_ranking_loss mse_loss multilabel_margin_loss "
    "multi_margin_loss nll_loss poisson_nll_loss smooth_l1_loss huber_loss soft_margin_loss softplus "
    "triplet_margin_loss"
).split()
_METHODS: Final = (
    "acos asin cosh erfinv exp expm1 log log10 log1p log2 norm pow reciprocal renorm rsqrt sinh tan dist "
    "logsumexp __pow__ __rpow__ __rtruediv__"
).split()
_TORCHS: Final = ("cdist", "pdist", "layer_norm", "group_norm")
_WITH_DTYPE: Final = ("softmax", "log_softmax", "cumsum", "cumprod", "prod", "sum")
_HALVES: Final = frozenset({torch.float16, torch.bfloat16})
# Elements of an attention's head, in steps of which its kernels take them, and at most.
_FLASH_STEP: Final = 8
_FLASH_MOST: Final = 256
_EFFICIENT_BYTES: Final = 16
# By what torch.optim asks for the devices whose graphs hold a step.
_CAPTURABLE: Final = "_get_capturable_supported_devices"
# Whether it takes several heads of queries to one of keys.
_EFFICIENT_GROUPED: Final = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 14)


class _Active(threading.local):
    """The classes of tensors that are to be taken for CUDA's on this thread; None for none."""

    placed: Placed | None = None


_active: Final = _Active()


@contextmanager
def as_on_cuda(placed: Placed) -> Iterator[None]:
    """Have torch do on this thread what it does with tensors on CUDA."""
    use = Use(_patches(placed))
    try:
        use.begin()
        _active.placed = placed
        yield
    finally:
        _active.placed = None
        use.end()


def _concerns(value: Any) -> bool:
    placed = _active.placed
    return placed is not None and placed.is_placed(value)


@cache
def _patches(placed: Placed) -> tuple[Patch, ...]:
    functional = torch.nn.functional
    made = [
        Patch(functional, "dropout", _functional_dropout),
        Patch(torch, "dropout", _dropout),
        Patch(functional, "scaled_dot_product_attention", _attention),
        Patch(functional, "linear", _linear),
        Patch(functional, "rms_norm", _rms_norm),
        Patch(torch, "rms_norm", _rms_norm),
    ]
    made += [Patch(functional, name, _in_float32) for name in _FUNCTIONAL]
    named = (*_TORCHS, *(one for one in _METHODS if not one.startswith("_")))
    made += [Patch(torch, name, _in_float32) for name in named]
    for name in _METHODS:
        made += [Patch(kind, name, _in_float32) for kind in (placed.tensor, placed.parameter)]
    for name in _WITH_DTYPE:
        made += [Patch(one, name, _to_float32) for one in (torch, placed.tensor, placed.parameter)]
    made += [Patch(functional, name, _to_float32) for name in ("softmax", "log_softmax")]
    made.append(Patch(torch, "_fused_sgd_", _in_place))
    optimizers = [module for name, module in sys.modules.items() if name.startswith("torch.optim.")]
    made += [Patch(one, _CAPTURABLE, _capturable) for one in optimizers if hasattr(one, _CAPTURABLE)]
    made.append(Patch(torch, "is_autocast_enabled", _asked_for_cuda))
    made.append(Patch(torch, "get_autocast_dtype", _asked_for_cuda))
    made.append(Patch(torch.autocast, "__init__", _begun_for_cuda))
    return tuple(made)


# Dropout


def _drops(x: Any, p: float, train: bool) -> bool:
    """Whether it keeps a mask (`is_fused_kernel_acceptable` in aten/src/ATen/native/Dropout.cpp)."""
    return bool(train) and 0 < p < 1 and _concerns(x) and x.numel() > 0 and x.is_floating_point()


def _functional_dropout(function: Callable[..., Any]) -> Callable[..., Any]:
    def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        if not inplace and _drops(input, p, training):
            return torch.native_dropout(input, p, True)[0]
        return function(input, p, training, inplace)

    return dropout


def _dropout(function: Callable[..., Any]) -> Callable[..., Any]:
    def dropout(input: Any, p: float, train: bool) -> Any:
        return (
            torch.native_dropout(input, p, True)[0] if _drops(input, p, train) else function(input, p, train)
        )

    return dropout


# Optimizers


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that makes nothing, and of which meta has none."""

    def in_place(parameters: Any, *args: Any, **kwargs: Any) -> None:
        if not any(map(_concerns, parameters)):
            function(parameters, *args, **kwargs)

    return in_place


def _capturable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The devices on which an optimizer's step can be captured, of which this is one."""

    def devices(*args: Any, **kwargs: Any) -> list[str]:
        found: list[str] = function(*args, **kwargs)
        return found if _active.placed is None else [*found, _active.placed.device.type]

    return devices


# Normalization


def _rms_norm(function: Callable[..., Any]) -> Callable[..., Any]:
    def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
        fused = getattr(torch.ops.aten, "_fused_rms_norm", None)
        if fused is None or not _concerns(input) or (weight is not None and weight.dtype != input.dtype):
            return function(input, normalized_shape, weight, eps)
        return fused(input, list(normalized_shape), weight, eps)[0]

    return rms_norm


# Linear layers


def _linear(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the bias in place where rows do not lie one after the other.

    So does torch, but not where a mode of Python's listens, as it does here.
    """

    def linear(input: Any, weight: Any, bias: Any = None) -> Any:
        if bias is None or not _concerns(input) or input.ndim < 3 or input.is_contiguous():
            return function(input, weight, bias)
        return function(input, weight).add_(bias)

    return linear


# Attention


def _attention(function: Callable[..., Any]) -> Callable[..., Any]:
    def scaled_dot_product_attention(
        query: Any,
        key: Any,
        value: Any,
        attn_mask: Any = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Any:
        given = (query, key, value, attn_mask, dropout_p, is_causal)
        if not all(map(_concerns_parts, (query, key, value))) or query.ndim != 4 or not query.numel():
            return function(*given, scale=scale, enable_gqa=enable_gqa)
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            query, key, value = (one.to(dtype) for one in (query, key, value))
            if attn_mask is not None and attn_mask.is_floating_point():
                attn_mask = attn_mask.to(dtype)
        if _flash_can(query, key, value, attn_mask, is_causal):
            return _flash(query, key, value, dropout_p, is_causal, scale)
        if _efficient_can(query, key, value, enable_gqa):
            return _efficient(query, key, value, attn_mask, dropout_p, is_causal, scale)
        with torch.autocast("cpu", enabled=False):
            return _math(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)

    return scaled_dot_product_attention


def _concerns_parts(value: Any) -> bool:
    """Whether it is on the device, or divided: torch divides attention by a GPU's kernels alone."""
    kind: Any = type(value)
    return _concerns(local_of(value) if is_divided(kind) else value)


def _flash_can(query: Any, key: Any, value: Any, mask: Any, causal: bool) -> bool:
    same = query.dtype == key.dtype == value.dtype and query.dtype in _HALVES
    heads = query.shape[1] % key.shape[1] == 0 and not (causal and query.shape[2] != key.shape[2])
    return bool(same and mask is None and heads and query.shape[-1] == value.shape[-1] <= _FLASH_MOST)


def _flash(query: Any, key: Any, value: Any, share: float, causal: bool, scale: float | None) -> Any:
    size = query.shape[-1]
    short = -size % _FLASH_STEP
    scale = size**-0.5 if scale is None else scale
    if short:
        query, key, value = (torch.nn.functional.pad(one, (0, short)) for one in (query, key, value))
    made = torch.ops.aten._scaled_dot_product_flash_attention(
        query, key, value, share, causal, False, scale=scale
    )[0]
    return made[..., :size] if short else made


def _efficient_can(query: Any, key: Any, value: Any, grouped: bool) -> bool:
    step = _EFFICIENT_BYTES // query.element_size()
    sizes = query.shape[-1] % step == 0 and value.shape[-1] % step == 0
    heads = query.shape[1] == key.shape[1]
    if grouped:
        heads = _EFFICIENT_GROUPED and key.shape[1] == value.shape[1] and query.shape[1] % key.shape[1] == 0
    return bool(query.dtype == key.dtype == value.dtype and sizes and heads)


def _efficient(
    query: Any, key: Any, value: Any, mask: Any, share: float, causal: bool, scale: float | None
) -> Any:
    if mask is not None:
        if mask.dtype is torch.bool:
            mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(mask.logical_not(), float("-inf"))
        last = mask.shape[-1]
        short = -last % _FLASH_STEP
        if short:  # rows of it are to be aligned
            mask = torch.nn.functional.pad(mask, (0, short))[..., :last]
        mask = mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    keeps = torch.is_grad_enabled() and any(one.requires_grad for one in (query, key, value))
    return torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, mask, keeps, share, causal, scale=scale
    )[0]


def _math(
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    share: float,
    causal: bool,
    scale: float | None,
    grouped: bool,
) -> Any:
    return torch.ops.aten._scaled_dot_product_attention_math(
        query, key, value, mask, share, causal, scale=scale, enable_gqa=grouped
    )[0]


# Autocast


def _asked_for_cuda(function: Callable[..., Any]) -> Callable[..., Any]:
    """Whether and to what tensors on CUDA are cast, which is what is asked where no device is named."""

    def asked(*args: Any) -> Any:
        if _active.placed is not None and args in ((), ("cuda",)):
            return function("cpu")
        return function(*args)

    return asked


def _begun_for_cuda(function: Callable[..., Any]) -> Callable[..., Any]:
    """What the owner casts on CUDA."""

    def begun(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
        here = _active.placed is not None and device_type == "cuda"
        function(self, "cpu" if here else device_type, *args, **kwargs)

    return begun


def _casts(value: Any) -> bool:
    """Whether a tensor is one that autocast converts."""
    return _concerns(value) and value.dtype in _HALVES


def _in_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    def in_float32(*args: Any, **kwargs: Any) -> Any:
        if _active.placed is None or not torch.is_autocast_enabled("cpu"):
            return function(*args, **kwargs)
        args = tuple(one.to(torch.float32) if _casts(one) else one for one in args)
        kwargs = {name: one.to(torch.float32) if _casts(one) else one for name, one in kwargs.items()}
        return function(*args, **kwargs)

    return in_float32


def _to_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    def to_float32(*args: Any, **kwargs: Any) -> Any:
        first = args[0] if args else kwargs.get("input")
        if _active.placed is not None and torch.is_autocast_enabled("cpu") and _casts(first):
            kwargs.setdefault("dtype", torch.float32)
        return function(*args, **kwargs)

    return to_float32
