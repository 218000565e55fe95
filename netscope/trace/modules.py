"""Modules as facts: their names, classes, hyperparameters and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from netscope.trace.facts import ModuleFact, ParameterFact
from netscope.workload import ITEM_SIZE, TensorSpec

_PLAIN = frozenset({int, float, bool, str, type(None)})
_MAX_ALIASES = 64


class Names:
    """Every qualified name of every module, and the choice among them when a module is called."""

    def __init__(self, root: torch.nn.Module) -> None:
        # id -> names in registration order. The modules themselves are held by their parents.
        self.of: dict[int, list[str]] = {}
        self.modules: list[torch.nn.Module] = []
        self.depth = 0
        self._taken: set[str] = set()
        waiting: list[tuple[str, torch.nn.Module, int]] = [("", root, 0)]
        while waiting:
            path, module, depth = waiting.pop()
            names = self.of.get(id(module))
            if names is None:
                names = self.of[id(module)] = []
                self.modules.append(module)
            if len(names) >= _MAX_ALIASES:
                continue
            names.append(path)
            self._taken.add(path)
            self.depth = max(self.depth, depth)
            lead = f"{path}." if path else ""
            waiting.extend(
                (lead + name, child, depth + 1)
                for name, child in reversed(module._modules.items())
                if child is not None
            )

    def choose(self, module: torch.nn.Module, parent: str | None, used: dict[str, int]) -> str:
        """The name for a call of `module` made by the module called `parent` (None for no module).

        Among several names, those under the parent's, and among these the least used in this call of
        the parent: `Sequential(layer, layer)` calls "0", then "1".
        """
        names = self.of[id(module)]
        if len(names) == 1 or parent is None:
            return names[0]
        lead = f"{parent}." if parent else ""
        inside = [name for name in names if name.startswith(lead) and name != parent]
        chosen = min(inside or names, key=lambda name: used.get(name, 0))
        used[chosen] = used.get(chosen, 0) + 1
        return chosen

    def adopt(self, module: torch.nn.Module, parent: torch.nn.Module | None, path: str) -> None:
        """Name a module that is registered nowhere, by the attribute of its caller that holds it."""
        local = _held_as(module, parent) or f"({type(module).__name__})"
        name = f"{path}.{local}" if path else local
        number = 2
        while name in self._taken:
            name = f"{path}.{local}#{number}" if path else f"{local}#{number}"
            number += 1
        self._taken.add(name)
        self.of[id(module)] = [name]
        self.modules.append(module)


def _held_as(module: torch.nn.Module, parent: torch.nn.Module | None) -> str | None:
    if parent is None:
        return None
    for name, child in parent._modules.items():
        if child is module:
            return name
    for name, value in vars(parent).items():
        if value is module:
            return name
        items = (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, (list, tuple))
            else ()
        )
        for key, item in items:
            if item is module and not name.startswith("_"):
                return f"{name}.{key}"
    return None


class ParameterFacts:
    """Turns tensors into facts, giving equal identities to those that share storage.

    `storage_of` tells the index of a tensor's storage in the trace, -1 for one that no operator met.
    """

    def __init__(self, storage_of: Callable[[torch.Tensor], int]) -> None:
        self._storage_of = storage_of
        self._identities: dict[tuple[int, int], int] = {}
        self._kept: list[Any] = []

    def of(self, name: str, tensor: torch.Tensor) -> ParameterFact:
        """The fact of one parameter or buffer."""
        logical = getattr(tensor, "quant_state", None)
        shape = tuple(getattr(logical, "shape", None) or tensor.shape)
        dtype = str(tensor.dtype).removeprefix("torch.")
        stored = tensor.numel() * tensor.element_size()
        return ParameterFact(
            name,
            TensorSpec(shape, dtype if dtype in ITEM_SIZE else "uint8"),
            self._identity(tensor),
            tensor.requires_grad,
            stored,
            packed=logical is not None,
            storage=self._storage_of(tensor),
        )

    def fresh_identity(self) -> int:
        """An identity for a weight that is no tensor of its own (packed in an object)."""
        self._identities[(-1, len(self._identities))] = identity = len(self._identities)
        return identity

    def _identity(self, tensor: torch.Tensor) -> int:
        try:
            storage = tensor.untyped_storage()
            key = storage._cdata, int(tensor.storage_offset())
            self._kept.append(storage)  # its address stays taken while identities are compared
        except (RuntimeError, NotImplementedError):
            key = id(tensor), -1
            self._kept.append(tensor)
        return self._identities.setdefault(key, len(self._identities))


def module_fact(
    module: torch.nn.Module, names: list[str], registered: bool, parameters: ParameterFacts
) -> ModuleFact:
    """Everything about a module that outlives it."""
    kind = type(module)
    base = _base(kind)
    return ModuleFact(
        path=names[0],
        type=_type_name(module),
        base=base,
        qualname=f"{kind.__module__}.{kind.__qualname__}",
        hyperparameters=_hyperparameters(module),
        detail="" if base == kind.__name__ and kind.__module__.startswith("torch.nn.") else _detail(module),
        parameters=(
            *(
                parameters.of(name, p)
                for name, p in _tensors(module, "_parameters")
            ),
            *_packed(module, parameters),
        ),
        buffers=tuple(parameters.of(name, b) for name, b in _tensors(module, "_buffers")),
        training=bool(getattr(module, "training", False)),
        registered=registered,
        aliases=tuple(names[1:]),
    )


def _tensors(module: torch.nn.Module, kind: str) -> list[tuple[str, torch.Tensor]]:
    """Own parameters or buffers that have a shape."""
    return [
        (name, tensor)
        for name, tensor in getattr(module, kind).items()
        if tensor is not None and not torch.nn.parameter.is_lazy(tensor)
    ]


def _packed(module: torch.nn.Module, parameters: ParameterFacts) -> list[ParameterFact]:
    """Weights that torch's quantised modules keep inside an opaque object."""
    if "quantized" not in type(module).__module__ or not callable(getattr(module, "weight", None)):
        return []
    facts = []
    for name in ("weight", "bias"):
        read = getattr(module, name, None)
        tensor = read() if callable(read) else read
        if isinstance(tensor, torch.Tensor):
            facts.append(
                ParameterFact(
                    name,
                    TensorSpec(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")),
                    parameters.fresh_identity(),
                    False,
                    tensor.numel() * tensor.element_size(),
                    packed=tensor.is_quantized,
                )
            )
    return facts


_BASES: dict[type, str] = {}


def _base(kind: type) -> str:
    """Name of the nearest ancestor that torch.nn defines, "" for Module itself."""
    base = _BASES.get(kind)
    if base is None:
        base = next(
            (c.__name__ for c in kind.__mro__ if c.__module__.startswith("torch.nn.modules.")), ""
        )
        if base == "Module":
            base = ""
        _BASES[kind] = base
    return base


def _type_name(module: torch.nn.Module) -> str:
    if isinstance(module, torch.jit.ScriptModule):
        return str(getattr(module, "original_name", type(module).__name__))
    return type(module).__name__


def _hyperparameters(module: torch.nn.Module) -> dict[str, Any]:
    """Plain public attributes, the way constructors keep their arguments."""
    found: dict[str, Any] = {}
    for name, value in module.__dict__.items():
        if name[0] == "_" or name == "training":
            continue
        kind = type(value)
        if kind in _PLAIN:
            if kind is not str or len(value) <= 200:
                found[name] = value
        elif (
            (kind is tuple or kind is list)
            and len(value) <= 16
            and all(type(item) in _PLAIN for item in value)
        ):
            found[name] = tuple(value)
    return found


def _detail(module: torch.nn.Module) -> str:
    """What the module prints of itself. User code: it may fail, which is no failure of the trace."""
    try:
        return str(module.extra_repr())[:1000]
    except Exception:
        return ""
