"""Python's numbers as autograd keeps them: each is a tensor of one element on the processor.

Where a product or a quotient has a number in it, torch makes such a tensor of it, and autograd's node keeps
that as it keeps others, but it comes by no hook and no recorder. It goes when the node has run, or with it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final, Protocol

import torch

_aten: Final = torch.ops.aten
# What keeps a number, and the attribute of its node that has it.
_KEEPS: Final = {
    _aten.mul.Tensor: "_saved_other",
    _aten.mul_.Tensor: "_saved_other",
    _aten.div.Tensor: "_saved_other",
    _aten.div_.Tensor: "_saved_other",
    _aten.div.Tensor_mode: "_saved_other",
}
# What a tensor of one takes: float64, int64, complex128, bool.
_BYTES: Final[dict[type, int]] = {float: 8, int: 8, complex: 16, bool: 1}
_KEY: Final = "netscope.number"


class Follows(Protocol):
    """Follows storages."""

    def kept_number(self, nbytes: int) -> Callable[[], None]:
        """Follow memory that no tensor in sight has; to be called when it is let go of."""


class _Number:
    """Lies in the node of autograd's graph that keeps a number, for as long as that does."""

    def __init__(self, over: Callable[[], None]) -> None:
        self._over: Callable[[], None] | None = over

    def end(self) -> None:
        """The number is let go of."""
        over, self._over = self._over, None
        if over is not None:
            over()

    def __del__(self) -> None:
        self.end()


class Numbers:
    """The numbers that autograd keeps."""

    def __init__(self, tags: Follows) -> None:
        self._tags = tags
        # The result of the last operator that may keep a number, and what it may be.
        self._last: tuple[weakref.ref[torch.Tensor], str, int] | None = None
        self._kept: weakref.WeakValueDictionary[int, _Number] = weakref.WeakValueDictionary()
        # That of the node that runs.
        self._running: tuple[int, _Number] | None = None

    def given(self, func: Any, args: tuple[Any, ...], result: Any) -> None:
        """An operator of the forward has run."""
        attribute = _KEEPS.get(func)
        if attribute is not None and torch.is_grad_enabled() and type(args[1]) in _BYTES:
            self._last = weakref.ref(result), attribute, _BYTES[type(args[1])]

    def see(self, node: Any) -> None:
        """The next operator is about to run: the graph has the last one by now.

        node:
            whose gradient is being computed.
        """
        if self._last is not None:
            self._keep()
        if not self._kept and self._running is None:
            return
        number = -1 if node is None else node._sequence_nr()
        if self._running is not None and self._running[0] != number:
            self._running[1].end()
            self._running = None
        if self._running is None and node is not None:
            kept = self._kept.get(number)
            if kept is not None:
                self._running = number, kept

    def _keep(self) -> None:
        assert self._last is not None
        reference, attribute, nbytes = self._last
        self._last = None
        tensor = reference()
        node = None if tensor is None or tensor._is_view() else tensor.grad_fn
        if node is None or getattr(node, attribute, None) is None:
            return
        number = node._sequence_nr()
        if number not in self._kept:
            self._kept[number] = kept = _Number(self._tags.kept_number(nbytes))
            metadata: Any = node.metadata
            metadata[_KEY] = kept
