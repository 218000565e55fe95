"""What a dispatcher function does to memory, read once from its schema."""

from __future__ import annotations

import enum
from typing import Any, Final

import torch

from netscope.trace.constants import makes_constants
from netscope.trace.shapes import Rule, rule_for

_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
# Written to though the schema does not say so: running statistics, where an argument says that it trains.
_HIDDEN_WRITES: dict[str, tuple[tuple[int | str, ...], int | None]] = {
    "aten.native_batch_norm.default": ((3, 4), 5),
    "aten.cudnn_batch_norm.default": ((3, 4), 5),
    "aten.miopen_batch_norm.default": ((3, 4), 5),
    "aten.batch_norm_update_stats.default": ((1, 2), None),
}
# Returns its argument's memory though its schema does not say so.
_HIDDEN_VIEWS = frozenset({"aten._unsafe_view.default"})


class Effect(enum.IntEnum):
    """What has to be done for an operator where there are no values."""

    MAKES = 0  # all results are new
    VIEWS = 1  # the result, or all of them, alias the first argument
    WRITES = 2  # the first argument is written to and returned
    OTHER = 3  # anything else: torch is to run it


class Schema:
    """One operator of the dispatcher.

    A composite one, which is always taken apart, has `func`, `name`, `is_query`, `written` and no tags.

    whole:
        for a composite one that is not to be taken for one: a device has a kernel of its own for it.

    aliases:
        for each result the argument whose memory it is (position or name), None for new memory.
    is_collective:
        is one of those that processes wait for each other in (see `collectives`).
    is_composite:
        is made of other operators alone.
    is_copy:
        moves or converts a tensor, if anything is to be done.
    is_random:
        draws random numbers.
    written:
        the arguments that are written to.
    only_if:
        the place of an argument without which these are not; None where they are in any case.
    is_query:
        asks about a tensor (its device, its sizes), which fake tensors do aloud, or does what autograd alone
        has an interest in.
    is_exact:
        gives the same result at every run and changes nothing.
    makes_constants:
        may make a small tensor whose values are worth keeping.
    on_device:
        takes a device.
    tags:
        as in `Operator.tags`.
    """

    __slots__ = (
        "aliases", "effect", "func", "is_collective", "is_composite", "is_copy", "is_exact", "is_query",
        "is_random", "makes_constants", "name", "on_device", "only_if", "rule", "tags", "written",
    )  # fmt: skip

    def __init__(self, func: Any, whole: bool = False) -> None:
        self.func = func
        self.name = str(func)
        self.is_collective = self.name.startswith(("c10d.", "_c10d_functional.", "_dtensor."))
        self.is_query = self.name.startswith(("prim.", "aten.sym_", "aten.is_", "aten.detach_.")) and (
            self.name != "aten.is_nonzero.default"  # which reads a value
        )
        self.is_composite = not whole and _is_composite(func.name())
        arguments = func._schema.arguments
        self.written: tuple[int | str, ...] = tuple(
            a.name if a.kwarg_only else i
            for i, a in enumerate(arguments)
            if a.alias_info is not None and a.alias_info.is_write
        )
        if self.is_composite:  # the rest is nobody's business, and takes longer
            self.tags: frozenset[str] = frozenset()
            return
        returns = func._schema.returns
        self.is_copy = self.name == "aten._to_copy.default"
        writes = bool(self.written)
        hidden, self.only_if = _HIDDEN_WRITES.get(self.name, ((), None))
        self.written += hidden
        self.aliases = [self._alias(returned, arguments) for returned in returns]
        self.is_random = torch.Tag.nondeterministic_seeded in func.tags
        self.is_exact = not writes and not self.is_random
        self.makes_constants = makes_constants(self.name)
        self.on_device = any(a.name == "device" for a in arguments)
        reshapes = torch.Tag.inplace_view in func.tags or self.name.startswith(("aten.resize", "aten.set_"))
        self.rule: Rule | None = None if reshapes else rule_for(self.name)
        aliasing = any(alias is not None for alias in self.aliases)
        if not writes and not aliasing:
            self.effect = Effect.MAKES
        elif self.aliases == [0] and not reshapes:
            self.effect = Effect.WRITES if writes else Effect.VIEWS
        else:
            self.effect = Effect.OTHER
        from_nothing = bool(returns) and not any("Tensor" in str(a.type) for a in arguments)
        self.tags = frozenset(
            tag
            for tag, holds in (
                ("view", aliasing and not writes),
                ("inplace", writes),
                ("factory", from_nothing),
                ("pointwise", torch.Tag.pointwise in func.tags),
            )
            if holds
        )

    def _alias(self, returned: Any, arguments: Any) -> int | str | None:
        if self.name in _HIDDEN_VIEWS:
            return 0
        if returned.alias_info is None:
            return None
        aliased = [i for i, a in enumerate(arguments) if a.alias_info is not None]
        wanted = returned.alias_info.before_set
        # Lists of views carry an empty set: there is one argument that they can alias.
        index = next((i for i in aliased if arguments[i].alias_info.before_set & wanted), aliased[0])
        return str(arguments[index].name) if arguments[index].kwarg_only else index


# Those of torch itself, which nobody defines anew.
_of_torch: Final[dict[int, Schema]] = {}


def schema_of(func: Any) -> Schema:
    """What is known of an operator."""
    # By identity, which its schema keeps alive: its own hash runs in Python.
    known = _of_torch.get(id(func))
    if known is None:
        known = Schema(func)
        if func.namespace == "aten":
            _of_torch[id(func)] = known
    return known


def _is_composite(name: str) -> bool:
    """Whether it is made of other operators alone."""
    try:
        return bool(torch._C._dispatch_has_kernel_for_dispatch_key(name, _COMPOSITE))
    except RuntimeError:  # of TorchScript's interpreter, and unknown to the dispatcher
        return False
