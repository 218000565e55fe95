"""Layers that are filled in from a template: what torch's own constructors would have made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from netscope.base.meta import templates
from netscope.base.meta.building import build, on_meta
from netscope.base.plain import plain
from netscope.sources import resolve

Make = Callable[[], nn.Module]


def described(value: Any) -> Any:
    """A value such that equal ones are interchangeable: types and order count, identity does not."""
    if isinstance(value, torch.Tensor):
        plain = None if value.is_meta else value.tolist()
        marks = described(value.__dict__)
        kept = tuple(value.shape), value.stride(), value.dtype, value.device, value.requires_grad, plain
        return type(value), kept, value.is_leaf, value.is_inference(), marks
    if isinstance(value, dict):
        return type(value), [(key, described(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [described(item) for item in value]
    if isinstance(value, nn.Module):
        return type(value)
    return (type(value), value) if isinstance(value, (int, float, str, set)) else type(value)


def contents(module: nn.Module) -> list[Any]:
    return [(name, described(part.__dict__)) for name, part in module.named_modules(remove_duplicate=False)]


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each layer could be filled in."""
    made: list[bool] = []
    original = templates._fill
    monkeypatch.setattr(templates, "_fill", lambda *args: made.append(original(*args)) or made[-1])
    return made


@pytest.fixture
def agree(filled: list[bool]) -> Callable[[Make], int]:
    """Build with templates and without, and compare; how many layers came from one."""

    def compare(make: Make) -> int:
        filled.clear()
        with_them = contents(build(make))
        count = sum(filled)
        with plain("templates"):
            without = contents(build(make))
        assert sum(filled) == count
        assert with_them == without
        return count

    return compare


@pytest.mark.whole
@pytest.mark.parametrize(
    "name",
    [
        *("alexnet", "vgg11_bn", "resnet18", "densenet121", "mobilenet_v3_small", "efficientnet_b0"),
        *("googlenet", "inception_v3", "shufflenet_v2_x0_5", "regnet_y_400mf", "convnext_tiny", "swin_t"),
        *("vit_b_32", "maxvit_t", "fcn_resnet50", "r3d_18", "raft_small"),
        pytest.param("ssdlite320_mobilenet_v3_large", marks=pytest.mark.slow),  # twenty seconds
    ],
)
def test_networks(name: str, agree: Callable[[Make], int]) -> None:
    models = pytest.importorskip("torchvision.models")
    keywords: dict[str, Any] = {"weights_backbone": None} if name.startswith(("fcn", "ssd")) else {}
    if name in ("googlenet", "inception_v3"):
        keywords = {"init_weights": False}
    assert agree(lambda: models.get_model(name, weights=None, **keywords)) > 5


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: [nn.Conv2d(size, 2 * size, 3) for size in (1, 2, 3)], 2),
        (
            lambda: [
                nn.Conv2d(size, size, (3, 5), 2, "same" if size < 0 else 1, groups=2) for size in (2, 4)
            ],
            1,
        ),
        (lambda: [nn.Conv2d(size, 4, 3, bias=False, padding_mode="reflect") for size in (2, 4)], 1),
        (lambda: [nn.Conv1d(size, 4, 3, stride=[2]) for size in (2, 4)], None),
        (lambda: [nn.Conv2d(2, out_channels=4, kernel_size=3) for _ in range(2)], 0),
        (lambda: [nn.Conv2d(2, 2, 3, device="cpu", dtype=torch.float64) for _ in range(2)], 0),
        (lambda: [nn.Conv2d(2, 2, 3, True) for _ in range(2)] + [nn.Conv2d(2, 2, 3, 1) for _ in range(2)], 2),
        (lambda: [nn.BatchNorm2d(size, 1e-3) for size in (2, 4)] + [nn.BatchNorm2d(2)], 1),
        (lambda: [nn.BatchNorm2d(size, affine=False, momentum=None) for size in (2, 4)], 1),
        (lambda: [nn.BatchNorm1d(size, track_running_stats=False) for size in (2, 4)], 1),
        (lambda: [nn.Linear(size, 3, bias=size > 2) for size in (1, 2, 3, 4)], 2),
        (lambda: [nn.LayerNorm(size) for size in (2, 2, 3)], 1),
        (lambda: [nn.LayerNorm([2, 3], bias=False) for _ in range(2)], 1),
        (lambda: [nn.ReLU(inplace) for inplace in (True, 1, True, 1, False)], 2),
        (lambda: [nn.Dropout(p) for p in (0, 0.0, 0.5, 0.5)], 1),
        (lambda: [nn.GELU("tanh"), nn.GELU("tanh"), nn.GELU(), nn.ReLU6(), nn.ReLU6(), nn.SiLU()], 2),
    ],
)
def test_layers(make: Callable[[], list[nn.Module]], count: int | None, agree: Callable[[Make], int]) -> None:
    made = agree(lambda: nn.ModuleList(make()))
    assert count is None or made == count


def test_nothing_is_shared() -> None:
    layers = build(lambda: nn.ModuleList([nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.BatchNorm2d(4)]))
    first, second, third = layers
    second.running_mean.fill_(7)
    second.register_forward_hook(lambda *_: None)
    second.register_buffer("more", None, persistent=False)
    second.extra = nn.ReLU()
    for layer in (first, third):
        assert layer.running_mean.tolist() == [0] * 4
        assert not layer._forward_hooks
        assert not layer._non_persistent_buffers_set
        assert not layer._modules
    tensors = [
        tensor for layer in layers for tensor in (*layer.parameters(), *layer.buffers()) if tensor is not None
    ]
    assert len({tensor.untyped_storage()._cdata for tensor in tensors}) == len(tensors) == 15


def test_a_template_keeps_the_first_values() -> None:
    """What a constructor does to the first layer does not reach the next."""

    def make() -> nn.Module:
        first = nn.BatchNorm2d(4)
        nn.init.constant_(first.running_var, 9)
        first.weight.requires_grad_(False)
        first.eps = 5
        return nn.Sequential(first, nn.BatchNorm2d(4))

    second = build(make)[1]
    assert second.running_var.tolist() == [1] * 4
    assert second.weight.requires_grad
    assert second.eps == 1e-5


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: nn.Conv2d(3, 4, 3, 1, 1, 1, 2), ValueError),
        (lambda: nn.Conv2d(4, 4, 3, 1, 1, 1, 2, sizes=1), TypeError),  # type: ignore[call-arg]
        (lambda: nn.Conv2d(-4, 4, 3, 1, 1, 1, 2), RuntimeError),
        (lambda: nn.Conv2d(4), TypeError),  # type: ignore[call-arg]
    ],
)
def test_what_torch_refuses(wrong: Make, error: type[Exception]) -> None:
    def make() -> nn.Module:
        nn.Conv2d(4, 8, 3, 1, 1, 1, 2)
        return wrong()

    with pytest.raises(error):
        build(make)


def test_others_have_their_say(filled: list[bool]) -> None:
    class Own(nn.Conv2d):
        """A subclass, which may keep what it likes."""

    def make() -> nn.Module:
        return nn.Sequential(*(kind(2, 2, 1) for kind in (nn.Conv2d, Own, Own)))

    build(make)
    assert filled == []

    names: list[str] = []
    register = nn.modules.module.register_module_parameter_registration_hook
    handle = register(lambda module, name, value: names.append(name))
    try:
        build(lambda: nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    finally:
        handle.remove()
    assert filled == []
    assert names.count("weight") >= 2

    with pytest.MonkeyPatch.context() as patch:
        original = nn.Linear.__init__
        patch.setattr(
            nn.Linear, "__init__", lambda *args, **kwargs: names.append("") or original(*args, **kwargs)
        )
        build(lambda: nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    assert filled == []
    assert names.count("") == 2

    def doubles() -> nn.Module:
        first = nn.Linear(2, 2)
        torch.set_default_dtype(torch.float64)
        return nn.Sequential(first, nn.Linear(2, 2), nn.Linear(2, 2))

    assert [layer.weight.dtype for layer in build(doubles)] == [torch.float32, torch.float64, torch.float64]
    assert filled == [True]


def test_constructors_are_put_back() -> None:
    before = [vars(cls).get("__init__") for cls in templates._TEMPLATED]
    assert on_meta(lambda: vars(nn.Conv2d)["__init__"]) is not before[0]
    with pytest.raises(ZeroDivisionError):
        on_meta(lambda: 1 // 0)
    assert [vars(cls).get("__init__") for cls in templates._TEMPLATED] == before
    assert "weight" in dict(nn.Conv2d(3, 4, 3).named_parameters())


def test_by_name(filled: list[bool]) -> None:
    pytest.importorskip("torchvision")
    module = resolve("torchvision/resnet18").module
    assert sum(filled) > 30
    assert sum(p.numel() for p in module.parameters()) == 11_689_512
