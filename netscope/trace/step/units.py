"""What torch's FSDP2 does around a module, known by the labels that it gives to profilers.

The parameters of a unit are whole from one label to another: their memory is kept, but given back to the
allocator in between (`storage.resize_(0)`), of which no operator tells. And what is done for a unit in the
backward is done whenever autograd comes by, so that only the label says whose it is.
"""

from __future__ import annotations

import re
import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import torch

from netscope.trace.step.facts import Event

ENTER: Final = torch.ops.profiler._record_function_enter_new.default
LEAVE: Final = torch.ops.profiler._record_function_exit._RecordFunction
# Copies parts from the buffer of a collective to where they lie one after the other.
_MADE_WHOLE: Final = "fsdp::split_with_sizes_copy"
# "FSDP::all_gather (layers.0, layers.1)": of the root, whose name is empty, there is none.
_LABEL: Final = re.compile(r"FSDP::\w+(?: \((?P<names>[^)]*)\))?")


class Units:
    """The labels that are open, and the memory of units.

    locate:
        finds the last call of the module of a path; -1 where there was none.
    lies_in:
        finds the storage of a tensor.
    gathered:
        storages of parameters that were made whole.
    """

    def __init__(
        self,
        events: list[Event],
        ops: list[Any],
        locate: Callable[[str], int],
        lies_in: Callable[[torch.Tensor], int],
    ) -> None:
        self.gathered: set[int] = set()
        self._lies_in = lies_in
        self._events = events
        self._ops = ops
        self.locate = locate
        # None for a label of others.
        self._open: list[str | None] = []
        # By unit, what may be given back: a storage, its index, and what it has now.
        self._elastic: dict[str, list[_Elastic]] = defaultdict(list)

    def let_go(self) -> None:
        """Hold on to nothing of the recording: what finds calls has the modules."""
        self.locate = lambda path: -1
        self._lies_in = lambda tensor: -1
        self._elastic.clear()

    def see(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """What is about to run; whether it is a label, which does nothing."""
        if func is ENTER:
            found = _LABEL.match(args[0])
            self._open.append(None if found is None else (found["names"] or "").partition(",")[0])
        unit = self._unit
        if unit is not None:
            self._look(unit)
            if func.name() == _MADE_WHOLE:
                self.gathered.update(map(self._lies_in, kwargs["out"]))
        if func is LEAVE and self._open:
            self._open.pop()
        return func is ENTER or func is LEAVE

    @property
    def _unit(self) -> str | None:
        return next((unit for unit in reversed(self._open) if unit is not None), None)

    @property
    def scope(self) -> int:
        """The call that what runs now is done for; -1 where no label says."""
        unit = self._unit
        return -1 if unit is None else self.locate(unit)

    def made(self, storage: Any, index: int, nbytes: int) -> _Elastic | None:
        """Memory that came beneath a label may be given back; None where there is no label."""
        unit = self._unit
        if unit is None:
            return None
        elastic = _Elastic(weakref.ref(storage), index, nbytes)
        self._elastic[unit].append(elastic)
        return elastic

    def _look(self, unit: str) -> None:
        """See whether memory of a unit has been given back, or taken again."""
        gone = False
        for elastic in self._elastic[unit]:
            storage = elastic.reference()
            if storage is None:
                gone = True
                continue
            now = storage.nbytes()
            if now != elastic.nbytes:
                then, elastic.nbytes = elastic.nbytes, now
                if then:
                    self._events.append(Event(elastic.index, then, False, len(self._ops)))
                if now:
                    self._events.append(Event(elastic.index, now, True, len(self._ops)))
        if gone:
            self._elastic[unit] = [one for one in self._elastic[unit] if one.reference() is not None]


class _Elastic:
    """Memory whose size may change."""

    __slots__ = ("index", "nbytes", "reference")

    def __init__(self, reference: weakref.ref[Any], index: int, nbytes: int) -> None:
        self.reference = reference
        self.index = index
        self.nbytes = nbytes
