"""Calls that are written down without running: the facts are those of the calls that run."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from netscope.base.plain import plain
from netscope.base.workload import TensorSpec, Workload
from netscope.report.analysis.analyze import analyze
from netscope.sources import resolve
from netscope.trace import ForwardError, Trace, record
from netscope.trace.memo.modules import ModuleMemo
from netscope.trace.memo.pure import PURE

IMAGE = TensorSpec((2, 3, 32, 32))


def facts(trace: Trace) -> tuple[Any, ...]:
    """All that a trace says but its seconds, with storages numbered as operators and calls meet them."""
    numbers = {-1: -1}

    def number(storage: int) -> int:
        return numbers.setdefault(storage, len(numbers))

    def placed(facts: Any) -> tuple[Any, ...]:
        return tuple(fact._replace(storage=number(fact.storage)) for fact in facts)

    return (
        [
            op._replace(reads=tuple(map(number, op.reads)), writes=tuple(map(number, op.writes)))
            for op in trace.ops
        ],
        [call._replace(inputs=placed(call.inputs), outputs=placed(call.outputs)) for call in trace.calls],
        [m._replace(parameters=placed(m.parameters), buffers=placed(m.buffers)) for m in trace.modules],
        placed(trace.inputs),
        placed(trace.outputs),
        sorted((number(index), storage) for index, storage in enumerate(trace.storages) if index in numbers),
        len(trace.storages),
        (trace.training, trace.rung, trace.error, trace.error_path, trace.notes),
    )


def traced(workload: Workload, train: bool = False) -> tuple[Any, ...]:
    try:
        return facts(record(workload, train=train, ladder=("meta",)))
    except ForwardError as failure:  # whether the operator that raised got to see its tensors is no matter
        trace = failure.trace
        return analyze(trace).layers, trace.error, trace.error_path


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The templates that were applied since."""
    templates: list[Any] = []
    apply = ModuleMemo.apply

    def noted(self: ModuleMemo, call: Any, template: Any) -> Any:
        templates.append(template)
        return apply(self, call, template)

    monkeypatch.setattr(ModuleMemo, "apply", noted)
    return templates


@pytest.fixture
def agree(monkeypatch: pytest.MonkeyPatch, applied: list[Any]) -> Callable[..., int]:
    """Trace with the memo and without, and compare; how many calls came from it."""

    def compare(workload: Workload | nn.Module, train: bool = False) -> int:
        if isinstance(workload, nn.Module):
            workload = Workload("", workload, (IMAGE,))
        applied.clear()
        with_them = traced(workload, train)
        count = len(applied)
        with plain("modules"):
            without = traced(workload, train)
        assert len(applied) == count
        assert with_them == without
        return count

    return compare


NETWORKS = """
    alexnet vgg11 vgg16_bn resnet18 resnet50 resnext50_32x4d wide_resnet50_2 mobilenet_v2 mobilenet_v3_small
    mobilenet_v3_large efficientnet_b0 efficientnet_b1 efficientnet_v2_s densenet121 densenet161 densenet169
    squeezenet1_0 squeezenet1_1 shufflenet_v2_x0_5 shufflenet_v2_x1_0 googlenet inception_v3 mnasnet0_5
    mnasnet1_0 regnet_y_400mf regnet_x_400mf regnet_y_800mf convnext_tiny convnext_small vit_b_32 vit_b_16
    swin_t swin_s swin_v2_t maxvit_t fcn_resnet50 deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large
    r3d_18 mc3_18 r2plus1d_18 s3d
""".split()


@pytest.mark.whole
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, agree: Callable[..., int]) -> None:
    pytest.importorskip("torchvision")
    workload = resolve(f"torchvision/{name}", batch=2)
    assert agree(workload)
    agree(workload, train=True)


class Nested(nn.Module):
    """Two equal layers, the second one called within what `around` makes."""

    def __init__(self, around: Callable[[], Any]) -> None:
        super().__init__()
        self.around = around
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        with self.around():
            return self.second(x)


@pytest.mark.parametrize(
    ("around", "remembered"),
    [
        (torch.no_grad, 1),
        (torch.enable_grad, 1),  # which changes nothing below autograd
        (torch.inference_mode, 0),
        (lambda: torch.autocast("cpu", dtype=torch.bfloat16), 0),
        (lambda: torch.device("meta"), 0),
    ],
)
def test_surroundings(around: Callable[[], Any], remembered: int, agree: Callable[..., int]) -> None:
    assert agree(Nested(around)) == remembered


def test_transforms(agree: Callable[..., int]) -> None:
    class Mapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(32, 32)

        def forward(self, x: Tensor) -> Tensor:
            return torch.vmap(self.linear)(self.linear(x))

    assert agree(Mapped()) == 0


class Doubled(nn.Conv2d):
    """A class of its own, which does more than the one it comes from."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def with_forward(layer: nn.Module) -> nn.Module:
    layer.forward = functional.relu  # type: ignore[method-assign]
    return layer


def with_plain_weight(layer: nn.Conv2d) -> nn.Module:
    weight = layer.weight.detach()
    del layer.weight
    layer.weight = weight  # type: ignore[assignment]
    return layer


@pytest.mark.parametrize(
    "odd",
    [
        lambda: Doubled(3, 3, 3),
        lambda: with_forward(nn.Conv2d(3, 3, 3)),
        lambda: with_plain_weight(nn.Conv2d(3, 3, 3)),
        lambda: parametrizations.weight_norm(nn.Conv2d(3, 3, 3)),
        lambda: nn.Conv2d(3, 3, 3, padding_mode="circular", padding=1),
        lambda: nn.Conv2d(3, 3, 3, padding="same"),
        lambda: nn.Conv2d(3, 3, 5, padding="same"),
        lambda: nn.Conv2d(3, 3, (2, 3), padding="same"),
        lambda: nn.Conv2d(3, 6, 3, stride=2.0),  # type: ignore[arg-type]
        lambda: nn.Conv2d(4, 3, 3),
        lambda: nn.Conv2d(3, 3, 3, dtype=torch.float16),
        lambda: nn.MaxPool2d(3, return_indices=True),
        lambda: nn.BatchNorm2d(3, momentum=None, affine=False),
        lambda: nn.BatchNorm2d(3, track_running_stats=False),
        lambda: nn.BatchNorm1d(3),
        lambda: nn.LayerNorm(32, bias=False),
        lambda: nn.LayerNorm((3, 32, 32)),
        lambda: nn.LayerNorm(33),
    ],
)
@pytest.mark.parametrize("train", [False, True])
def test_odd_layers(odd: Callable[[], nn.Module], train: bool, agree: Callable[..., int]) -> None:
    """After an ordinary one of the kind was met, and again after one like itself."""

    class Parallel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            ordinary = [nn.Conv2d(3, 3, 3), nn.Conv2d(3, 6, 3, stride=2), nn.LayerNorm(32), nn.MaxPool2d(3)]
            self.layers = nn.ModuleList([*ordinary, nn.BatchNorm2d(3), odd(), odd()])

        def forward(self, x: Tensor) -> list[Any]:
            return [layer(x) for layer in self.layers]

    agree(Parallel(), train)


# Of the module, as what a hook holds in a closure is copied with it.
SEEN: list[type] = []


def test_hooks_run(agree: Callable[..., int]) -> None:
    SEEN.clear()
    layers = nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.ReLU())
    layers[2].register_forward_hook(lambda module, args, result: SEEN.append(type(module)))
    layers[3].register_forward_pre_hook(lambda module, args: (args[0][:, :1],))
    assert agree(layers) == 1
    assert len(SEEN) == 2
    handle = nn.modules.module.register_module_forward_hook(lambda module, *_: SEEN.append(type(module)))
    try:
        assert agree(nn.Sequential(nn.ReLU(), nn.ReLU())) == 0
    finally:
        handle.remove()
    assert len(SEEN) == 2 + 2 * 3


def test_a_forward_put_in_place_of_torchs_runs(
    agree: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Size] = []
    original = nn.ReLU.forward

    @functools.wraps(original)
    def noting(self: nn.ReLU, x: Tensor) -> Tensor:
        seen.append(x.shape)
        return original(self, x)

    monkeypatch.setattr(nn.ReLU, "forward", noting)
    assert agree(nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU())) == 0
    assert len(seen) == 2 * 3


def test_in_place_is_the_same_tensor(agree: Callable[..., int]) -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.a, self.b = nn.ReLU(inplace=True), nn.ReLU(inplace=True)
            self.same = False

        def forward(self, x: Tensor) -> Tensor:
            x = self.a(self.conv(x))
            assert self.b(x) is x
            assert nn.Identity()(x) is x
            return x + self.b(x[:, :1])

    assert agree(InPlace()) >= 2


def test_shared_memory(agree: Callable[..., int]) -> None:
    """A weight that is the input of another layer, or of its own."""

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4, bias=False) for _ in range(3)])
            self.layers[2].weight = self.layers[0].weight

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x[..., :4])
            first = self.layers[0]
            return x.sum() + first(first.weight[:2]) + first(self.layers[1].weight[:2])

    agree(Tied())


def test_settings_that_change_meanwhile(agree: Callable[..., int]) -> None:
    class Widening(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.MaxPool2d(2)

        def forward(self, x: Tensor) -> list[Tensor]:
            made = []
            for size in (2, 3, 2, 4):
                self.pool.kernel_size = size
                made.append(self.pool(x))
            return made

    assert agree(Widening()) == 1


class Spy:
    """Stands in for an instance, and notes which of its attributes are read."""

    def __init__(self, module: nn.Module) -> None:
        self.__dict__.update(_module=module, _read=set())

    def __getattr__(self, name: str) -> Any:
        method = getattr(type(self._module), name, None)
        if callable(method):
            return MethodType(method, self)
        self._read.add(name)
        return getattr(self._module, name)


MADE = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), ((3, 3, 2), {"padding_mode": ["zeros", "circular"]})),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), ((3,), {"affine": [True, False]})),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool2d), ((2,), {})),
    nn.Linear: ((4, 3), {"bias": [True, False]}),
    nn.LayerNorm: ((4,), {"elementwise_affine": [True, False]}),
    nn.GroupNorm: ((3, 3), {"affine": [True, False]}),
    nn.AdaptiveAvgPool2d: (((1, 2),), {}),
}


@pytest.mark.parametrize("cls", PURE)
def test_table_says_all_that_is_read(cls: Any) -> None:
    args, choices = MADE.get(cls, ((), {}))
    dims = 1 if "1d" in cls.__name__ else 3 if "3d" in cls.__name__ else 2
    read: set[str] = set()
    for values in itertools.product(*choices.values()):
        module = cls(*args, **dict(zip(choices, values, strict=True)))
        for train in (False, True) if PURE[cls].either else (False,):
            spy = Spy(module.train(train))
            cls.forward(spy, torch.ones(2, 3, *[4] * dims))
            read |= spy._read
    assert read - {"training"} <= {*PURE[cls].settings, *PURE[cls].tensors}
    assert "training" not in read or not PURE[cls].either
