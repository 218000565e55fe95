"""Others who know what a network has and does, to be held beside netscope's figures.

flop_counter:
    torch's FlopCounterMode during a forward without netscope, with attention as plain matrix products, of
    which it has formulas for all. On meta where the forward can do without values, else on real weights.
    Where it says something else, `netscope.verify` is asked for reasons.
published:
    `num_params` and `_ops` of torchvision's weights.
parameters:
    the elements of `module.parameters()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import nn

from netscope.base.workload import TensorSpec, Workload

if TYPE_CHECKING:
    from netscope.report.report import Report

# A real forward of more is not tried: bytes of weights, and multiply-accumulates.
_BYTES: Final = 1_500_000_000
_MACS: Final = 400_000_000_000
# `_ops` are in G with three decimals. Else off by that part at most, as the benchmark has it.
_HALF: Final = 0.5e-3
_TOLERANCE: Final = 0.006

EQUAL: Final = "equal"
CLOSE: Final = "close"
EXPLAINED: Final = "explained"
DIFFERS: Final = "differs"
SILENT: Final = "silent"


class Opinion(NamedTuple):
    """What an oracle says.

    agreement:
        "equal"; "close", of rounded figures; "explained", it differs by what `verify` has reasons for;
        "differs"; "silent", it could not say anything.
    says:
        its figure.
    why:
        the reasons, or what kept it from saying anything.
    """

    agreement: str
    says: int | None = None
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Without what is empty."""
        return {key: value for key, value in self._asdict().items() if value not in (None, "")}


def parameters(report: Report, module: nn.Module) -> Opinion:
    """The elements of the module's unique parameters, as torch lists them."""
    from torch.nn.parameter import is_lazy

    found = list(module.parameters())
    if any(map(is_lazy, found)):
        return Opinion(SILENT, why="lazy parameters have no size yet")
    says = sum(parameter.numel() for parameter in found)
    return Opinion(EQUAL if says == report.params else DIFFERS, says)


def published_params(report: Report, name: str, read: Any) -> Opinion | None:
    """torchvision's `num_params`, of the weights whose network this is; None where it has no weights."""
    says = {int(weight.meta["num_params"]) for weight in _weights(name)}
    if not says:
        return None
    if report.params in says:
        return Opinion(EQUAL, report.params)
    return _verified(read, "published", "params") or Opinion(DIFFERS, max(says))


def published_macs(report: Report, name: str) -> Opinion | None:
    """torchvision's `_ops` of weights that are for such an image; None where there are none."""
    sizes = [tensor.shape[-2:] for tensor in report.inputs if tensor.shape is not None]
    said = []
    for weight in _weights(name):
        crop = getattr(weight.transforms(), "crop_size", None)
        sides = (crop[0], crop[-1]) if isinstance(crop, (list, tuple)) else (crop, crop)
        ops = weight.meta.get("_ops")
        if len(sizes) == 1 and sizes[0] == sides and isinstance(ops, (int, float)) and ops:
            said.append(float(ops))
    return None if not said else min((_held(report, ops) for ops in said), key=_ORDER)


def _held(report: Report, ops: float) -> Opinion:
    says = round(ops * 1e9)
    off = abs((report.macs or 0) / 1e9 - ops)
    if off <= _HALF * 1.001:
        return Opinion(EQUAL, says)
    return Opinion(CLOSE if (off - _HALF) / ops <= _TOLERANCE else DIFFERS, says)


def _ORDER(opinion: Opinion) -> int:  # noqa: N802
    return (EQUAL, CLOSE, DIFFERS).index(opinion.agreement)


def _weights(name: str) -> list[Any]:
    from torchvision.models import get_model_weights

    return list(get_model_weights(name))


def flop_counter(report: Report, read: Any) -> Opinion:
    """FlopCounterMode beside netscope.

    read:
        builds the workload anew: whoever traced it may have left something of itself there.
    """
    macs, errors = None, []
    for way in (_on_meta, _for_real):
        try:
            macs = way(report, read())
            break
        except Exception as error:  # noqa: BLE001 - the model's code, or torch's
            errors.append(_line(error))
    if macs is not None and report.macs is not None and macs == report.macs:
        return Opinion(EQUAL, macs)
    verdict = _verified(read, "flop_counter", "macs")
    if verdict is not None:
        return verdict
    if macs is None:
        return Opinion(SILENT, why="on meta " + ", for real ".join(errors))
    return Opinion(DIFFERS, macs)


def _verified(read: Any, peer: str, quantity: str) -> Opinion | None:
    """What `netscope.verify` has found out of a peer's figure; None where it could not."""
    import netscope

    verify = getattr(netscope, "verify", None)
    if verify is None:
        return None
    try:
        opinion = verify(read(), peers=[peer])[peer]
    except Exception:  # noqa: BLE001 - it is asked for more, and must not take what is known
        return None
    figure = getattr(opinion, quantity)
    if opinion.error or figure is None or figure.theirs is None:
        return None
    why = "; ".join(f"{reason.text} ({reason.total:+,})" for reason in figure.reasons)
    if not figure.explained:
        rest = sum(figure.unexplained.values())
        return Opinion(DIFFERS, figure.theirs, "; ".join(filter(None, [why, f"no reason for {rest:+,}"])))
    return Opinion(EXPLAINED if figure.reasons else EQUAL, figure.theirs, why)


def _on_meta(report: Report, workload: Workload) -> int:
    module = workload.module.to("meta")
    _move(module, torch.device("meta"))
    with torch.device("meta"):
        args, kwargs = _tensors(workload, torch.device("meta"))
        return _counted(module, args, kwargs)


def _for_real(report: Report, workload: Workload) -> int:
    if report.state_bytes > _BYTES or report.counted_macs > _MACS:
        raise MemoryError("needs values, and is too large for a real forward")
    module = workload.rebuild() if workload.rebuild else workload.module
    args, kwargs = _tensors(workload, torch.device("cpu"))
    return _counted(module, args, kwargs)


def _counted(module: nn.Module, args: Any, kwargs: Any) -> int:
    """Its multiply-accumulates.

    With gradients: without them torch takes fused ways through attention that it has no formulas for.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    module.eval()
    with sdpa_kernel([SDPBackend.MATH]), torch.enable_grad(), FlopCounterMode(display=False) as counter:
        module(*args, **kwargs)
    return int(counter.get_total_flops()) // 2


def _move(module: nn.Module, device: torch.device) -> None:
    """Tensors that are plain attributes of modules too."""
    for part in module.modules():
        for name, value in list(vars(part).items()):
            if isinstance(value, torch.Tensor):
                vars(part)[name] = value.to(device)


def _tensors(workload: Workload, device: torch.device) -> tuple[Any, Any]:
    """The arguments, with tensors in place of specs."""
    from torch.utils._pytree import tree_map

    def made(leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor):
            return leaf.detach().to(device)
        if not isinstance(leaf, TensorSpec):
            return leaf
        dtype = getattr(torch, leaf.dtype)
        if device.type == "meta":
            return torch.empty(leaf.shape, dtype=dtype, device=device)
        # The values that netscope's real forward has: how much a detector does depends on them.
        generator = torch.Generator().manual_seed(0)
        if dtype is torch.bool:
            return torch.ones(leaf.shape, dtype=dtype)
        if dtype.is_floating_point or dtype.is_complex:
            return torch.randn(leaf.shape, generator=generator).to(dtype)
        return torch.randint(0, 8, leaf.shape, generator=generator).to(dtype)

    args, kwargs = tree_map(made, (workload.args, workload.kwargs))
    return args, kwargs


def _line(error: BaseException) -> str:
    from netscope.base.errors import said

    return said(error)[:200]
