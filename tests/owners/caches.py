"""Owners that keep things where no object of theirs leads: globals, classes, closures, `lru_cache`s."""

from __future__ import annotations

import contextvars
import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tests.owners.owner import Does, Made, owner, rows

WINDOWS: dict[int, Tensor] = {}
SEEN: list[Tensor] = []
LAST: Tensor | None = None
CALLS = 0


@functools.lru_cache(maxsize=4)
def window(length: int) -> Tensor:
    return torch.hann_window(length)


@owner("a window from an lru_cache, large")
def remembered_window() -> Made:
    window.cache_clear()

    def does(self: Does, x: Tensor) -> Tensor:
        return self.linear(x) + window(100_000)[1:5]

    return Made(Does(does), (rows(),), beside=window)


@owner("an lru_cache that was filled before", quiet=True)
def remembered_before() -> Made:
    window.cache_clear()
    window(6)
    return Made(Does(lambda self, x: self.linear(x) + window(6)[1:5]), (rows(),), beside=window)


@owner("an lru_cache, and a forward that needs values of it")
def remembered_value() -> Made:
    window.cache_clear()

    def does(self: Does, x: Tensor) -> Tensor:
        return self.linear(x) * float(window(10)[3])

    return Made(Does(does), (rows(),), beside=window)


@owner("an unbounded cache of a closure's own, of a method")
def cached_method() -> nn.Module:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        @functools.cache  # noqa: B019 - the very thing
        def table(self, length: int) -> Tensor:
            return torch.arange(length).float()

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x) + self.table(4)

    return Positions()


@owner("a cached_property, not yet asked for")
def cached_property() -> nn.Module:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        @functools.cached_property
        def table(self) -> Tensor:
            return torch.arange(4).float()

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x) + self.table

    return Positions()


def windowed(self: Does, x: Tensor) -> Tensor:
    length = x.shape[-1]
    if length not in WINDOWS:
        WINDOWS[length] = torch.hann_window(length)
    return self.linear(x) * WINDOWS[length]


@owner("a dict of the file, filled at the first call")
def global_dict() -> Made:
    WINDOWS.clear()
    return Made(Does(windowed), (rows(),), beside=WINDOWS)


@owner("a dict of the file, filled before", quiet=True)
def global_dict_before() -> Made:
    WINDOWS.clear()
    WINDOWS[4] = torch.ones(4)
    return Made(Does(windowed), (rows(),), beside=WINDOWS)


@owner("a table of the file, of which a slice is taken under a view: `window(8)[None]`")
def global_view() -> Made:
    WINDOWS.clear()

    def does(self: Does, x: Tensor) -> Tensor:
        if 8 not in WINDOWS:
            WINDOWS[8] = torch.hann_window(8)[None]
        return self.linear(x) + WINDOWS[8][:, :4]

    return Made(Does(does), (rows(),), beside=WINDOWS)


def noted(self: Does, x: Tensor) -> Tensor:
    global LAST, CALLS
    y = self.linear(x)
    SEEN.append(y)
    CALLS += 1
    LAST = y
    return y


@owner("globals of the file that are set anew, and a list that grows")
def global_names() -> Made:
    global LAST, CALLS
    SEEN.clear()
    LAST, CALLS = None, 0
    return Made(Does(noted), (rows(),), beside=(SEEN, noted))


TABLE = torch.zeros(4)


@owner("a tensor of the file, written in place")
def global_tensor() -> Made:
    with torch.no_grad():
        TABLE.zero_()

    def does(self: Does, x: Tensor) -> Tensor:
        TABLE.add_(1)
        return self.linear(x) + TABLE

    return Made(Does(does), (rows(),), beside=TABLE)


@owner("a tensor of the file whose value is read and then written")
def global_tensor_read() -> Made:
    with torch.no_grad():
        TABLE.zero_()

    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x) * float(TABLE[0])
        TABLE.add_(1)
        return y

    return Made(Does(does), (rows(),), beside=TABLE)


def classy() -> Any:
    class Classy(nn.Module):
        table: ClassVar[Tensor] = torch.zeros(4)
        seen: ClassVar[list[Tensor]] = []
        cache: ClassVar[dict[str, Tensor]] = {}
        last: ClassVar[Tensor | None] = None
        calls: ClassVar[int] = 0

        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

    return Classy


@owner("a tensor of the class, written in place")
def class_tensor() -> nn.Module:
    class Module(classy()):  # type: ignore[misc]
        def forward(self, x: Tensor) -> Tensor:
            self.table.add_(1)
            return self.linear(x) + self.table

    return Module()


@owner("a list and a dict of the class, which grow")
def class_containers() -> nn.Module:
    class Module(classy()):  # type: ignore[misc]
        def forward(self, x: Tensor) -> Tensor:
            y = self.linear(x)
            self.seen.append(y)
            self.cache["y"] = y
            return y

    return Module()


@owner("attributes of the class that are set anew")
def class_attributes() -> nn.Module:
    class Module(classy()):  # type: ignore[misc]
        def forward(self, x: Tensor) -> Tensor:
            type(self).last = y = self.linear(x)
            type(self).calls += 1
            return y

    return Module()


@owner("a new attribute of the class")
def class_new_attribute() -> nn.Module:
    class Module(classy()):  # type: ignore[misc]
        def forward(self, x: Tensor) -> Tensor:
            y = self.linear(x)
            type(self).found = y
            return y

    return Module()


def kept(function: Callable[[int], Tensor]) -> Callable[[int], Tensor]:
    """A decorator with a dict in a cell."""
    results: dict[int, Tensor] = {}

    def asked(length: int) -> Tensor:
        if length not in results:
            results[length] = function(length)
        return results[length]

    return asked


@owner("a decorator with a dict in its closure")
def closure_dict() -> nn.Module:
    table = kept(lambda length: torch.arange(length).float())
    return Does(lambda self, x: self.linear(x) + table(4))


@owner("a closure's own name, set anew")
def closure_name() -> nn.Module:
    last: Tensor | None = None
    count = 0

    def does(self: Does, x: Tensor) -> Tensor:
        nonlocal last, count
        last = y = self.linear(x)
        count += 1
        return y * count

    return Does(does)


@owner("a tensor in a closure, written in place")
def closure_tensor() -> nn.Module:
    state = torch.zeros(4)

    def does(self: Does, x: Tensor) -> Tensor:
        state.add_(1)
        return self.linear(x) + state

    return Does(does)


@owner("a default of a function that grows")
def default_list() -> nn.Module:
    def does(self: Does, x: Tensor, seen: list[Tensor] = []) -> Tensor:  # noqa: B006 - the very thing
        y = self.linear(x)
        seen.append(y)
        return y

    return Does(does)


@owner("an attribute of a function")
def function_attribute() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        does.last = y = self.linear(x)  # type: ignore[attr-defined]
        return y

    return Does(does)


@owner("rotary tables in a dict by dtype and device")
def rotary() -> nn.Module:
    class Rotary(nn.Module):
        tables: ClassVar[dict[Any, Tensor]] = {}

        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            y = self.linear(x)
            key = y.dtype, y.device
            if key not in self.tables:
                self.tables[key] = torch.arange(4, dtype=y.dtype, device=y.device)
            return y * self.tables[key]

    return Rotary()


@owner("a WeakKeyDictionary of the closure, by module, and a WeakValueDictionary of tensors")
def weak_caches() -> nn.Module:
    of: weakref.WeakKeyDictionary[nn.Module, Tensor] = weakref.WeakKeyDictionary()
    by_name: weakref.WeakValueDictionary[str, Tensor] = weakref.WeakValueDictionary()

    def does(self: Does, x: Tensor) -> Tensor:
        of[self] = y = self.linear(x)
        by_name["weight"] = self.linear.weight
        return y

    return Does(does)


class Registry:
    """One object of the file, that everybody writes to."""

    def __init__(self) -> None:
        self.outputs: dict[str, Tensor] = {}
        self.step = 0


REGISTRY = Registry()


@owner("a singleton of the file, that the forward reports to")
def singleton() -> Made:
    REGISTRY.__init__()  # type: ignore[misc]

    def does(self: Does, x: Tensor) -> Tensor:
        REGISTRY.outputs["y"] = y = self.linear(x)
        REGISTRY.step += 1
        return y

    return Made(Does(does), (rows(),), beside=REGISTRY)


SCOPE: contextvars.ContextVar[Any] = contextvars.ContextVar("scope", default=None)


@owner("a context variable that the forward sets and leaves set")
def context_variable() -> Made:
    SCOPE.set(None)

    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        SCOPE.set(y)
        return y

    return Made(Does(does), (rows(),), beside=SCOPE)


@owner("what belongs to a thread: `threading.local()`")
def thread_local() -> nn.Module:
    class Held(threading.local):
        last: Any = None
        calls = 0

    def does(self: Does, x: Tensor) -> Tensor:
        self.held.last = y = self.linear(x)
        self.held.calls += 1
        return y

    return Does(does, held=Held())
