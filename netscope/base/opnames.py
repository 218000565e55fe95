"""Operators by the names that people know: "aten.add_.Tensor" is add_."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from netscope.base import units


def short_name(operator: str) -> str:
    """ "aten.add_.Tensor" -> "add_"; other libraries keep their name: "torchvision.nms"; words stay words."""
    if " " in operator:  # no name: words for work that no operator is known of
        return operator
    parts = operator.replace("::", ".").split(".")
    if len(parts) >= 3:
        parts.pop()
    return ".".join(parts[1:] if parts[0] in _TORCHS and len(parts) > 1 else parts)


# Whose names are known without where they are from: torch's own, and its collectives.
_TORCHS: Final = frozenset({"aten", "c10d", "_c10d_functional"})


def operator_list(operators: Mapping[str, int], *, all_of_them: bool = False) -> str:
    """{"aten.add_.Tensor": 2, "aten.matmul.default": 1} -> "matmul, add_ ×2".

    Contractions come first. Views and allocations are left out beside operators that compute.
    """
    calls: dict[str, int] = {}
    for operator, n in operators.items():
        name = short_name(operator)
        calls[name] = calls.get(name, 0) + n
    names = sorted(calls, key=rank)
    if not all_of_them and names and rank(names[0]) < 2:
        names = [name for name in names if rank(name) < 2]
    return ", ".join(name if calls[name] == 1 else f"{name} {units.times(calls[name])}" for name in names)


def rank(name: str) -> int:
    """0 for what is likely a contraction, 2 for what only moves or names data, 1 for the rest."""
    if name in _CONTRACTIONS or name.startswith(("_scaled_dot_product", "scaled_dot_product", "conv")):
        return 0
    return 2 if name in _FREE or name.startswith(("empty", "new_", "view", "fsdp.")) else 1


_CONTRACTIONS: Final = frozenset((
    "mm", "bmm", "addmm", "baddbmm", "addbmm", "matmul", "linear", "mv", "addmv", "dot", "vdot",
    "einsum", "tensordot", "_convolution", "bilinear", "_trilinear", "lstm", "gru", "rnn_tanh",
    "rnn_relu",
))  # fmt: skip
_FREE: Final = frozenset((
    "_unsafe_view", "reshape", "_reshape_alias", "t", "transpose", "permute", "expand", "slice",
    "select", "unsqueeze", "squeeze", "split", "split_with_sizes", "chunk", "unbind", "detach",
    "alias", "clone", "contiguous", "_to_copy", "copy_", "zeros", "ones", "full", "arange",
    "as_strided", "flatten", "unflatten", "lift_fresh", "zeros_like", "ones_like", "full_like",
    "scalar_tensor", "diagonal", "unfold", "swapaxes", "movedim", "narrow",
))  # fmt: skip


def computing(operators: Mapping[str, int]) -> dict[str, int]:
    """{operator: calls} without views and allocations, by short name, in the order of the names."""
    calls: dict[str, int] = {}
    for operator, n in operators.items():
        name = short_name(operator)
        if rank(name) < 2:
            calls[name] = calls.get(name, 0) + n
    return dict(sorted(calls.items()))
