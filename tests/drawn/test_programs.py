"""Networks drawn at random, beside what they say of themselves, the real forward and torch's own counter."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import netscope
from netscope.report.report import Report
from tests.drawn.program import Bundle, Program, counted, drawn
from tests.seeds import seeds

pytestmark = [pytest.mark.drawn, pytest.mark.filterwarnings("ignore")]


def leaves(value: Any) -> Iterator[Tensor]:
    """The tensors of a result, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Bundle):
        yield from leaves([value.first, value.rest])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))


# Under a transform, where a tensor stands for another.
is_wrapped: Any = torch._C._functorch.is_functorch_wrapped_tensor


def said(tensors: Any) -> list[tuple[tuple[int, ...], str]]:
    """Shapes and dtypes."""
    return [(tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in leaves(tensors)]


def ran(program: Program, given: tuple[Any, ...]) -> tuple[dict[str, list[Any]], dict[str, int], Any, int]:
    """What the real forward makes, and the multiply-accumulates that the program says it did.

    Of every module what it returned first; of those without children the bytes of new memory; the result.
    """
    first: dict[str, list[Any]] = {}
    new: dict[str, int] = {}
    names = {module: name for name, module in program.named_modules()}

    def tell(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        name = names[module]
        first.setdefault(name, said(output))
        if not list(module.children()) and not any(map(is_wrapped, leaves(output))):
            there = {t.untyped_storage()._cdata for t in leaves([*args, kwargs, *module.parameters()])}
            made = {
                # What holds its elements: kernels may take more.
                t.untyped_storage()._cdata: t.numel() * t.element_size()
                for t in leaves(output)
                if t.untyped_storage()._cdata not in there
            }
            new[name] = new.get(name, 0) + sum(made.values())

    handles = [m.register_forward_hook(tell, with_kwargs=True) for m in program.modules()]
    with torch.no_grad(), counted() as macs:
        result = program(*given)
    for handle in handles:
        handle.remove()
    return first, new, result, sum(macs)


def flops_of(program: Program, given: tuple[Any, ...]) -> int:
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        program(*given)
    return int(counter.get_total_flops())


# What torch runs fused in evaluation calls none of its children.
FUSED = (nn.MultiheadAttention, nn.TransformerEncoderLayer)


def check(seed: int) -> None:
    program, given = drawn(seed)
    told = f"seed {seed}:\n{program.told()}"
    weights = {name: t.clone() for name, t in program.state_dict().items() if t.layout is torch.strided}
    report: Report = netscope.summary(program, args=given)
    first, new, result, macs = ran(program, given)
    assert report.unknown == {}, told
    assert report.macs == macs, told
    if program.flops:
        assert 2 * macs == flops_of(program, given), told
    assert [(t.shape, t.dtype) for t in report.root.outputs if t.shape is not None] == said(result), told
    for name, expected in first.items():
        layer = report[name]
        module = program.get_submodule(name)
        assert [(t.shape, t.dtype) for t in layer.outputs if t.shape is not None] == expected, (name, told)
        if name in new and not isinstance(module, (*FUSED, Program)) and type(module) is not nn.Module:
            assert layer.output_bytes == new[name], (name, told)
    assert all(torch.equal(t, program.state_dict()[name]) for name, t in weights.items()), told


@pytest.mark.parametrize("seed", seeds(60))
def test_drawn(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(seed)
