"""Owners whose forward changes the module or the process, reads values after that, or raises midway."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from tests.owners.owner import Does, L, Made, after, owner, rows

# -- The module


@owner("keeps its input and its output")
def keeps() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.first, self.last = x, self.linear(x)
        return self.last

    return Does(does)


@owner("counts in an int, a float and a tuple")
def counts() -> nn.Module:
    def change(self: Does) -> None:
        self.calls += 1
        self.share *= 0.5
        self.history = (*self.history, self.calls)

    return after(change, calls=0, share=1.0, history=())


@owner("counts in a buffer: `self.steps += 1`, and multiplies by it")
def counts_in_buffer() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.steps += 1
        return self.linear(x) * self.steps

    module = Does(does)
    module.register_buffer("steps", torch.tensor(0))
    return module


@owner("replaces one of its own layers", macs=2 * L)
def replaces() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        self.linear = nn.Linear(4, 4)
        return self.linear(y)

    return Does(does)


@owner("adds a layer, a buffer and a parameter at the first call", macs=2 * L)
def grows() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        if not hasattr(self, "late"):
            self.late = nn.Linear(4, 4)
            self.register_buffer("table", torch.ones(4))
            self.register_parameter("gain", nn.Parameter(torch.ones(4)))
        return self.late(self.linear(x)) * self.gain + self.table

    return Does(does)


@owner("deletes an attribute, a buffer and a layer")
def shrinks() -> nn.Module:
    def change(self: Does) -> None:
        del self.first
        del self.table
        del self.idle

    module = after(change, first=torch.ones(1), idle=nn.Linear(2, 2))
    module.register_buffer("table", torch.ones(2))
    return module


@owner("changes its own mode, and its child's")
def changes_mode() -> nn.Module:
    def change(self: Does) -> None:
        self.training = not self.training
        self.norm.train()

    return after(change, norm=nn.BatchNorm1d(4))


@owner("calls `self.eval()`, `self.requires_grad_(False)` and `self.half()` on a child")
def converts() -> nn.Module:
    def change(self: Does) -> None:
        self.linear.eval()
        self.linear.requires_grad_(False)
        self.idle.half()

    return after(change, idle=nn.Linear(2, 2))


@owner("initialises itself at the first call")
def initialises() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        if not self.ready:
            nn.init.orthogonal_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)
            self.ready = True
        return self.linear(x)

    return Does(does, ready=False)


@owner("loads a state dict in the forward")
def loads() -> nn.Module:
    def change(self: Does) -> None:
        self.linear.load_state_dict({"weight": torch.zeros(4, 4), "bias": torch.ones(4)})

    return after(change)


@owner("changes its own class")
def changes_class() -> nn.Module:
    class After(Does):
        pass

    return after(lambda self: object.__setattr__(self, "__class__", After))


@owner("reorders its children, and replaces its own `_modules`")
def reorders() -> nn.Module:
    def change(self: Does) -> None:
        self._modules.move_to_end("linear") if hasattr(self._modules, "move_to_end") else None
        self.__dict__["_modules"] = dict(reversed(list(self._modules.items())))

    return after(change, idle=nn.ReLU())


@owner("a gradient taken in the forward, of the weights", macs=None)
def backward_inside() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        with torch.enable_grad():
            y = self.linear(x)
            y.sum().backward()
        return y.detach()

    return Does(does)


# -- Values


@owner("a value read after the module was changed")
def reads_after() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.calls += 1
        self.table.add_(1)
        self.last = y = self.linear(x)
        return y * y.sum().item()

    module = Does(does, calls=0)
    module.register_buffer("table", torch.zeros(4))
    return module


@owner("a branch on a value, with a cache filled before")
def branches() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.cache["x"] = x
        y = self.linear(x)
        if (y > 1e6).any():
            return y
        self.cache["y"] = y * 2
        return self.cache["y"]

    return Does(does, cache={})


@owner("a threshold learnt from the data: a python float from a tensor", macs=L)
def calibrates() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.highest = max(self.highest, float(x.abs().max()))
        return self.linear(x / self.highest)

    return Does(does, highest=0.0)


@owner("a number of turns from a buffer", macs=3 * L)
def turns() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        for _ in range(int(self.turns)):
            x = self.linear(x)
        self.turns.sub_(1)
        return x

    module = Does(does)
    module.register_buffer("turns", torch.tensor(3))
    return module


@owner("numpy in the middle, which needs memory")
def through_numpy() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        self.mean = y.detach().numpy().mean(0)
        return y - torch.from_numpy(self.mean)

    return Does(does)


# -- Errors


@owner("raises midway, after it changed whatever it has", macs=None, raises=True)
def raises_midway() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(x)
        self.table.add_(1)
        self.last = self.linear(x)
        self.late = nn.Linear(4, 4)
        self.training = not self.training
        raise ValueError("not today")

    module = Does(does, calls=0, seen=[])
    module.register_buffer("table", torch.zeros(4))
    return module


@owner("raises on meta only, after it changed something")
def raises_on_meta() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(x)
        if x.is_meta:
            raise RuntimeError("no meta here")
        return self.linear(x)

    return Does(does, calls=0, seen=[])


@owner("the wrong shape: the last layer does not fit", macs=None, raises=True)
def wrong_shape() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(5, 2))


@owner("an exit in the forward", macs=None, raises=True)
def exits() -> nn.Module:
    def change(self: Does) -> None:
        self.calls += 1
        sys.exit(3)

    return after(change, calls=0)


@owner("an error whose text cannot be made, and that keeps its tensors", macs=None, raises=True)
def error_keeps() -> nn.Module:
    class Odd(Exception):
        def __init__(self, tensor: Tensor) -> None:
            self.tensor = tensor

        def __str__(self) -> str:
            raise RuntimeError("no words")

    def does(self: Does, x: Tensor) -> Tensor:
        self.error = Odd(self.linear(x))
        raise self.error

    return Does(does, error=None)


@owner("an error that is caught, with a branch for it", macs=2 * L)
def error_caught() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        try:
            self.linear(torch.zeros(3, 5))
        except RuntimeError:
            self.failures += 1
            y = self.linear(y)
        return y

    return Does(does, failures=0)


# -- The process


@owner("the default dtype changed in the forward")
def default_dtype() -> nn.Module:
    return after(lambda self: torch.set_default_dtype(torch.float64))


@owner("gradients switched on in the forward, and left so", quiet=True)
def gradient_mode() -> nn.Module:
    return after(lambda self: torch.set_grad_enabled(True))


@owner("autocast entered by hand and left open")
def autocast_left() -> nn.Module:
    def change(self: Does) -> None:
        torch.set_autocast_enabled("cpu", True)

    return after(change)


@owner("an autocast region in the forward")
def autocast() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            self.last = self.linear(x)
        return self.last

    return Does(does)


@owner("inference mode in the forward, whose tensors are kept")
def inference_inside() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        with torch.inference_mode():
            self.last = self.linear(x)
        return self.last

    return Does(does)


@owner("the recursion limit, the collector and the filters of warnings changed in the forward")
def interpreter() -> nn.Module:
    def change(self: Does) -> None:
        sys.setrecursionlimit(sys.getrecursionlimit() + 100)
        gc.disable()
        warnings.simplefilter("ignore")

    return after(change)


@owner("a dispatch mode of the owner's around its layer")
def own_mode() -> nn.Module:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counts(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[str] = []

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.calls.append(str(func))
            return func(*args, **(kwargs or {}))

    def does(self: Does, x: Tensor) -> Tensor:
        with self.counts:
            return self.linear(x)

    return Does(does, counts=Counts())


@owner("a function mode of the owner's around its layer")
def own_function_mode() -> nn.Module:
    from torch.overrides import TorchFunctionMode

    class Counts(TorchFunctionMode):
        calls = 0

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            type(self).calls += 1
            return func(*args, **(kwargs or {}))

    def does(self: Does, x: Tensor) -> Tensor:
        with self.counts:
            return self.linear(x)

    return Does(does, counts=Counts())


@owner("torch.nn.functional patched by the forward, and put back", quiet=True)
def patches() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        before = nn.functional.linear
        nn.functional.linear = lambda *args: before(*args) * 2  # type: ignore[assignment]
        try:
            return self.linear(x)
        finally:
            nn.functional.linear = before

    return Does(does)


@owner("an environment variable read, and the working directory", macs=L)
def environment() -> nn.Module:
    return after(lambda self: self.seen.append((os.environ.get("HOME"), os.getcwd())), seen=[])  # noqa: PTH109


@owner("checkpointed", macs=L)
def checkpointed() -> nn.Module:
    from torch.utils.checkpoint import checkpoint

    def does(self: Does, x: Tensor) -> Tensor:
        self.calls += 1
        return checkpoint(self.linear, x, use_reentrant=False)

    return Does(does, calls=0)


@owner("`functional_call` with tensors of its own, kept in a tuple", macs=L)
def functional_call() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        weight, bias = self.held
        weight.add_(1)
        return torch.func.functional_call(self.linear, {"weight": weight, "bias": bias}, (x,))

    return Does(does, held=(torch.zeros(4, 4), torch.ones(4)))


@owner("works in a thread of its own", macs=None)
def thread() -> nn.Module:
    from concurrent.futures import ThreadPoolExecutor

    def does(self: Does, x: Tensor) -> Tensor:
        with ThreadPoolExecutor(1) as pool:
            self.last = y = pool.submit(self.linear, x).result()
        return y

    return Does(does)


@owner("a generator as forward: the output is taken piece by piece", macs=3 * L)
def yields() -> Made:
    def does(self: Does, x: Tensor) -> Any:
        for _ in range(3):
            self.calls += 1
            yield self.linear(x)

    return Made(Does(does, calls=0), (rows(),))
