"""Modules as facts: their names, classes, hyperparameters and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import torch

from netscope.base.workload import ITEM_SIZE, TensorSpec
from netscope.trace.facts import ModuleFact, ParameterFact
from netscope.trace.shapes.layout import dtype_name
from netscope.trace.sharded import is_divided, local_of, whole_of
from netscope.trace.standins import PLAIN_TENSORS
from netscope.trace.storage import bytes_of
from netscope.trace.tags import Tags

_PLAIN = frozenset({int, float, bool, str, type(None)})

# Names of one module, and of all beyond the first of each: where shared modules share others, they multiply.
_MOST_OF_ONE: Final = 4096
_MOST_OF_ALL: Final = 2**15


class Names:
    """Every qualified name of every module, and the choice among them when a module is called."""

    def __init__(self, root: torch.nn.Module) -> None:
        # id -> names in registration order; `modules` keeps the ids theirs.
        self.of: dict[int, list[str]] = {}
        self.modules: list[torch.nn.Module] = []
        # id -> index into `modules`.
        self.index: dict[int, int] = {}
        # How deeply modules nest.
        self.depth = 0
        # Of a module and a path: its names below that path.
        self._inside: dict[tuple[int, str], list[str]] = {}
        of, modules = self.of, self.modules
        more = 0
        waiting: list[tuple[str, torch.nn.Module, int]] = [("", root, 0)]
        while waiting:
            path, module, depth = waiting.pop()
            names = of.get(id(module))
            if names is None:
                names = of[id(module)] = []
                self.index[id(module)] = len(modules)
                modules.append(module)
            elif len(names) >= _MOST_OF_ONE or more >= _MOST_OF_ALL:
                continue
            else:
                more += 1
            names.append(path)
            if depth > self.depth:
                self.depth = depth
            children = module._modules
            if children:
                lead = f"{path}." if path else ""
                waiting += [
                    (lead + name, child, depth + 1)
                    for name, child in reversed(children.items())
                    if child is not None
                ]
        self._taken = {name for names in of.values() for name in names}
        self.registered = frozenset(self.of)

    def let_go(self) -> None:
        """Hold on to no module. For the end, when an error's frames may still hold these names."""
        for held in (self.of, self.modules, self.index, self._inside):
            held.clear()

    def choose(self, module: torch.nn.Module, parent: str, used: dict[int, int]) -> str:
        """The name, among several, for a call of `module` made by the module called `parent`.

        Those under the parent's go first, and among these one after the other: `Sequential(layer, layer)`
        calls "0", then "1". `used` counts the calls that this call of the parent made, by module.
        """
        key = id(module), parent
        names = self._inside.get(key)
        if names is None:
            known = self.of[id(module)]
            lead = f"{parent}." if parent else ""
            inside = [name for name in known if name.startswith(lead) and name != parent]
            names = self._inside[key] = inside or known
        count = used.get(id(module), 0)
        used[id(module)] = count + 1
        return names[count % len(names)]

    def adopt(self, module: torch.nn.Module, parent: torch.nn.Module | None, path: str) -> str:
        """Name a module that is registered nowhere, by the attribute of its caller that holds it."""
        local = _held_as(module, parent) or f"({type(module).__name__})"
        name = f"{path}.{local}" if path else local
        number = 2
        while name in self._taken:
            name = f"{path}.{local}#{number}" if path else f"{local}#{number}"
            number += 1
        self._taken.add(name)
        self.of[id(module)] = [name]
        self.index[id(module)] = len(self.modules)
        self.modules.append(module)
        return name


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


def tensors_of(root: torch.nn.Module) -> list[torch.Tensor]:
    """The parameters and buffers of all registered modules, each once, past what a class says of them."""
    found = {
        id(tensor): tensor
        for module in Names(root).modules
        for tensor in (*module._parameters.values(), *module._buffers.values())
        if tensor is not None
    }
    return list(found.values())


class ParameterFacts:
    """Turns tensors into facts, giving equal identities to those that share storage."""

    def __init__(self, tags: Tags) -> None:
        self._tags = tags
        # By the index of a storage that was met, or by the address of one that was not; and the place in it.
        self._identities: dict[tuple[str, int, int, int], int] = {}
        # By such a storage, the bytes in which those met before lie, and their identities.
        self._spans: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
        # What identities were read from, so that an address is not given out twice.
        self._kept: list[Any] = []
        self._kinds: dict[type, _Kind] = {}

    def of(self, name: str, tensor: torch.Tensor) -> ParameterFact:
        """The fact of one parameter or buffer."""
        if type(tensor) not in PLAIN_TENSORS and is_divided(type(tensor)):
            local = self.of(name, local_of(tensor))
            return local._replace(trainable=tensor.requires_grad, whole=whole_of(tensor))
        tag = self._tags.met(tensor)
        if tag is None:
            storage = -1
            spec = TensorSpec(tuple(tensor.shape), dtype_name(tensor.dtype))
            stored = bytes_of(tensor)
        else:
            layout, storage, _ = tag
            spec, stored = layout.spec, layout.numel * layout.dtype.itemsize
            if spec.stored is not None or type(tensor) not in PLAIN_TENSORS:
                stored = bytes_of(tensor)
        # bitsandbytes keeps what the weight was before packing in `quant_state`.
        packed = None if type(tensor) in PLAIN_TENSORS else getattr(tensor, "quant_state", None)
        if packed is not None:
            spec = TensorSpec(tuple(packed.shape), spec.dtype)
        if spec.dtype not in ITEM_SIZE:
            spec = TensorSpec(spec.shape, "uint8")
        identity, overlaps, overlap = self._identity(tensor, storage, stored)
        hidden = storage < 0 and type(tensor) not in PLAIN_TENSORS and _computes(type(tensor))
        return ParameterFact(
            *(name, spec, identity, tensor.requires_grad, stored, packed is not None, storage),
            overlaps=overlaps,
            overlap=overlap,
            hidden=hidden,
        )

    def kind(self, cls: type) -> _Kind:
        """What a class says of its modules."""
        # Not for longer than a trace: a class that a network made for itself may hold all of the network.
        known = self._kinds.get(cls)
        if known is None:
            known = self._kinds[cls] = _kind(cls)
        return known

    def fresh_identity(self) -> int:
        """An identity for a weight that is no tensor of its own (packed in an object)."""
        self._identities["packed", len(self._identities), 0, 0] = identity = len(self._identities)
        return identity

    def _identity(self, tensor: torch.Tensor, storage: int, stored: int) -> tuple[int, int, int]:
        """By the storage, where that was met; a tensor that no operator met may lie in one that was.

        With what else lies in the same bytes, as `ParameterFact.overlaps` and `overlap`.
        """
        try:
            home = "met", storage
            offset = int(tensor.storage_offset())
            if storage < 0:
                lies_in = tensor.untyped_storage()
                self._kept.append(lies_in)
                met = self._tags.home_of(lies_in)
                home = ("address", lies_in._cdata) if met is None else ("met", met)
        except (RuntimeError, NotImplementedError):
            home, offset = ("tensor", id(tensor)), 0
            self._kept.append(tensor)
        key = *home, offset, stored
        known = self._identities.get(key)
        if known is not None:
            return known, -1, 0
        identity = self._identities[key] = len(self._identities)
        start = offset * tensor.element_size()
        spans = self._spans.setdefault(home, [])
        shared = [
            (min(end, start + stored) - max(begin, start), other)
            for begin, end, other in spans
            if begin < start + stored and start < end
        ]
        spans.append((start, start + stored, identity))
        overlap, overlaps = max(shared, default=(0, -1))
        return identity, overlaps, overlap


class _Kind(NamedTuple):
    """What a module's class says of it."""

    name: str
    base: str
    qualname: str
    speaks: bool  # prints more of itself than its attributes say
    packs: bool  # keeps its weights inside an opaque object
    scripted: bool


def _kind(cls: type) -> _Kind:
    base = next((c.__name__ for c in cls.__mro__ if c.__module__.startswith("torch.nn.modules.")), "")
    return _Kind(
        cls.__name__,
        "" if base == "Module" else base,
        f"{cls.__module__}.{cls.__qualname__}",
        not cls.__module__.startswith("torch.nn.modules."),
        "quantized" in cls.__module__ and callable(getattr(cls, "weight", None)),
        issubclass(cls, torch.jit.ScriptModule),
    )


def module_fact(
    module: torch.nn.Module, names: list[str], registered: bool, parameters: ParameterFacts
) -> ModuleFact:
    """Everything about a module that outlives it."""
    cls: Any = type(module)
    kind = parameters.kind(cls)
    own = _facts(module._parameters, parameters)
    if kind.packs:
        own += _packed(module, parameters)
    return ModuleFact(
        names[0],
        str(getattr(module, "original_name", kind.name)) if kind.scripted else kind.name,
        kind.base,
        kind.qualname,
        _hyperparameters(module),
        _detail(module) if kind.speaks else "",
        own,
        _facts(module._buffers, parameters),
        bool(module.training) if kind.scripted else bool(module.__dict__.get("training", False)),
        registered,
        tuple(names[1:]),
    )


def is_training(module: torch.nn.Module) -> bool:
    """Its mode, past what a class says of attributes."""
    if isinstance(module, torch.jit.ScriptModule):
        return bool(module.training)
    return bool(module.__dict__.get("training", False))


def _facts(
    tensors: Mapping[str, torch.Tensor | None], parameters: ParameterFacts
) -> tuple[ParameterFact, ...]:
    """Of those that are there and have a shape, which a lazy one has not yet."""
    if not tensors:
        return ()
    return tuple(
        [
            parameters.of(name, tensor)
            for name, tensor in tensors.items()
            if tensor is not None
            and (type(tensor) in PLAIN_TENSORS or not torch.nn.parameter.is_lazy(tensor))
        ]
    )


def _computes(cls: type[torch.Tensor]) -> bool:
    """Whether a class of tensors says itself what operators do to it, by whatever it holds."""
    return any(
        "__torch_dispatch__" in base.__dict__ or "__torch_function__" in base.__dict__
        for base in cls.__mro__[: cls.__mro__.index(torch.Tensor)]
        if base is not torch.nn.Parameter
    )


def _packed(module: torch.nn.Module, parameters: ParameterFacts) -> tuple[ParameterFact, ...]:
    """Weights that torch's quantised modules keep inside an opaque object."""
    facts = []
    for name in ("weight", "bias"):
        try:
            read = getattr(module, name, None)
            tensor = read() if callable(read) else read
        except (RuntimeError, NotImplementedError):  # an engine that this build lacks
            continue
        if isinstance(tensor, torch.Tensor):
            facts.append(
                ParameterFact(
                    name,
                    TensorSpec(tuple(tensor.shape), dtype_name(tensor.dtype)),
                    parameters.fresh_identity(),
                    False,
                    tensor.numel() * tensor.element_size(),
                    packed=tensor.is_quantized,
                    hidden=True,
                )
            )
    return tuple(facts)


def _hyperparameters(module: torch.nn.Module) -> dict[str, Any]:
    """Plain public attributes, the way constructors keep their arguments."""
    found: dict[str, Any] = {}
    attributes = module.__dict__
    for name in [name for name in attributes if name[0] != "_"]:
        value = attributes[name]
        kind = type(value)
        if kind in _PLAIN:
            if kind is not str or len(value) <= 200:
                found[name] = value
        elif (kind is tuple or kind is list) and len(value) <= 16 and _PLAIN.issuperset(map(type, value)):
            found[name] = tuple(value)
    found.pop("training", None)
    return found


def _detail(module: torch.nn.Module) -> str:
    """What the module prints of itself. User code: it may fail, which is no failure of the trace."""
    try:
        return str(module.extra_repr())[:1000]
    except Exception:  # noqa: BLE001 - the user's code, and only a description
        return ""
