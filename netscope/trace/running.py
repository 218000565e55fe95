"""Running an operator that is not stood in for, and what is recorded of it.

The functions here take the recorder that met the operator. On meta the arguments that torch is given are
stand-ins, except where all are small constants: then it is run as it is, so that its result has values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch

from netscope.trace.constants import HERE, SMALL, is_constant, most_elements, stays
from netscope.trace.entries import Arguments, Entry
from netscope.trace.schema import Effect, Schema
from netscope.trace.shapes import Layout, check_dtypes, infer
from netscope.trace.tags import TAG, tensors_in

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

META: Final = torch.device("meta")


class Met(NamedTuple):
    """An operator and its arguments, as a recorder met them.

    key:
        under which it is remembered; empty for one that cannot be.
    reads:
        storages of the tensors among the arguments.
    """

    schema: Schema
    key: tuple[Any, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    reads: list[int]


def run_on_meta(recorder: Recorder, met: Met, strangers: bool) -> Any:
    """Let torch's meta kernel run it, on stand-ins for tensors that live elsewhere (`strangers`)."""
    schema, _, args, kwargs, reads = met
    if strangers:
        if schema.tags & {"inplace"}:
            recorder.stale.update(reads)
        args = tuple([_stand_in(recorder, a) for a in args])
        kwargs = {k: _stand_in(recorder, v) for k, v in kwargs.items()}
    if schema.on_device and ("device" in kwargs or "factory" in schema.tags):
        kwargs = {k: v for k, v in kwargs.items() if k not in ("pin_memory", "non_blocking")}
        kwargs["device"] = META
    return run(recorder, met._replace(args=args, kwargs=kwargs), (met.args, met.kwargs))


def _stand_in(recorder: Recorder, value: Any) -> Any:
    """A tensor on meta for one on another device, inside lists too."""
    if isinstance(value, torch.Tensor):
        tag = recorder.tags.of(value)
        if value.is_meta or tag is None:
            return value
        layout: Layout = tag[0]
        twin = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
        twin.__dict__[TAG] = tag
        return twin
    if isinstance(value, (list, tuple)):
        return type(value)(_stand_in(recorder, item) for item in value)
    return value


def run_with_values(recorder: Recorder, met: Met, entry: Entry | None) -> Any:
    """On meta, the result of an operator that can have values; NotImplemented where it cannot."""
    schema, _, args, kwargs, _ = met
    if schema.name == "aten._to_copy.default" and stays(args[0], kwargs):
        return args[0]
    if schema.makes_constants:
        known = is_constant(schema.name, args, kwargs)
    else:
        known = schema.is_exact and _all_known(recorder, met, entry)
    if not known:
        return NotImplemented
    here = {**kwargs, **HERE} if "device" in kwargs or schema.makes_constants else kwargs
    return run(recorder, met._replace(kwargs=here))


def _all_known(recorder: Recorder, met: Met, entry: Entry | None) -> bool:
    """Whether all tensors are small constants with true values, so that the result can have one too.

    Lengths of packed sequences, for one, decide shapes.
    """
    if not recorder.stale.isdisjoint(met.reads):
        return False
    tensors = tensors_in((met.args, tuple(met.kwargs.values())))
    if any(tensor.is_meta or tensor.numel() > SMALL for tensor in tensors):
        return False
    if entry is None:
        return most_elements(tensors, met.args) <= SMALL
    return entry.effect is Effect.VIEWS or all(x is None or x.numel <= SMALL for x in entry.layouts)


def run(recorder: Recorder, met: Met, given: Arguments | None = None) -> Any:
    """Let torch run the operator, then tag and record what came out.

    `given` are the caller's arguments where those of `met` are stand-ins: an in-place operator must
    return the caller's tensor.
    """
    schema, key, args, kwargs, reads = met
    tags, memo = recorder.tags, recorder.memo
    try:
        entry = memo.get(key)
    except TypeError:  # an argument that cannot be hashed
        entry, key = None, ()
    if entry is None:
        check_dtypes(schema.name, tags.layouts(args, kwargs)[0])
    result = _kernel(recorder, met)
    if entry is None:
        entry = recorder.observed((schema.name, schema.tags, schema.effect), args, kwargs, result)
        if key:
            memo[key] = entry
    if schema.effect is Effect.MAKES:
        recorder.record(entry, reads, [recorder.born(item) for item in tensors_in(result)])
        return result
    results = [result] if len(schema.aliases) == 1 else list(result or ())
    writes: list[int] = []
    for index, (alias, item) in enumerate(zip(schema.aliases, results, strict=False)):
        if alias is None:
            writes.extend(recorder.born(tensor) for tensor in tensors_in(item))
            continue
        writes.extend(_aliased(recorder, item, _argument(alias, args, kwargs)))
        if given is not None and "inplace" in schema.tags:
            results[index] = _argument(alias, *given)
    recorder.record(entry, reads, writes)
    if given is None or "inplace" not in schema.tags or not results:
        return result
    return results[0] if len(results) == 1 else tuple(results)


def _kernel(recorder: Recorder, met: Met) -> Any:
    """What torch makes of it, or on fake tensors what a shape rule does where torch fails."""
    schema, _, args, kwargs, _ = met
    try:
        return schema.func(*args, **kwargs)
    except (RuntimeError, NotImplementedError):
        if not recorder.on_fake or schema.rule is None or schema.effect is not Effect.MAKES:
            raise
        made = infer(schema.rule, *recorder.tags.layouts(args, kwargs))
        if type(made) is not tuple:
            raise
        shape, stride, dtype = made
        return torch.empty_strided(shape, stride, dtype=dtype)


def _aliased(recorder: Recorder, item: Any, source: Any) -> list[int]:
    """Tag a result that lies in an argument's storage."""
    tags = recorder.tags
    tensors = tensors_in(item)
    owner = next((tags.of(t) for t in (*tensors_in(source), *tensors)), None)
    storage = -1 if owner is None else owner[1]
    for tensor in tensors:
        if not tags.is_foreign(tensor):
            tags.mark(tensor, storage)
    return [storage] * len(tensors)


def _argument(alias: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[alias] if isinstance(alias, int) else kwargs.get(alias)
