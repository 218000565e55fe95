"""Running an operator that is not stood in for, and what is recorded of it.

The functions here take the recorder that met the operator. On meta the arguments that torch is given are
stand-ins, except where all are small constants: then it is run as it is, so that its result has values.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import torch

from netscope.trace.chance import drawn
from netscope.trace.constants import (
    HERE,
    SMALL,
    changes_device_alone,
    is_constant,
    most_chosen,
    most_elements,
    stays,
)
from netscope.trace.dispatched import Dispatched
from netscope.trace.here import here
from netscope.trace.operators import Arguments, operator_of
from netscope.trace.schema import Effect, Schema
from netscope.trace.shapes import Layout, check_dtypes, infer
from netscope.trace.shapes.layout import broadcast
from netscope.trace.standins import is_meta
from netscope.trace.storage import is_sparse
from netscope.trace.tags import tensors_in

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

META: Final = torch.device("meta")


def run_on_meta(recorder: Recorder, call: Dispatched) -> Any:
    """Let torch's meta kernel run it, on stand-ins for tensors that live elsewhere."""
    schema, args, kwargs = call.schema, call.args, call.kwargs
    if call.off_meta:
        if "inplace" in schema.tags:
            recorder.stale.update(call.reads)
        args = tuple([_stand_in(recorder, a) for a in args])
        kwargs = {k: _stand_in(recorder, v) for k, v in kwargs.items()}
    if schema.on_device and ("device" in kwargs or "factory" in schema.tags):
        kwargs = {k: v for k, v in kwargs.items() if k not in ("pin_memory", "non_blocking")}
        kwargs["device"] = META
    return run(recorder, call, args, kwargs)


def _stand_in(recorder: Recorder, value: Any) -> Any:
    """A tensor on meta for one on another device, inside lists too."""
    if isinstance(value, torch.Tensor):
        tag = recorder.tags.of(value)
        if is_meta(value) or tag is None:
            return value
        stand_in = recorder.empty(tag[0])
        recorder.tags.write(stand_in, tag[0], tag[1])
        return stand_in
    if isinstance(value, (list, tuple)):
        return type(value)(_stand_in(recorder, item) for item in value)
    return value


def run_with_values(recorder: Recorder, call: Dispatched) -> Any:
    """On meta, the result of an operator that can have values; NotImplemented where it cannot."""
    schema, args, kwargs = call.schema, call.args, call.kwargs
    if schema.name == "aten._to_copy.default" and stays(args[0], kwargs):
        return args[0]
    if schema.makes_constants:
        known = is_constant(schema.name, args, kwargs)
    else:
        known = (schema.is_exact or _may_write(recorder, call)) and _all_known(recorder, call)
    if not known:
        return _chosen(recorder, call) if schema.name == "aten.index.Tensor" else NotImplemented
    here = {**kwargs, **HERE} if "device" in kwargs or schema.makes_constants else kwargs
    return run(recorder, call, args, here)


# Contractions of which the first factor may be sparse, and where it stands. What they make is not.
_SPARSE_FIRST: Final = {
    **dict.fromkeys(("aten.mm.default", "aten.mv.default", "aten.bmm.default"), 0),
    **dict.fromkeys(
        ("aten.addmm.default", "aten._sparse_addmm.default", "aten.addmv.default", "aten.baddbmm.default"), 1
    ),
}


def run_sparse(recorder: Recorder, call: Dispatched) -> Any:
    """The result of an operator that is given a sparse tensor, of which it stays known what is stored.

    Raises:
        NotImplementedError: that depends on values which there are not.
    """
    if recorder.on_fake:
        raise NotImplementedError("a sparse tensor has values, and a fake one has none")
    if not recorder.on_meta:
        return run(recorder, call)
    tensors = tensors_in((call.args, tuple(call.kwargs.values())))
    if recorder.stale.isdisjoint(call.reads) and not any(is_meta(tensor) for tensor in tensors):
        return run(recorder, call)
    place = _SPARSE_FIRST.get(call.schema.name)
    if (
        place is None
        or [is_sparse(t) for t in tensors].index(True) != place
        or sum(map(is_sparse, tensors)) > 1
    ):
        raise NotImplementedError(f"what {call.schema.name} makes of a sparse tensor depends on values")
    return run_on_meta(recorder, call)


def stays_home(tensor: torch.Tensor, kwargs: dict[str, Any], home: torch.device) -> bool:
    """On meta, whether a tensor is copied only for not being where its owner's would be already."""
    device = kwargs.get("device")
    return (
        device is not None
        and device.type in (home.type, "meta")
        and is_meta(tensor)
        and changes_device_alone(tensor, kwargs)
    )


def _may_write(recorder: Recorder, call: Dispatched) -> bool:
    """Whether an operator writes to a tensor that may be written to, so that its values can be followed."""
    schema = call.schema
    if schema.effect is not Effect.WRITES or schema.is_random or schema.written != (0,):
        return False
    return recorder.owns(call.args[0])


def _chosen(recorder: Recorder, call: Dispatched) -> Any:
    """What masks with values choose of a tensor without: how much that is, is known."""
    tensor, indices, *_ = call.args
    masks = [
        index
        for index in indices
        if isinstance(index, torch.Tensor) and index.dtype is torch.bool and not is_meta(index)
    ]
    tags = [recorder.tags.given(mask) for mask in masks]
    if not masks or any(tag[1] in recorder.stale for tag in tags):
        return NotImplemented
    places: list[torch.Tensor | None] = []
    for index in indices:
        if index is None or not any(index is mask for mask in masks):
            places.append(_stand_in(recorder, index))
            continue
        count = int(index.sum())
        places += [torch.empty(count, dtype=torch.int64, device=META) for _ in range(index.ndim)]
    # How much is known of this call alone, and not of others on such layouts.
    call.key, call.known = (), None
    return run(recorder, call, (_stand_in(recorder, tensor), places), told=call.args)


def _all_known(recorder: Recorder, call: Dispatched) -> bool:
    """Whether all tensors are small constants with true values, so that the result can have one too.

    Lengths of packed sequences, for one, decide shapes.
    """
    if not recorder.stale.isdisjoint(call.reads):
        return False
    tensors = tensors_in((call.args, tuple(call.kwargs.values())))
    if any(is_meta(tensor) or tensor.numel() > SMALL for tensor in tensors):
        return False
    if call.schema.effect is Effect.VIEWS:
        return True
    made = (
        None if call.opaque else recorder.inferred(call.schema, recorder.tags.layouts(call.args, call.kwargs))
    )
    if made is None and call.schema.name == "aten.index.Tensor":
        return most_chosen(call.args[0].shape, call.args[1]) <= SMALL
    if made is None and "pointwise" in call.schema.tags:
        together = broadcast([tuple(tensor.shape) for tensor in tensors])
        return together is not None and math.prod(together) <= SMALL
    if made is None:
        return most_elements(tensors, call.args) <= SMALL
    return all(one.numel <= SMALL for one in ((made,) if isinstance(made, Layout) else made))


def run(
    recorder: Recorder,
    call: Dispatched,
    args: tuple[Any, ...] | None = None,
    kwargs: dict[str, Any] | None = None,
    told: tuple[Any, ...] | None = None,
) -> Any:
    """Let torch run the operator, then tag and record what came out.

    `args` and `kwargs` are what to run it on where that is not what it was given, but stand-ins: an in-place
    operator still returns the caller's tensor. `told` is what is written down as its arguments, where that is
    neither.
    """
    schema, memo, known = call.schema, recorder.memo, call.known
    args = call.args if args is None else args
    kwargs = call.kwargs if kwargs is None else kwargs
    arguments: Arguments = ((), {})
    if known is None:  # of what is there before it runs: one in place may change the shape
        arguments = recorder.tags.layouts(args if told is None else told, kwargs)
        check_dtypes(schema.name, arguments[0])
    if not recorder.on_meta and not recorder.on_fake:
        with torch._C.DisableTorchFunction():  # the exits are watched in the owner's code
            if schema.is_random and recorder.keeper is not None:
                result = drawn(schema.func, args, kwargs, recorder.keeper.generator)
            else:
                result = schema.func(*args, **kwargs)
    else:
        result = _kernel(recorder, schema, args, kwargs)
    if known is None:
        made = [recorder.tags.layout_of(tensor) for tensor in tensors_in(result)]
        operator = operator_of(schema.name, schema.tags, arguments, made)
        if memo is not None:
            memo.keep(call, operator, result)
    else:
        operator = known.operator
    if schema.effect is Effect.MAKES:
        recorder.record(operator, call.reads, [recorder.born(item) for item in tensors_in(result)])
        return result
    results = [result] if len(schema.aliases) == 1 else list(result or ())
    writes: list[int] = []
    for index, (alias, item) in enumerate(zip(schema.aliases, results, strict=False)):
        if alias is None:
            writes.extend(recorder.born(tensor) for tensor in tensors_in(item))
            continue
        # Looked up before it ran: one in place may have changed the shape.
        known_as = call.reads[0] if alias == 0 and isinstance(call.args[0], torch.Tensor) else None
        writes.extend(_aliased(recorder, item, argument(alias, args, kwargs), known_as))
        if "inplace" in schema.tags:
            results[index] = argument(alias, call.args, call.kwargs)
    recorder.record(operator, call.reads, writes)
    if "inplace" not in schema.tags or args is call.args or not results:
        return result
    return results[0] if len(results) == 1 else tuple(results)


def _kernel(recorder: Recorder, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What torch makes of it, or on fake tensors what a shape rule does where torch fails."""
    outside = here.outside
    here.outside = False  # torch's meta kernels are Python too, and are to see where tensors are
    try:
        return recorder.kernel(schema.func, args, kwargs)
    except (RuntimeError, NotImplementedError):
        if not recorder.on_fake or schema.rule is None or schema.effect is not Effect.MAKES:
            raise
        made = infer(schema.rule, *recorder.tags.layouts(args, kwargs))
        if type(made) is not tuple:
            raise
        shape, stride, dtype = made
        return torch.empty_strided(shape, stride, dtype=dtype)
    finally:
        here.outside = outside


def _aliased(recorder: Recorder, item: Any, source: Any, storage: int | None) -> list[int]:
    """Tag a result that lies in an argument's storage."""
    tags = recorder.tags
    tensors = tensors_in(item)
    if storage is None:
        owner = next((tags.of(t) for t in (*tensors_in(source), *tensors)), None)
        storage = -1 if owner is None else owner[1]
    for tensor in tensors:
        if not tags.is_foreign(tensor):
            tags.mark(tensor, storage)
    return [storage] * len(tensors)


def argument(alias: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """By its position or its name; None where it was left out."""
    if isinstance(alias, int):
        return args[alias] if alias < len(args) else None
    return kwargs.get(alias)
