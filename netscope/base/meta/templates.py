"""Layers filled in from a template, the first of their kind, while a network is built.

Most modules of a network are convolutions, norms, linear layers and activations, over and over. Their
constructors take 10 to 30 us each, nearly all of it for asking of every attribute whether it is a
parameter, a buffer or a module. The first layer with given arguments is constructed by torch, and the
next ones get its attributes at once, with containers, parameters and buffers of their own.

Templates are for builds on meta alone: initialising changes no parameter there and draws no random number.
"""

from __future__ import annotations

import marshal
from collections import OrderedDict
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final, NamedTuple

import torch
from torch import nn
from torch.nn.modules import module as hooks

from netscope.base.meta.here import here
from netscope.base.meta.patches import Patch

_META: Final = torch.device("meta")
_PLAIN: Final = frozenset({int, float, bool, str, type(None), torch.dtype})
_INTEGERS: Final = frozenset({int})
_CONTAINERS: Final = frozenset({dict, OrderedDict, set})

# While networks are built a wrapper stands in its place, which has nothing to do for what is on meta.
_empty: Final = torch.empty

Attributes = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]


class _Sizing(NamedTuple):
    """How layers differ that are otherwise given the same arguments.

    names:
        the attributes that keep the leading positional arguments.
    shapes:
        the shapes of parameters and buffers by the attributes; a buffer without one stays as it is.
    """

    names: tuple[str, ...]
    shapes: Callable[[Attributes], Shapes]


def _of_convolution(own: Attributes) -> Shapes:
    each = own["in_channels"] // own["groups"]
    return {"weight": (own["out_channels"], each, *own["kernel_size"]), "bias": (own["out_channels"],)}


def _of_linear(own: Attributes) -> Shapes:
    return {"weight": (own["out_features"], own["in_features"]), "bias": (own["out_features"],)}


def _of_norm(own: Attributes) -> Shapes:
    return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (own["num_features"],))


_NO_SIZES: Final = _Sizing((), lambda _: {})
_TEMPLATED: Final[dict[type[nn.Module], _Sizing]] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d), _Sizing(("in_channels", "out_channels"), _of_convolution)),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d), _Sizing(("num_features",), _of_norm)),
    nn.Linear: _Sizing(("in_features", "out_features"), _of_linear),
    **dict.fromkeys((nn.LayerNorm, nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Dropout), _NO_SIZES),
}


_Parameter = tuple[str, tuple[int, ...], torch.dtype | None, bool]
_Buffer = tuple[str, torch.Tensor | float | None, torch.dtype | None]


class _Template(NamedTuple):
    """What layers are made from.

    attributes:
        all of them, in order; what is no plain value is made anew by the rest.
    containers:
        name, and what makes it.
    parameters:
        name, shape, dtype, requires_grad; no dtype for one that is registered as None.
    buffers:
        name and value; one whose shape goes with the sizes is filled with that number.
    """

    attributes: Attributes
    containers: tuple[tuple[str, Callable[[], Any]], ...]
    parameters: tuple[_Parameter, ...]
    buffers: tuple[_Buffer, ...]


def is_watched() -> bool:
    """Whether somebody wants to see every registration, for whom torch is to construct every layer."""
    return bool(
        hooks._global_parameter_registration_hooks
        or hooks._global_buffer_registration_hooks
        or hooks._global_module_registration_hooks
    )


@cache
def constructors() -> tuple[Patch, ...]:
    """Constructors that use the templates which this thread has; see `here`."""
    return tuple(Patch(cls, "__init__", partial(_constructor, cls)) for cls in _TEMPLATED)


def _constructor(cls: type[nn.Module], original: Callable[..., None]) -> Callable[..., None] | None:
    if not is_torchs(original):
        return None  # one that somebody else has put there is to run every time
    sizes = _TEMPLATED[cls]
    count = len(sizes.names)

    def init(layer: nn.Module, /, *args: Any, **kwargs: Any) -> None:
        templates = here.templates
        given = args[:count]
        if (
            templates is None
            or type(layer) is not cls
            or layer.__dict__
            or len(given) < count
            or not _INTEGERS.issuperset(map(type, given))
            or (count and min(given) <= 0)
            or _disturbed()
        ):
            return original(layer, *args, **kwargs)
        try:
            key = cls, marshal.dumps((args[count:], kwargs), 2), torch.get_default_dtype()
        except ValueError:  # an argument that is no plain value
            return original(layer, *args, **kwargs)
        template = templates.get(key)
        if template is not None and _fill(layer.__dict__, template, sizes, given):
            return None
        original(layer, *args, **kwargs)
        if key not in templates:  # None for layers that cannot be copied
            templates[key] = _template_of(layer.__dict__, sizes, given)
        return None

    return init


def is_torchs(function: Any) -> bool:
    """Whether a method is torch.nn's own, and not what a program has put in its place."""
    return str(getattr(function, "__globals__", {}).get("__name__")).startswith("torch.nn.modules.")


def _fill(own: Attributes, template: _Template, sizes: _Sizing, given: tuple[int, ...]) -> bool:
    """Fill a new layer's attributes; False, having done nothing, for sizes that torch refuses."""
    groups = template.attributes.get("groups", 1)
    if groups != 1 and any(size % groups for size in given):
        return False
    own.update(template.attributes)
    for name, make in template.containers:
        own[name] = make()
    own.update(zip(sizes.names, given, strict=True))
    shapes = sizes.shapes(own)
    parameters, buffers = own["_parameters"], own["_buffers"]
    for name, shape, dtype, trainable in template.parameters:
        if dtype is None:
            parameters[name] = None
            continue
        data = _empty(shapes.get(name, shape), dtype=dtype, device=_META)
        parameters[name] = nn.Parameter(data, trainable)
    for name, value, dtype in template.buffers:
        if value is None or isinstance(value, torch.Tensor):
            buffers[name] = value if value is None else value.clone()
        else:
            buffers[name] = torch.full(shapes[name], value, dtype=dtype)
    return True


class _NotPlain(Exception):
    """A layer cannot be copied."""


def _template_of(own: Attributes, sizes: _Sizing, given: tuple[Any, ...]) -> _Template | None:
    """From a layer that torch made; None where it is not plain enough, or not as `sizes` say."""
    if tuple([own.get(name) for name in sizes.names]) != given:
        return None
    shapes = sizes.shapes(own)
    known = shapes if sizes.names else None
    try:
        return _Template(
            *_attributes(own),
            tuple([_parameter(name, value, known) for name, value in own["_parameters"].items()]),
            tuple([_buffer(name, value, known) for name, value in own["_buffers"].items()]),
        )
    except _NotPlain:
        return None


def _attributes(own: Attributes) -> tuple[Attributes, tuple[tuple[str, Callable[[], Any]], ...]]:
    attributes: Attributes = {}
    containers: list[tuple[str, Callable[[], Any]]] = []
    for name, value in own.items():
        attributes[name] = value
        kind = type(value)
        if name in ("_parameters", "_buffers") or (kind in _CONTAINERS and not value):
            attributes[name] = None
            containers.append((name, kind))
        elif kind is list and _PLAIN.issuperset(map(type, value)):
            containers.append((name, value.copy().copy))
        elif kind not in _PLAIN and not (kind is tuple and _PLAIN.issuperset(map(type, value))):
            raise _NotPlain
    return attributes, tuple(containers)


def _parameter(name: str, value: Any, shapes: Shapes | None) -> _Parameter:
    if value is None:
        return name, (), None, False
    shape = tuple(value.shape)
    if type(value) is not nn.Parameter or not value.is_meta or value.__dict__:
        raise _NotPlain
    if shapes is not None and shapes.get(name) != shape:
        raise _NotPlain
    return name, shape, value.dtype, value.requires_grad


def _buffer(name: str, value: Any, shapes: Shapes | None) -> _Buffer:
    if value is None:
        return name, None, None
    if type(value) is not torch.Tensor or value.device.type != "cpu" or value.__dict__:
        raise _NotPlain
    if shapes is None or not value.ndim:
        return name, value.clone(), value.dtype
    numbers = set(value.tolist()) if value.ndim == 1 else set()
    if shapes.get(name) != tuple(value.shape) or len(numbers) != 1:
        raise _NotPlain
    return name, numbers.pop(), value.dtype


def _disturbed() -> bool:
    """Whether a mode has a say in what torch's functions make."""
    return bool(
        torch._C._len_torch_function_stack()
        or torch._C._len_torch_dispatch_stack()
        or torch.is_inference_mode_enabled()
    )
