"""What a network hands back to be given again with the next token: its cache.

`Decoding` runs several texts, token by token where that can be done, as one forward, which is traced like any
other. What the cache holds is found by walking it, whatever its class, and told apart by storages: a view
keeps all of what it is a view of.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import nn

from netscope.base.workload import TensorSpec
from netscope.trace.facts import Trace

# The keyword arguments of one call, the positional ones before them.
Call = tuple[tuple[Any, ...], dict[str, Any]]
# A text, and then what is added to it: each goes with the cache of the one before.
Text = Sequence[Call]

# What a cache is called where no parameter has the name of what comes out, and such a parameter.
_CACHE: Final = re.compile(r"past|cache|state|mem|kv|^hx$|^hidden$", re.IGNORECASE)
# What is handed back to be looked at.
_SHOWN: Final = re.compile(r"(^|_)(hidden_states|attentions)$")
# Where the network is within `Decoding`.
NETWORK: Final = "network"
_ENCODER: Final = "encoder"
# What may read a cache together with weights.
_PROJECTIONS: Final = re.compile(r"aten\.(linear|mm|addmm|matmul|bmm|baddbmm|einsum|_scaled_mm)\.")

# What no cache is kept in: values, code, and the network itself.
_LEAVES: Final = (
    *(types.NoneType, bool, int, float, complex, str, bytes, torch.dtype, torch.device, type, nn.Module),
    *(types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.ModuleType),
)


class Held(NamedTuple):
    """One tensor of a cache.

    place:
        where in the cache: "layers.0.keys".
    storage, nbytes:
        the block of memory that it lies in, and all of its bytes. Tensors of one storage share them.
    path:
        the module that made it; "" where none did.
    projected:
        whether it is multiplied with weights when it is read, as a latent is.
    """

    place: str
    spec: TensorSpec
    storage: int
    nbytes: int
    path: str
    projected: bool


class Decoding(nn.Module):
    """Runs texts through a network, and returns what its cache holds after each call.

    Returns of {"TEXT.CALL.PLACE": tensor}, with "encoder" for what an encoder said; nothing of a network that
    hands nothing back. Where a cache comes out that cannot be given again, only the first call of a text is
    made.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.takes = tuple(taken(network))
        self.takes_any = takes_any(network)

    def forward(self, texts: Sequence[Text]) -> dict[str, torch.Tensor]:
        """Run them, each with a cache of its own."""
        told: dict[str, torch.Tensor] = {}
        for number, text in enumerate(texts):
            again: dict[str, Any] = {}
            for index, (args, kwargs) in enumerate(text):
                result = self.network(*args, **{**kwargs, **again})
                cache, name = self._cache(result, {**dict(zip(self.takes, args, strict=False)), **kwargs})
                for place, tensor in tensors_of(cache):
                    told[f"{number}.{index}.{place}"] = tensor
                said = _of_encoder(result)
                if said is not None:
                    told[_ENCODER] = said
                if not name:
                    break
                again = {name: cache}
        return told

    def _cache(self, result: Any, told: dict[str, Any]) -> tuple[Any, str]:
        """What is handed back, and the name of the parameter that takes it; (None, "") where nothing is.

        told:
            what was given, by name.
        """
        given = {name for name, value in told.items() if _is_tensor(value)}
        free = [name for name in self.takes if name not in given]
        named = [(name, value) for name, value in _named(result) if _holds_tensors(value)]
        for name, value in named:
            if name in free or (self.takes_any and _CACHE.search(name) and not _is_tensor(value)):
                return value, name
        if named:
            parts = [value for name, value in named if _CACHE.search(name)]
        else:
            parts = list(result) if isinstance(result, (tuple, list)) else []
        found = [part for part in parts if not _is_tensor(part) and _holds_tensors(part)]
        if len(found) != 1:
            return (found or None), ""
        return found[0], next((name for name in free if _CACHE.search(name)), "")


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _holds_tensors(value: Any) -> bool:
    return next(tensors_of(value), None) is not None


def taken(network: nn.Module) -> dict[str, inspect.Parameter]:
    """What a forward can be given by name."""
    try:
        parameters = inspect.signature(network.forward).parameters
    except (TypeError, ValueError):
        return {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: one for name, one in parameters.items() if one.kind in named}


def takes_any(network: nn.Module) -> bool:
    """Whether it can be given whatever else by name."""
    try:
        parameters = inspect.signature(network.forward).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(one.kind is one.VAR_KEYWORD for one in parameters)


def _named(result: Any) -> Iterator[tuple[str, Any]]:
    """What came out by name, of parts that have names as well; not what is to be looked at."""
    if isinstance(result, dict):
        found = [(str(name), value) for name, value in result.items()]
    elif isinstance(result, tuple) and hasattr(result, "_fields"):
        found = list(zip(result._fields, result, strict=True))
    elif dataclasses.is_dataclass(result) and not isinstance(result, type):
        found = [(one.name, getattr(result, one.name, None)) for one in dataclasses.fields(result)]
    else:
        return
    for name, value in found:
        if not _SHOWN.search(name):
            yield name, value
            if dataclasses.is_dataclass(value) and not _CACHE.search(name):
                yield from _named(value)


def _of_encoder(result: Any) -> torch.Tensor | None:
    for name, value in _named(result):
        if name.startswith(_ENCODER) and isinstance(value, torch.Tensor) and value.dim() > 1:
            return value
    return None


def tensors_of(
    value: Any, place: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor that an object holds, with its place; one that is made of others as these."""
    seen = set() if seen is None else seen
    if isinstance(value, _LEAVES) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        parts = _parts(value)
        if not parts:
            yield place, value
    else:
        parts = _members(value)
    for name, part in parts:
        yield from tensors_of(part, f"{place}.{name}" if place else str(name), seen)


def _members(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        found: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    elif isinstance(value, (tuple, list, set, frozenset)):
        found = list(enumerate(value))
    else:
        found = []
    names = [name for cls in type(value).__mro__ for name in _slots(cls)]
    found += [(name, getattr(value, name)) for name in names if hasattr(value, name)]
    return found + list(getattr(value, "__dict__", {}).items())


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _parts(tensor: torch.Tensor) -> list[tuple[Any, Any]]:
    """What a tensor of a class of its own is made of."""
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is None:
        return []
    names, _ = flatten()
    return [(name, getattr(tensor, name)) for name in names]


def held(trace: Trace) -> list[list[tuple[Held, ...]]]:
    """What the cache held, by text and by call, of the trace of a `Decoding`."""
    weights = {
        parameter.storage
        for module in trace.modules
        for parameter in (*module.parameters, *module.buffers)
        if parameter.storage >= 0
    }
    projected = {
        read
        for op in trace.ops
        if _PROJECTIONS.match(op.operator.name) and not weights.isdisjoint(op.reads)
        for read in op.reads
        if read not in weights
    }
    found: dict[tuple[int, int], list[Held]] = {}
    for value in trace.outputs:
        if value.place == _ENCODER or value.spec is None:
            continue
        text, call, place = f"{value.place}.".split(".", 2)
        storage = trace.storages[value.storage]
        path = "" if storage.born < 0 else trace.calls[trace.ops[storage.born].call].path
        one = Held(
            place.removesuffix("."),
            value.spec,
            value.storage,
            storage.nbytes,
            own_path(path),
            value.storage in projected,
        )
        found.setdefault((int(text), int(call)), []).append(one)
    texts: list[list[tuple[Held, ...]]] = []
    for (text_number, _), one_call in sorted(found.items()):
        while len(texts) <= text_number:
            texts.append([])
        texts[text_number].append(tuple(one_call))
    return texts


def encoder_length(trace: Trace) -> int | None:
    """The positions of what the encoder said; None without one."""
    found = next((v.spec for v in trace.outputs if v.place == _ENCODER and v.spec is not None), None)
    return None if found is None else found.shape[1]


def operators(trace: Trace) -> list[int]:
    """How many operators each call of the network took, in the order of calls."""
    return [call.last_op - call.first_op for call in trace.calls if call.path == NETWORK and call.parent == 0]


def own_path(path: str) -> str:
    """A module's path as the network's owner knows it."""
    return path.removeprefix(NETWORK).removeprefix(".")
