"""The user's model is sacred: bitwise the same after success and after failure, and nothing kept alive."""

from __future__ import annotations

import contextlib
import gc
import random
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netscope import summary
from netscope.base.errors import TraceError
from netscope.base.workload import Workload
from netscope.trace import ForwardError, record
from netscope.trace.recorder import Recorder
from tests import models as m

RUNGS = ("meta", "fake", "real")


def state_of(value: Any, seen: dict[int, int] | None = None) -> Any:
    """Everything about an object graph that can be compared: identities, types and tensor contents."""
    seen = {} if seen is None else seen
    if isinstance(value, Tensor):
        grad = None if value.grad is None else state_of(value.grad, seen)
        content = None if nn.parameter.is_lazy(value) else (tuple(value.shape), value.detach().clone())
        return "tensor", id(value), type(value), value.requires_grad, value._version, grad, content
    if isinstance(value, (nn.Module, dict, list, set, tuple)):
        if id(value) in seen:
            return "again", seen[id(value)]
        seen[id(value)] = len(seen)
    if isinstance(value, nn.Module):
        return type(value), id(value), [(k, state_of(v, seen)) for k, v in vars(value).items()]
    if isinstance(value, dict):
        return type(value), id(value), [(k, state_of(v, seen)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), id(value), [state_of(v, seen) for v in value]
    if isinstance(value, set):
        return set, id(value), frozenset(value)
    return type(value), value if isinstance(value, (int, float, str)) else id(value)


def same(one: Any, other: Any) -> bool:
    """Deep equality in which tensors compare bitwise."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    return bool(one == other)


def process_state() -> dict[str, Any]:
    """Generators, modes and patched functions."""
    return {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": [x.tolist() if isinstance(x, np.ndarray) else x for x in np.random.get_state()],
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "recursion": sys.getrecursionlimit(),
        "gc": gc.isenabled(),
        "call": nn.Module.__call__,
        "register": nn.Module.register_parameter,
        "attention": nn.functional.scaled_dot_product_attention,
        "lstm held": "lstm" in vars(torch._VF),
        "lstm": torch._VF.lstm,
        "init": nn.init.kaiming_uniform_,
        "modes": torch.utils._python_dispatch._len_torch_dispatch_stack(),
        "hooks": [len(hooks) for hooks in _global_hooks()],
    }


def _global_hooks() -> Iterator[dict[int, Any]]:
    module = nn.modules.module
    for name in ("_global_forward_hooks", "_global_forward_pre_hooks", "_global_backward_hooks"):
        yield getattr(module, name)


def with_gradients(model: nn.Module) -> nn.Module:
    for index, parameter in enumerate(model.parameters()):
        if not nn.parameter.is_lazy(parameter):
            parameter.grad = torch.full_like(parameter, 0.5) if index % 2 else None
    return model


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Any, ...]]]] = {
    "hoards": (m.Hoards, lambda: (torch.randn(2, 3, 8, 8),)),
    "tied": (m.TiedEmbedding, lambda: (torch.randint(0, 100, (2, 7)),)),
    "shared": (m.shared_linear, lambda: (torch.randn(1, 10),)),
    "replaces": (m.ReplacesItself, lambda: (torch.randn(1, 4),)),
    "unregistered": (m.PlainList, lambda: (torch.randn(1, 4),)),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(5), nn.LazyBatchNorm1d()), lambda: (torch.randn(2, 4),)),
    "needs data": (m.NeedsData, lambda: (torch.randn(5, 8),)),
    "normalised": (
        lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(6, 4)),
        lambda: (torch.randn(2, 6),),
    ),
    "old weight norm": (
        lambda: nn.utils.weight_norm(nn.Linear(6, 4)),
        lambda: (torch.randn(2, 6),),
    ),
    "lstm": (lambda: nn.LSTM(4, 6), lambda: (torch.randn(3, 2, 4),)),
    "encoder": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        lambda: (torch.randn(2, 5, 8),),
    ),
    "raises": (m.Raises, lambda: (torch.randn(2, 4),)),
}


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rung", [*RUNGS, "ladder"])
def test_nothing_changes(name: str, rung: str, train: bool) -> None:
    make, inputs = MODELS[name]
    model, args = with_gradients(make()), inputs()
    before, before_args, process = state_of(model), state_of(args), process_state()
    workload = Workload(name, model, args)
    # Some cannot do on some rung; they must be left alone all the same.
    may_fail = name in ("raises", "needs data", "lazy") or rung == "fake"
    with contextlib.suppress(ForwardError) if may_fail else contextlib.nullcontext():
        record(workload, train=train, ladder=RUNGS if rung == "ladder" else (rung,))
    assert same(process_state(), process)
    assert same(state_of(args), before_args)
    assert same(state_of(model), before)


def meta_tensors() -> list[Tensor]:
    gc.collect()
    return [o for o in gc.get_objects() if issubclass(type(o), Tensor) and o.is_meta]


@pytest.mark.parametrize("model", [m.Hoards(), m.Raises()], ids=["success", "failure"])
def test_nothing_is_kept_alive(model: nn.Module) -> None:
    x = torch.randn(2, 3, 8, 8) if isinstance(model, m.Hoards) else torch.randn(2, 4)
    model = type(model)()
    others = {id(o) for o in meta_tensors()}
    try:
        kept: Any = summary(model, args=(x,))
    except TraceError as error:
        kept = error.report
    watched = [weakref.ref(model), weakref.ref(x), *(weakref.ref(p) for p in model.parameters())]
    del model, x
    gc.collect()
    assert kept.layers
    assert [ref() for ref in watched] == [None] * len(watched)
    assert not [o for o in meta_tensors() if id(o) not in others]


def test_an_interrupted_forward_leaves_nothing() -> None:
    class Interrupts(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            raise KeyboardInterrupt

    model, x = nn.Sequential(nn.Linear(4, 4), Interrupts(4, 4)), torch.randn(1, 4)
    before, process = state_of(model), process_state()
    with pytest.raises(KeyboardInterrupt):
        summary(model, args=(x,))
    assert same(state_of(model), before)
    assert same(process_state(), process)


def test_names_leave_the_process_alone() -> None:
    process = process_state()
    summary("alexnet")
    assert same(process_state(), process)


def test_other_threads_run_undisturbed() -> None:
    import threading

    model, other = nn.Linear(4, 4), nn.Linear(4, 4)
    x = torch.randn(3, 4)
    expected = other(x)
    results: list[Tensor] = []

    class Waits(nn.Module):
        def forward(self, y: Tensor) -> Tensor:
            thread = threading.Thread(target=lambda: results.append(other(x)))
            thread.start()
            thread.join()
            return model(y)

    report = summary(Waits(), args=(x,))
    assert torch.equal(results[0], expected)
    assert report.macs == 48


def test_a_trace_is_no_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that it took is gone when it is over, and no collector has to come by."""
    recorders: list[weakref.ref[Recorder]] = []
    made = Recorder.__init__

    def noted(self: Recorder, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        recorders.append(weakref.ref(self))

    monkeypatch.setattr(Recorder, "__init__", noted)
    monkeypatch.setattr(gc, "enable", lambda: None)
    gc.disable()
    try:
        kept = summary(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), args=(torch.ones(2, 4),))
        assert [recorder() for recorder in recorders] == [None]
        assert kept.layers
    finally:
        monkeypatch.undo()
        gc.enable()
