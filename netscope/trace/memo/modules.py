"""Calls of torch.nn's own layers, written down again without running them.

What a convolution or an activation does is settled by its class, a few of its attributes, and the layouts
of its input and its tensors. The first such call runs like any other, and what it recorded is kept; the
next one that agrees in all of these is recorded from there, on its own storages. One that differs only in
sizes asks the operator's shape rule. It saves torch's own way from the module down to the operators, which
takes longer than all that netscope does with them.

Only calls in which nothing else can have a say are taken this way: the class itself and no subclass, no
hooks, one plain meta tensor, no mode or transform around it but the recorder. And only those are kept
that wrote to nothing but their input and what they made.
"""

from __future__ import annotations

import marshal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import nn
from torch.nn.modules import module as hooks

from netscope.base.meta.templates import is_torchs
from netscope.base.plain import is_plain
from netscope.trace.memo.pure import PURE
from netscope.trace.memo.templates import CallTemplate, SizedOp, observed_ops, replay, resized, sized
from netscope.trace.shapes import Layout
from netscope.trace.standins import PLAIN_TENSORS, is_meta
from netscope.trace.tags import Tag

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

# Of those of any module what may stand in the way of the memo, and where its tensors are.
_STATE: Final = itemgetter(
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "training",
    "_parameters", "_buffers",
)  # fmt: skip


# A class, and its settings.
Kind = tuple[type[nn.Module], bytes]


class PureCall(NamedTuple):
    """A call that may be taken from the memo.

    kind:
        its class and its settings.
    tag:
        of its input.
    layouts, slots:
        layouts and storages of its input and its tensors; None and -1 where it has no such tensor.
    template:
        what it records; None where that is not known.
    """

    kind: Kind
    tensor: torch.Tensor
    tag: Tag
    layouts: tuple[Layout | None, ...]
    slots: list[int]
    template: CallTemplate | None


class ModuleMemo:
    """What is known of pure calls in one recording."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tags = recorder.tags
        self._faces = frozenset({torch.Tensor, recorder.tensor_class})
        # Unless somebody has given a class another forward.
        self._classes = frozenset(cls for cls in PURE if is_torchs(cls.forward))
        # None for a call that was met and cannot be remembered.
        self._known: dict[tuple[Any, ...], CallTemplate | None] = {}
        # For steady ones the operators, and the slot of the result.
        self._sized: dict[tuple[Any, ...], tuple[list[SizedOp], int]] = {}
        self._asks_rules = not is_plain("rules")

    def pure(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PureCall | None:
        """The call `module(*args, **kwargs)`, None where it has to run."""
        cls = type(module)
        if cls not in self._classes or len(args) != 1 or kwargs:
            return None
        tensor = args[0]
        reads = PURE[cls]
        own = module.__dict__
        hooked, pre_hooked, back_hooked, back_pre_hooked, training, parameters, buffers = _STATE(own)
        if (
            type(tensor) not in self._faces
            or not is_meta(tensor)
            or hooked
            or pre_hooked
            or back_hooked
            or back_pre_hooked
            or "forward" in own
            or "_compiled_call_impl" in own
            or (training and not reads.either)
            or not _undisturbed()
        ):
            return None
        tag = self._tags.carried(tensor) or self._tags.of(tensor)
        if tag is None:
            return None
        try:
            settings = marshal.dumps(list(map(own.__getitem__, reads.settings)), 2)
        except (KeyError, ValueError):  # an attribute is gone, or is no plain value
            return None
        layouts: list[Layout | None] = [tag[0]]
        slots = [tag[1]]
        for name in reads.tensors:
            value = parameters.get(name)
            if value is None:
                value = buffers.get(name)
                if value is None:
                    if name in own:
                        return None
                    layouts.append(None)
                    slots.append(-1)
                    continue
            if type(value) not in PLAIN_TENSORS:
                return None
            layout, storage, _ = self._tags.given(value)  # a forward may put there what it made
            layouts.append(layout)
            slots.append(storage)
        kind, seen = (cls, settings), tuple(layouts)
        template = self._known.get((kind, seen))
        if template is None and (kind, seen) not in self._known:
            template = self._known_but_for_sizes(kind, seen)
        return PureCall(kind, tensor, tag, seen, slots, template)

    def _known_but_for_sizes(self, kind: Kind, layouts: tuple[Layout | None, ...]) -> CallTemplate | None:
        known = self._sized.get(_family(kind, layouts))
        template = None if known is None else resized(self._recorder, *known, layouts)
        if template is not None:
            self._known[kind, layouts] = template
        return template

    def apply(self, call: PureCall, template: CallTemplate) -> tuple[torch.Tensor, Tag]:
        """Record the call in the recorder's scope; its result, with its tag."""
        slots = replay(self._recorder, template.ops, call.slots)
        layout = template.layout
        if layout is None:
            return call.tensor, call.tag
        with torch._C._DisableTorchDispatch():
            result = self._recorder.empty(layout)
        return result, self._tags.write(result, layout, slots[template.slot])

    def keep(self, call: PureCall, result: Any, first_op: int) -> None:
        """Remember what the call recorded, the operators from `first_op` on."""
        template = self._observed(call, result, first_op)
        self._known[call.kind, call.layouts] = template
        if template is not None and PURE[call.kind[0]].steady and self._asks_rules:
            made = [sized(self._recorder, op, len(call.slots)) for op in template.ops]
            sized_ops = [one for one in made if one is not None]
            if len(sized_ops) == len(made):
                self._sized[_family(call.kind, call.layouts)] = sized_ops, template.slot

    def _observed(self, call: PureCall, result: Any, first_op: int) -> CallTemplate | None:
        """What others of its kind can be written down from, None if it did more than compute."""
        storages = call.slots
        slots = {storage: slot for slot, storage in enumerate(storages) if storage >= 0}
        absent = storages.count(-1)
        if len(slots) + absent < len(storages):  # two in one storage: which was meant?
            return None
        ops = observed_ops(
            self._recorder,
            range(first_op, len(self._recorder.ops)),
            slots,
            frozenset(storages[:1]),
            absent,
        )
        if ops is None:
            return None
        if result is call.tensor:
            return CallTemplate(ops, None, -1)
        tag = self._tags.carried(result) if type(result) in self._faces else None
        if tag is None or tag[1] not in slots:
            return None
        return CallTemplate(ops, tag[0], slots[tag[1]])


def _family(kind: Kind, layouts: tuple[Layout | None, ...]) -> tuple[Any, ...]:
    """What calls that differ in sizes alone have in common."""
    assert layouts[0] is not None  # of the input
    return kind, layouts[0].ndim, *[layout and layout.shape[2:] for layout in layouts[1:]]


_any_autocast = torch._C._is_any_autocast_enabled
_functions = torch._C._len_torch_function_stack
_dispatchers = torch._C._len_torch_dispatch_stack
_transform = torch._C._functorch.peek_interpreter_stack


def _undisturbed() -> bool:
    """Whether nobody but the recorder has a say in what torch's functions do."""
    return not (
        _any_autocast()
        or torch.is_inference_mode_enabled()
        or _functions()
        or _dispatchers() != 1
        or _transform() is not None
        or hooks._global_forward_hooks
        or hooks._global_forward_pre_hooks
        or hooks._global_backward_hooks
        or hooks._global_backward_pre_hooks
    )
