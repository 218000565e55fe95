"""What is to be traced: a module and the arguments of one call of it.

`TensorSpec` stands for a tensor wherever only its shape and dtype matter. Nothing here imports torch
at run time, so saved reports and the command line's help stay quick to load.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from netscope.base import arguments
from netscope.base.errors import UsageError

if TYPE_CHECKING:
    import torch

# Bytes of one element. Sub-byte dtypes are stored packed, so their size is a fraction.
ITEM_SIZE: Final[dict[str, float]] = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1,
    "complex32": 4,
    "complex64": 8,
    "complex128": 16,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint64": 8,
    "uint32": 4,
    "uint16": 2,
    "uint8": 1,
    "bool": 1,
    "qint8": 1,
    "quint8": 1,
    "qint32": 4,
    "quint4x2": 0.5,
    "quint2x4": 0.25,
    "bits8": 1,
    "bits16": 2,
    **{f"{sign}{bits}": 1.0 for sign in ("int", "uint") for bits in range(1, 8)},
}

# Of these a tensor can be had, packed or as bits, and no values for it.
_NO_VALUES: Final = frozenset(
    name
    for name in ITEM_SIZE
    if name.startswith(("q", "bits", "float4")) or re.fullmatch(r"u?int[1-7]", name)
)
# A size of more digits has no place in 64 bits.
_DIGITS: Final = 30

# What people type, beside torch's own names.
_DTYPE_ALIASES: Final[dict[str, str]] = {
    "fp64": "float64",
    "double": "float64",
    "fp32": "float32",
    "float": "float32",
    "fp16": "float16",
    "half": "float16",
    "bf16": "bfloat16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "i64": "int64",
    "i32": "int32",
    "u8": "uint8",
}


class Stored(NamedTuple):
    """How a sparse tensor is kept.

    layout:
        torch's name for it: "sparse_coo", "sparse_csr", ...
    elements:
        how many are stored, zeros inside blocks included.
    nbytes:
        of the values and of the indices that say where they are.
    """

    layout: str
    elements: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and dtype of a tensor; `TensorSpec((1, 3, 224, 224))` is a float32 image.

    stored:
        of a sparse tensor; None for one that keeps all of its elements.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    stored: Stored | None = None

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the elements take: those that are stored of a sparse tensor, else all, densely."""
        if self.stored is not None:
            return self.stored.nbytes
        return math.ceil(self.numel * ITEM_SIZE[self.dtype])


def checked(spec: TensorSpec) -> TensorSpec:
    """A caller's spec: its sizes as integers of Python, its dtype by name.

    Raises:
        UsageError: no tensor is like that.
    """
    shape = arguments.sizes(spec.shape)
    if shape is None:
        raise UsageError(
            f"a TensorSpec's shape is a tuple of sizes, not {arguments.told(spec.shape)}.",
            hint='write TensorSpec((1, 3, 224, 224), "float32")',
        )
    made = TensorSpec(shape, input_dtype(arguments.dtype("dtype", spec.dtype)))
    same = type(spec.shape) is tuple and all(type(size) is int for size in spec.shape) and made == spec
    return spec if same else made


def checked_leaves(value: Any) -> Any:
    """An argument with the specs in its lists and dicts checked; what has none is the caller's own object."""
    if isinstance(value, TensorSpec):
        return checked(value)
    if type(value) in (list, tuple):
        items = [checked_leaves(item) for item in value]
        return value if all(map(is_, items, value)) else type(value)(items)
    if type(value) is dict:
        items = [checked_leaves(item) for item in value.values()]
        return value if all(map(is_, items, value.values())) else dict(zip(value, items, strict=True))
    return value


# How a caller gives inputs, all without the batch: "3x224x224", (3, 224, 224), a spec, or several of these.
Input = str | TensorSpec | Sequence[int] | Sequence[str | TensorSpec | Sequence[int]]


class Pipeline(NamedTuple):
    """Which stages of a pipeline a module is, and the order of work that its schedule gives all ranks.

    stages:
        those of this rank: the module itself is the one, or has a child `stage_name` for each of several.
    owners:
        by stage, all of them: whose it is, a place among `ranks`.
    ranks:
        of the world, those of the pipeline.
    schedule:
        its class; "" for stages without one.
    microbatches:
        that a batch is divided into; 1 for stages without a schedule, whose input is one.
    order:
        by place among `ranks`: (stage, what, microbatch), where what is "F" for a forward, "B" for a whole
        backward, "I" and "W" for its halves, of the input and of the weights, and "UNSHARD" or "RESHARD".
        None where the schedule does not tell.
    dims, named_dims:
        along which dimension each argument is divided, None for one that all microbatches are given whole;
        those that are not told of are divided along their first.
    accumulates:
        whether each stage of this rank is fully sharded itself: then torch sums gradients up over the
        microbatches before ranks exchange them.
    """

    stages: tuple[int, ...]
    owners: tuple[int, ...]
    ranks: tuple[int, ...]
    schedule: str = ""
    microbatches: int = 1
    order: tuple[tuple[tuple[int, str, int], ...], ...] | None = None
    dims: tuple[int | None, ...] = ()
    named_dims: tuple[tuple[str, int | None], ...] = ()
    accumulates: bool = False


def stage_name(stage: int) -> str:
    """What the child of a module of several stages is called."""
    return f"stage{stage}"


@dataclass(frozen=True, slots=True)
class Workload:
    """One call of a module: `module(*args, **kwargs)`.

    args and kwargs:
        any pytree; a `TensorSpec` leaf stands for a tensor that the tracer makes for itself.
    name:
        what the user called it ("alexnet", "torchvision/resnet50").
    source:
        the kind of place it came from ("zoo", "torchvision", "python", ...).
    description:
        one line for the header: who, when, which variant.
    rebuild:
        for a workload built from a name, builds the module again with real weights (the module held
        here is then made of meta parameters); None for a module that the user handed over.
    pipeline:
        of a module that is a rank's stages of one; the arguments are then those of the whole pipeline.
    """

    name: str
    module: torch.nn.Module
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    source: str = "python"
    description: str = ""
    rebuild: Callable[[], torch.nn.Module] | None = None
    pipeline: Pipeline | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "args", args_of(self.args))
        object.__setattr__(self, "kwargs", kwargs_of(self.kwargs))


def args_of(value: Any) -> tuple[Any, ...]:
    """Arguments by place. Raises UsageError over what is no tuple or list."""
    if not isinstance(value, (tuple, list)):
        arguments.refuse("args", "a tuple of arguments", value, "write args=(tensor,)")
    return tuple(map(checked_leaves, value))


def kwargs_of(value: Any) -> dict[str, Any]:
    """Arguments by name. Raises UsageError over what is no mapping of names."""
    given = arguments.mapping("kwargs", value, "arguments", "write kwargs={'mask': tensor}")
    return {name: checked_leaves(one) for name, one in given.items()}


def parse_dtype(text: str) -> str:
    """The torch name of a dtype as people write it: "bf16" and "torch.bfloat16" -> "bfloat16"."""
    name = text.strip().lower().removeprefix("torch.")
    name = _DTYPE_ALIASES.get(name, name)
    if name not in ITEM_SIZE:
        raise UsageError(
            f"no dtype is named {text!r}.", hint="use float32, float16, bfloat16, int64, bool, ..."
        )
    return name


def input_dtype(text: str) -> str:
    """The torch name of the dtype of an input.

    Raises:
        UsageError: there is none of that name, or torch cannot draw values of it.
    """
    name = parse_dtype(text)
    if name in _NO_VALUES:
        raise UsageError(
            f"no input can be made of {name}: torch draws no values of it.",
            hint="use float32, float16, bfloat16, int64, bool, ...",
        )
    return name


# Compiled by `re` when the first input is read, which most summaries are not given.
_INPUT: Final = r"^(?:(?P<name>[A-Za-z_]\w*)=)?(?P<shape>\d+(?:[x,×*]\d+)*|scalar)?(?::(?P<dtype>[\w.]+))?$"


def parse_input(text: str, *, dtype: str = "float32") -> tuple[str | None, TensorSpec]:
    """Read one `--input`: `3x227x227`, `ids=128:int64`, `scalar:float32`.

    Returns the argument's name (None when positional) and its spec, without a batch dimension.

    Raises:
        UsageError: the text is not of that form.
    """
    match = re.match(_INPUT, text.strip().replace(" ", ""))
    if match is None or match["shape"] is None:
        raise UsageError(
            f"cannot read the input {text!r}.",
            hint="write sizes without the batch, as in --input 3x224x224 or --input ids=128:int64",
        )
    sizes = () if match["shape"] == "scalar" else re.split(r"[x,×*]", match["shape"])
    if any(len(size) > _DIGITS for size in sizes):
        raise UsageError("no tensor can have a size of so many digits.", hint="give smaller ones")
    return match["name"], TensorSpec(tuple(int(size) for size in sizes), input_dtype(match["dtype"] or dtype))
