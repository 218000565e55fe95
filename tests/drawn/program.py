"""Networks drawn at random, which say themselves what they are: the hand interpreter of `test_programs`.

A program is a list of steps on named values. As it is drawn each step is run for real, so that the next one
knows what there is. Every step that contracts says how many multiply-accumulates that takes from the shapes
that it meets when it runs, by the textbook's arithmetic and not by netscope's.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

# Multiply-accumulates of the run that is counted, and of no other.
_counted: list[list[int]] = []

# Elements that a value may grow to.
MOST = 20_000


@contextmanager
def counted() -> Iterator[list[int]]:
    """What the steps that run meanwhile contract."""
    found: list[int] = []
    _counted.append(found)
    try:
        yield found
    finally:
        _counted.pop()


def macs(number: int) -> None:
    """Count so many."""
    if _counted:
        _counted[-1].append(number)


@dataclasses.dataclass
class Bundle:
    """An object of the owner's, by which blocks hand on more than one tensor."""

    first: Tensor
    rest: dict[str, Any]


@dataclasses.dataclass
class Step:
    """`names[-1] = run(module, *values)`, written down as `text`.

    flops:
        whether torch's FlopCounterMode counts what it contracts.
    """

    text: str
    run: Callable[..., Any]
    takes: tuple[int, ...]
    module: nn.Module | None = None
    flops: bool = True


class Program(nn.Module):
    """Steps one after the other; returns some of the values in one of several forms."""

    def __init__(self, steps: Sequence[Step], returns: Callable[[list[Any]], Any]) -> None:
        super().__init__()
        self.steps = list(steps)
        self.returns = returns
        self.names: list[str | None] = []
        for number, step in enumerate(steps):
            known = [name for name, child in self.named_children() if child is step.module]
            name = None if step.module is None else (known or [f"s{number}"])[0]
            self.names.append(name)
            if name is not None and not known:
                self.add_module(name, step.module)

    def forward(self, *given: Any) -> Any:
        values = list(given)
        for name, step in zip(self.names, self.steps, strict=True):
            taken = [values[index] for index in step.takes]
            values.append(step.run(None if name is None else getattr(self, name), *taken))
        return self.returns(values)

    def told(self, indent: str = "") -> str:
        lines = []
        for number, step in enumerate(self.steps):
            lines.append(f"{indent}{number}: {step.text} of {step.takes}")
            if isinstance(step.module, Program):
                lines.append(step.module.told(indent + "    "))
        return "\n".join(lines)

    @property
    def flops(self) -> bool:
        return all(
            step.flops and (not isinstance(step.module, Program) or step.module.flops) for step in self.steps
        )


class Drawing:
    """Draws one program. `values` are what its steps have made so far, for real."""

    def __init__(self, rng: random.Random, values: Sequence[Any], depth: int = 0) -> None:
        self.rng = rng
        self.values = list(values)
        self.given = len(self.values)
        self.depth = depth
        self.steps: list[Step] = []

    def some(self, fits: Callable[[Tensor], bool]) -> tuple[int, Tensor] | None:
        """A value that fits, the later the likelier."""
        found = [
            (index, value)
            for index, value in enumerate(self.values)
            if isinstance(value, Tensor) and fits(value)
        ]
        if not found:
            return None
        return self.rng.choice(found[-3:] if self.rng.random() < 0.7 else found)

    def add(self, step: Step) -> None:
        """Run it for real, and keep it if that goes well and makes nothing large."""
        with torch.no_grad(), torch.random.fork_rng():
            try:
                taken = [self.values[index] for index in step.takes]
                if isinstance(step.module, nn.Module):
                    step.module.eval()
                kept = [t.clone() if isinstance(t, Tensor) else t for t in taken]
                made = step.run(step.module, *kept)
            except (RuntimeError, ValueError, IndexError, NotImplementedError):
                return  # torch does not take it
        tensors = [made] if isinstance(made, Tensor) else []
        if any(t.numel() > MOST or not t.numel() for t in tensors):
            return
        self.steps.append(step)
        self.values.append(made)

    def draw(self, length: int) -> Program:
        tries = 0
        while len(self.steps) < length and tries < 10 * length:
            tries += 1
            step = self.rng.choice(DRAWS)(self)
            if step is not None:
                self.add(step)
        if not self.steps:
            self.add(Step("identity", lambda _, x: x * 1, (0,)))
        return Program(self.steps, self.returns())

    def returns(self) -> Callable[[list[Any]], Any]:
        last = len(self.values) - 1
        one = self.rng.randrange(self.given, len(self.values))
        return self.rng.choice(
            [
                lambda values: values[last],
                lambda values: values[last],
                lambda values: (values[last], values[one]),
                lambda values: {"out": values[last], "more": [values[one]]},
                lambda values: Bundle(values[last], {"one": values[one]}),
            ]
        )


Draw = Callable[[Drawing], Step | None]
DRAWS: list[Draw] = []


def draws(times: int = 1) -> Callable[[Draw], Draw]:
    """A kind of step, drawn so often."""

    def register(draw: Draw) -> Draw:
        DRAWS.extend([draw] * times)
        return draw

    return register


def is_real(t: Tensor) -> bool:
    return t.dtype is torch.float32 and t.layout is torch.strided


@draws(3)
def linear(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim > 0 and t.shape[-1] <= 64)
    if found is None:
        return None
    index, x = found
    layer = nn.Linear(x.shape[-1], d.rng.randint(1, 12), bias=d.rng.random() < 0.7)

    def run(layer: nn.Linear, x: Tensor) -> Tensor:
        y: Tensor = layer(x)
        macs(y.numel() * x.shape[-1])
        return y

    return Step(f"{layer}", run, (index,), layer)


@draws(3)
def convolution(d: Drawing) -> Step | None:
    dims = d.rng.choice([1, 2, 2, 3])
    found = d.some(lambda t: is_real(t) and t.ndim == dims + 2 and t.shape[1] <= 64)
    if found is None:
        return None
    index, x = found
    channels = x.shape[1]
    groups = d.rng.choice([g for g in range(1, channels + 1) if channels % g == 0])
    out = groups * d.rng.randint(1, max(1, 8 // groups))
    kernel = tuple(d.rng.randint(1, 4) for _ in range(dims))
    stride = tuple(d.rng.randint(1, 3) for _ in range(dims))
    transposed = d.rng.random() < 0.3
    settings: dict[str, Any] = {"stride": stride, "groups": groups, "bias": d.rng.random() < 0.5}
    if not transposed:
        settings["dilation"] = d.rng.randint(1, 2)
        settings["padding_mode"] = d.rng.choice(["zeros", "zeros", "zeros", "circular", "replicate"])
    if not transposed and set(stride) == {1} and d.rng.random() < 0.5:
        settings["padding"] = "same"
    else:
        settings["padding"] = tuple(d.rng.randint(0, k - 1) for k in kernel)
    kind = getattr(nn, f"Conv{'Transpose' if transposed else ''}{dims}d")
    layer = kind(channels, out, kernel, **settings)

    def run(layer: Any, x: Tensor) -> Tensor:
        y: Tensor = layer(x)
        # Each output gathers from its group's channels, or each input scatters into them.
        if transposed:
            macs(x.numel() * (out // groups) * math.prod(kernel))
        else:
            macs(y.numel() * (channels // groups) * math.prod(kernel))
        return y

    return Step(f"{layer}", run, (index,), layer)


@draws(2)
def norm(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim >= 2 and 1 < t.shape[1] <= 64)
    if found is None:
        return None
    index, x = found
    channels, dims = x.shape[1], x.ndim - 2
    kinds: list[Callable[[], nn.Module]] = [
        lambda: nn.LayerNorm(x.shape[-1]),
        lambda: nn.RMSNorm(x.shape[-1]),
        lambda: nn.GroupNorm(d.rng.choice([g for g in range(1, channels + 1) if not channels % g]), channels),
    ]
    if dims in (1, 2, 3):
        kinds += [
            lambda: getattr(nn, f"BatchNorm{dims}d")(channels),
            lambda: getattr(nn, f"InstanceNorm{dims}d")(channels, affine=d.rng.random() < 0.5),
        ]
    layer = d.rng.choice(kinds)()
    return Step(f"{layer}", lambda layer, x: layer(x), (index,), layer)


@draws(2)
def activation(d: Drawing) -> Step | None:
    found = d.some(is_real)
    if found is None:
        return None
    layer = d.rng.choice(
        [
            nn.ReLU,
            nn.GELU,
            nn.SiLU,
            nn.Tanh,
            nn.Sigmoid,
            nn.Softplus,
            nn.Hardswish,
            nn.Mish,
            nn.ELU,
            nn.Dropout,
        ]
    )()
    return Step(f"{layer}", lambda layer, x: layer(x), (found[0],), layer)


@draws(2)
def in_place(d: Drawing) -> Step | None:
    """On what the network made for itself: a copy, a new tensor or a view of one."""
    found = d.some(lambda t: is_real(t) and t.ndim > 0)
    if found is None:
        return None
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "add_": lambda y: y.add_(1),
        "relu_": lambda y: y.relu_(),
        "ReLU(inplace)": nn.ReLU(inplace=True),
        "mul_ of a view": lambda y: y[..., :1].mul_(2).sum() + y,
        "assignment": _assigned,
        "clamp_": lambda y: y.clamp_(0, 1),
        "out=": lambda y: torch.mul(y, 2, out=torch.empty_like(y)),
    }
    name = d.rng.choice(list(ways))
    way = ways[name]
    return Step(name, lambda _, x: way(x * 1), (found[0],))


def _assigned(y: Tensor) -> Tensor:
    y[..., 0] = 0.5
    return y


@draws(2)
def pool(d: Drawing) -> Step | None:
    dims = d.rng.choice([1, 2, 3])
    found = d.some(lambda t: is_real(t) and t.ndim == dims + 2 and min(t.shape[2:]) >= 2)
    if found is None:
        return None
    layer = d.rng.choice(
        [
            lambda: getattr(nn, f"MaxPool{dims}d")(2, ceil_mode=d.rng.random() < 0.5),
            lambda: getattr(nn, f"AvgPool{dims}d")(2, stride=d.rng.randint(1, 2)),
            lambda: getattr(nn, f"AdaptiveAvgPool{dims}d")(d.rng.randint(1, 3)),
            lambda: getattr(nn, f"AdaptiveMaxPool{dims}d")(d.rng.randint(1, 3)),
            lambda: nn.Upsample(scale_factor=2),
        ]
    )()
    return Step(f"{layer}", lambda layer, x: layer(x), (found[0],), layer)


@draws(1)
def attention(d: Drawing) -> Step | None:
    """Over tokens, batch first; the weights are asked for half of the time, so that nothing is fused."""
    heads = d.rng.choice([1, 2])
    found = d.some(lambda t: is_real(t) and t.ndim == 3 and t.shape[-1] <= 32 and not t.shape[-1] % heads)
    if found is None:
        return None
    index, x = found
    width = x.shape[-1]
    asked = d.rng.random() < 0.5
    layer = nn.MultiheadAttention(width, heads, batch_first=True, bias=d.rng.random() < 0.7)

    def run(layer: nn.MultiheadAttention, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        # Four projections; every token with every token, twice.
        macs(4 * batch * tokens * width * width + 2 * batch * tokens * tokens * width)
        return layer(x, x, x, need_weights=asked)[0]  # type: ignore[no-any-return]

    return Step(f"{heads} heads of {width}, weights {asked}", run, (index,), layer, flops=False)


@draws(2)
def scaled_dot_product(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim in (3, 4) and t.shape[-1] <= 64)
    if found is None:
        return None
    index, _ = found
    causal = d.rng.random() < 0.5

    def run(_: None, x: Tensor) -> Tensor:
        macs(2 * math.prod(x.shape[:-2]) * x.shape[-2] * x.shape[-2] * x.shape[-1])
        return functional.scaled_dot_product_attention(x, x, x, is_causal=causal)

    return Step(f"sdpa, causal {causal}", run, (index,))


@draws(1)
def encoder(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim == 3 and t.shape[-1] <= 32 and not t.shape[-1] % 2)
    if found is None:
        return None
    index, x = found
    width, inner = x.shape[-1], d.rng.randint(2, 12)
    layer = nn.TransformerEncoderLayer(width, 2, inner, batch_first=True, norm_first=d.rng.random() < 0.5)

    def run(layer: nn.Module, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        macs(4 * batch * tokens * width * width + 2 * batch * tokens * tokens * width)
        macs(2 * batch * tokens * width * inner)
        return layer(x)  # type: ignore[no-any-return]

    return Step(f"encoder layer {width}, {inner}", run, (index,), layer, flops=False)


@draws(1)
def recurrent(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim == 3 and t.shape[-1] <= 32)
    if found is None:
        return None
    index, x = found
    name = d.rng.choice(["LSTM", "GRU", "RNN"])
    hidden, layers, both = d.rng.randint(1, 6), d.rng.randint(1, 2), d.rng.random() < 0.5
    layer = getattr(nn, name)(x.shape[-1], hidden, layers, batch_first=True, bidirectional=both)
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[name]
    ways = 2 if both else 1

    def run(layer: Any, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        for number in range(layers):
            read = width if number == 0 else ways * hidden
            macs(batch * steps * ways * gates * hidden * (read + hidden))
        return layer(x)[0]  # type: ignore[no-any-return]

    return Step(f"{layer}", run, (index,), layer, flops=False)


@draws(2)
def product(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim in (2, 3) and t.shape[-1] <= 64)
    if found is None:
        return None
    index, x = found
    rows, inner = x.shape[-2:]
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "@": lambda x: x @ x.transpose(-1, -2),
        "matmul": lambda x: torch.matmul(x, x.mT),
    }
    if inner > 1:  # of one factor each nothing is accumulated, and torch multiplies
        ways["einsum"] = lambda x: torch.einsum("...ij,...kj->...ik", x, x)
    if x.ndim == 2:
        ways["addmm"] = lambda x: torch.addmm(torch.ones(rows), x, x.T)
    else:
        ways["baddbmm"] = lambda x: torch.baddbmm(torch.ones(1, 1, rows), x, x.mT, beta=0.5)
    name = d.rng.choice(list(ways))

    def run(_: None, x: Tensor) -> Tensor:
        macs(math.prod(x.shape[:-2]) * x.shape[-2] ** 2 * x.shape[-1])
        return ways[name](x)

    return Step(name, run, (index,))


@draws(4)
def shape(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim > 0)
    if found is None:
        return None
    index, x = found
    n = x.ndim
    dim = d.rng.randrange(n)
    other = d.rng.randrange(n)
    order = d.rng.sample(range(n), n)
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "transpose": lambda x: x.transpose(dim, other),
        "permute": lambda x: x.permute(order),
        "contiguous": lambda x: x.permute(order).contiguous(),
        "flatten": lambda x: x.flatten(min(1, n - 1)),
        "unflatten": lambda x: x.unflatten(-1, (-1, 2)),
        "unsqueeze": lambda x: x.unsqueeze(dim),
        "squeeze": lambda x: x.squeeze(),
        "reshape": lambda x: x.reshape(x.shape[0], -1),
        "slice": lambda x: x.narrow(dim, 0, max(1, x.shape[dim] // 2)),
        "step": lambda x: x[..., ::2],
        "chunk": lambda x: x.chunk(2, dim)[-1],
        "cat": lambda x: torch.cat([x, x], dim),
        "stack": lambda x: torch.stack([x, x * 2], dim),
        "pad": lambda x: functional.pad(x, (1, 2)),
        "expand": lambda x: x.unsqueeze(0).expand(3, *x.shape),
        "repeat": lambda x: x.repeat(*[1] * (n - 1), 2),
        "roll": lambda x: x.roll(1, dim),
        "flip": lambda x: x.flip(dim),
        "index": lambda x: x[torch.tensor([0, -1])],
        "unfold": lambda x: x.unfold(dim, 2, 1),
        "channels last": lambda x: x.to(memory_format=torch.channels_last) if n == 4 else x,
        "swap": lambda x: x.movedim(dim, other),
    }
    name = d.rng.choice(list(ways))
    return Step(f"{name} {dim} {other} {order}", lambda _, x: ways[name](x), (index,))


@draws(3)
def elementwise(d: Drawing) -> Step | None:
    found = d.some(is_real)
    if found is None:
        return None
    index, x = found
    partner = d.some(lambda t: is_real(t) and _broadcasts(t, x))
    assert partner is not None  # itself
    ways: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - 2 * b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / (b.abs() + 1),
        "maximum": torch.maximum,
        "where": lambda a, b: torch.where(a > b, a, b),
        "lerp": lambda a, b: torch.lerp(a, b.expand_as(a) if b.numel() == 1 else b, 0.3),
        "exp": lambda a, b: (-a.abs()).exp() * b,
        "power": lambda a, b: a**2 + b,
        "masked_fill": lambda a, b: (a + b).masked_fill(a > 0, 0.0),
        "double": lambda a, b: (a.double() + b).float(),
        "integer": lambda a, b: (a.int() + b.long()).float(),
    }
    name = d.rng.choice(list(ways))
    return Step(name, lambda _, a, b: ways[name](a, b), (index, partner[0]))


def _broadcasts(a: Tensor, b: Tensor) -> bool:
    try:
        torch.broadcast_shapes(a.shape, b.shape)
    except RuntimeError:
        return False
    return True


@draws(2)
def reduction(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim > 0)
    if found is None:
        return None
    index, x = found
    dim, keep = d.rng.randrange(x.ndim), d.rng.random() < 0.5
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "sum": lambda x: x.sum(dim, keepdim=keep),
        "mean": lambda x: x.mean(dim, keepdim=keep),
        "var": lambda x: x.var(dim, keepdim=keep),
        "max": lambda x: x.max(dim, keepdim=keep).values,
        "amax": lambda x: x.amax(),
        "norm": lambda x: torch.linalg.vector_norm(x, dim=dim, keepdim=keep),
        "softmax": lambda x: x.softmax(dim),
        "log_softmax": lambda x: functional.log_softmax(x, dim),
        "cumsum": lambda x: x.cumsum(dim),
        "topk": lambda x: x.topk(1, dim).values,
        "sort": lambda x: x.sort(dim).values,
        "argmax": lambda x: x.argmax(dim).float(),
        "logsumexp": lambda x: x.logsumexp(dim, keepdim=keep),
    }
    name = d.rng.choice(list(ways))
    return Step(f"{name} {dim} {keep}", lambda _, x: ways[name](x), (index,))


@draws(1)
def embedding(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and 0 < t.ndim <= 3)
    if found is None:
        return None
    layer = nn.Embedding(7, d.rng.randint(1, 6))
    return Step(f"{layer}", lambda layer, x: layer(x.argmax(-1) % 7), (found[0],), layer)


@draws(1)
def complex_numbers(d: Drawing) -> Step | None:
    """There and back again, with a complex layer between half of the time."""
    found = d.some(lambda t: is_real(t) and t.ndim in (2, 3) and 2 <= t.shape[-1] <= 32)
    if found is None:
        return None
    index, x = found
    width = x.shape[-1] // 2 + 1
    layer = nn.Linear(width, 3, dtype=torch.complex64) if d.rng.random() < 0.5 else None

    def run(layer: nn.Module | None, x: Tensor) -> Tensor:
        z = torch.fft.rfft(x)
        if layer is not None:
            z = layer(z)
            macs(4 * z.numel() * width)
        return torch.view_as_real(z * z).flatten(-2)

    return Step(f"rfft, {layer}", run, (index,), layer, flops=False)


@draws(1)
def sparse(d: Drawing) -> Step | None:
    found = d.some(lambda t: is_real(t) and t.ndim == 2 and t.shape[0] <= 64)
    if found is None:
        return None
    index, x = found
    dense = torch.zeros(d.rng.randint(1, 6), x.shape[0])
    for _ in range(d.rng.randint(1, 8)):
        dense[d.rng.randrange(dense.shape[0]), d.rng.randrange(dense.shape[1])] = 1
    stored = int(dense.sum())
    csr = d.rng.random() < 0.5
    layer = nn.Module()
    layer.register_buffer("matrix", dense.to_sparse_csr() if csr else dense.to_sparse())

    def run(layer: Any, x: Tensor) -> Tensor:
        macs(stored * x.shape[1])
        return layer.matrix @ x  # type: ignore[no-any-return]

    return Step(f"{stored} of {tuple(dense.shape)}, csr {csr}", run, (index,), layer, flops=False)


@draws(1)
def shared(d: Drawing) -> Step | None:
    """A layer once more, on what fits it."""
    known = [step for step in d.steps if step.module is not None and len(step.takes) == 1]
    if not known:
        return None
    step = d.rng.choice(known)
    x = d.values[step.takes[0]]
    if not isinstance(x, Tensor):
        return None
    found = d.some(lambda t: is_real(t) and t.shape == x.shape)
    return None if found is None else dataclasses.replace(step, takes=(found[0],))


@draws(2)
def block(d: Drawing) -> Step | None:
    """A program within, under autocast or a checkpoint some of the time, or behind a question."""
    if d.depth > 1:
        return None
    found = d.some(is_real)
    if found is None:
        return None
    index, x = found
    inner = Drawing(d.rng, [x], d.depth + 1)
    module = inner.draw(d.rng.randint(1, 4))
    module.returns = lambda values: values[-1]
    way = d.rng.choice(
        ["plain", "plain", "bundle", "autocast", "checkpoint", "data", "device", "vmap", "cond"]
    )

    def run(block: Any, x: Tensor) -> Any:
        if way == "bundle":
            bundle = Bundle(block(x), {"same": x})
            return bundle.first
        if way == "autocast":
            with torch.autocast("cpu", dtype=torch.bfloat16):
                y = block(x)
            return y.float() if isinstance(y, Tensor) and y.dtype is torch.bfloat16 else y
        if way == "checkpoint":
            return checkpoint(block, x, use_reentrant=False)
        if way == "data":
            # No sum that may be zero but for rounding, which fused operators do in another order.
            return block(x) if float(x.abs().sum()) >= 0 else x * 2
        if way == "vmap":
            # The block sees one sample's shapes, and does its work for all.
            with counted() as for_one:
                y = torch.vmap(block)(x)
            macs(sum(for_one) * x.shape[0])
            return y
        if way == "cond":
            return torch.cond(x.numel() > 0, block, lambda x: x * 2, (x,))
        if way == "device" and not torch._C._functorch.is_functorch_wrapped_tensor(x):
            return block(x) if x.device.type == "cpu" and not x.is_meta else x * 2
        return block(x)

    return Step(way, run, (index,), module, flops=way != "vmap")


def drawn(seed: int) -> tuple[Program, tuple[Any, ...]]:
    """The network of a seed, and arguments for it."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    shapes: list[tuple[int, ...]] = [
        (2, 3, 8, 8),
        (2, 5, 6),
        (4, 6),
        (1, 4, 10),
        (1, 2, 4, 4, 4),
        (3, 4, 9, 7),
    ]
    given = [torch.randn(rng.choice(shapes)) for _ in range(rng.randint(1, 3))]
    program = Drawing(rng, given).draw(rng.randint(2, 10))
    return program.eval(), tuple(given)
