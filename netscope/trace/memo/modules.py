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
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn
from torch.nn.modules import module as hooks

from netscope.base.meta.templates import is_torchs
from netscope.base.plain import is_plain
from netscope.trace.facts import OpCall, Storage
from netscope.trace.memo.pure import PURE
from netscope.trace.memo.templates import CallTemplate, OpTemplate, SizedOp, resized, sized
from netscope.trace.running import META
from netscope.trace.shapes import Layout
from netscope.trace.tags import PLAIN_TENSORS, Tag, tag_of, write_tag

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

# Of those of any module what may stand in the way of the memo, and where its tensors are.
_STATE: Final = itemgetter(
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "training",
    "_parameters", "_buffers",
)  # fmt: skip


class PureCall:
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

    __slots__ = ("kind", "layouts", "slots", "tag", "template", "tensor")

    def __init__(self, kind: tuple[type[nn.Module], bytes], tensor: torch.Tensor, tag: Tag) -> None:
        self.kind = kind
        self.tensor = tensor
        self.tag = tag
        self.layouts: tuple[Layout | None, ...] = ()
        self.slots: list[int] = [tag[1]]
        self.template: CallTemplate | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Under which it is remembered."""
        return self.kind, self.layouts

    @property
    def family(self) -> tuple[Any, ...]:
        """What calls that differ in sizes alone have in common."""
        kernels = [layout and layout.shape[2:] for layout in self.layouts[1:]]
        return self.kind, self.tag[0].ndim, *kernels


class ModuleMemo:
    """What is known of pure calls in one recording."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tags = recorder.tags
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
            type(tensor) is not torch.Tensor
            or not tensor.is_meta
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
        tag = self._tags.of(tensor)
        if tag is None:
            return None
        try:
            settings = marshal.dumps([own[name] for name in reads.settings], 2)
        except (KeyError, ValueError):  # an attribute is gone, or is no plain value
            return None
        call = PureCall((cls, settings), tensor, tag)
        layouts: list[Layout | None] = [tag[0]]
        for name in reads.tensors:
            value = parameters.get(name)
            if value is None:
                value = buffers.get(name)
                if value is None:
                    if name in own:
                        return None
                    layouts.append(None)
                    call.slots.append(-1)
                    continue
            if type(value) not in PLAIN_TENSORS:
                return None
            layout, storage = self._tags.adopt(value)
            layouts.append(layout)
            call.slots.append(storage)
        call.layouts = tuple(layouts)
        call.template = self._template(call)
        return call

    def _template(self, call: PureCall) -> CallTemplate | None:
        key = call.key
        template = self._known.get(key)
        if template is not None or key in self._known:
            return template
        known = self._sized.get(call.family)
        template = None if known is None else resized(self._recorder, *known, call.layouts)
        if template is not None:
            self._known[key] = template
        return template

    def apply(self, call: PureCall, template: CallTemplate) -> tuple[torch.Tensor, Tag]:
        """Record the call in the recorder's scope; its result, with its tag."""
        recorder = self._recorder
        ops, storages = recorder.ops, recorder.storages
        slots = call.slots.copy()
        for operator, reads, writes, new in template.ops:
            for nbytes in new:
                slots.append(len(storages))
                storages.append(Storage(nbytes, len(ops)))
            read, written = tuple([slots[s] for s in reads]), tuple([slots[s] for s in writes])
            ops.append(OpCall(operator, recorder.scope, read, written))
        layout = template.layout
        if layout is None:
            return call.tensor, call.tag
        with torch._C._DisableTorchDispatch():
            result = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
        tag = layout, slots[template.slot]
        write_tag(result, tag)
        return result, tag

    def keep(self, call: PureCall, result: Any, first_op: int) -> None:
        """Remember what the call recorded, the operators from `first_op` on."""
        template = self._observed(call, result, first_op)
        self._known[call.key] = template
        if template is not None and PURE[call.kind[0]].steady and self._asks_rules:
            made = [sized(self._recorder, op, len(call.slots)) for op in template.ops]
            sized_ops = [one for one in made if one is not None]
            if len(sized_ops) == len(made):
                self._sized[call.family] = sized_ops, template.slot

    def _observed(self, call: PureCall, result: Any, first_op: int) -> CallTemplate | None:
        """What others of its kind can be written down from, None if it did more than compute."""
        storages = call.slots
        slots = {storage: slot for slot, storage in enumerate(storages) if storage >= 0}
        absent = storages.count(-1)
        if len(slots) + absent < len(storages):  # two in one storage: which was meant?
            return None
        ops = []
        written = {storages[0]}
        for index, op in enumerate(self._recorder.ops[first_op:], first_op):
            new = []
            for storage in op.writes:
                if storage not in slots and self._recorder.storages[storage].born == index:
                    slots[storage] = len(slots) + absent
                    new.append(self._recorder.storages[storage].nbytes)
                    written.add(storage)
            # What a view "writes" is the storage that it looks into.
            changed = op.writes if "inplace" in op.operator.tags else ()
            if not slots.keys() >= {*op.reads, *op.writes} or not written.issuperset(changed):
                return None
            reads, writes = tuple([slots[s] for s in op.reads]), tuple([slots[s] for s in op.writes])
            ops.append(OpTemplate(op.operator, reads, writes, tuple(new)))
        if result is call.tensor:
            return CallTemplate(tuple(ops), None, -1)
        tag = tag_of(result) if type(result) is torch.Tensor else None
        if tag is None or tag[1] not in written:
            return None
        return CallTemplate(tuple(ops), tag[0], slots[tag[1]])


_any_autocast = torch._C._is_any_autocast_enabled
_functions = torch._C._len_torch_function_stack
_dispatchers = torch._C._len_torch_dispatch_stack
_transform = torch._C._functorch.peek_interpreter_stack


def _undisturbed() -> bool:
    """Whether nobody but the recorder has a say in what torch's functions do."""
    return not (
        _any_autocast()
        or torch.is_grad_enabled()
        or torch.is_inference_mode_enabled()
        or _functions()
        or _dispatchers() != 1
        or _transform() is not None
        or hooks._global_forward_hooks
        or hooks._global_forward_pre_hooks
        or hooks._global_backward_hooks
        or hooks._global_backward_pre_hooks
    )
