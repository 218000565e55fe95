"""What is asked of a network beside its name: nine facts, which travel as one `Request`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from operator import index
from typing import Any, Final, NoReturn, TypedDict

from netscope.base import arguments
from netscope.base.errors import UsageError
from netscope.base.mesh import Mesh, parse_mesh
from netscope.base.workload import Input, TensorSpec, args_of, checked, kwargs_of


class How(TypedDict, total=False):
    """The keyword arguments that `netscope.summary` takes beside the model, those that were given.

    For signatures: `def explain(model, layer=None, **how: Unpack[How])`. A test holds it to `Request`.
    """

    input: Input | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] | None
    batch: int
    dtype: str | None
    train: bool
    options: Mapping[str, Any] | None
    mesh: Any
    rank: int | str | None


@dataclass(frozen=True, slots=True)
class Request:
    """How a network is to be built and called; `netscope.summary` says what each field means.

    Raises:
        UsageError: a field holds what would be ignored, or fail later and less clearly.
    """

    input: Input | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None
    batch: int = 1
    dtype: str | None = None
    train: bool = False
    options: Mapping[str, Any] | None = None
    mesh: Mesh | None = None
    rank: int | str | None = None

    def __post_init__(self) -> None:
        for name, read in _READ.items():
            object.__setattr__(self, name, read(getattr(self, name)))
        if self.rank is not None and self.mesh is None:
            raise UsageError("a rank is one of a mesh.", hint="give the mesh too, as in mesh='dp=2,tp=4'")

    @property
    def told(self) -> tuple[str, ...]:
        """What was asked for: the names of the fields that are not as they are by themselves."""
        values = self.asdict()
        told = [name for name in ("input", "kwargs", "dtype", "mesh", "rank") if values[name] is not None]
        told += [name for name in ("args", "train", "options") if values[name]]
        told += ["batch"] if self.batch != 1 else []
        return tuple(name for name in FACTS if name in told)

    def asdict(self) -> dict[str, Any]:
        """The fields by name, as they are."""
        return {name: getattr(self, name) for name in FACTS}


FACTS: Final = tuple(field.name for field in fields(Request))


def _input(value: Any) -> Input | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, TensorSpec):
        return checked(value)
    if arguments.is_whole(value):  # of a vector, as LayerNorm(8) takes it
        value = (value,)
    one = arguments.sizes(value)
    if one:
        return one
    if not isinstance(value, (tuple, list)) or any(isinstance(item, (int, float)) for item in value):
        refuse_input(value)
    return [_one_input(item) for item in value]


def _one_input(value: Any) -> str | TensorSpec | tuple[int, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, TensorSpec):
        return checked(value)
    one = arguments.sizes(value)
    if one is None:
        refuse_input(value)
    return one


def refuse_input(value: Any) -> NoReturn:
    """Raise over what gives no sizes."""
    shown = value if isinstance(value, (tuple, list)) else arguments.kind_of(value)
    raise UsageError(
        f"{arguments.spelled('input')} takes sizes, not {shown!s:.60}.",
        hint="write input='3x224x224', or args=(tensor,) for real arguments",
    )


def batch_of(value: Any) -> int:
    """So many samples; of none a network can be traced too."""
    number = index(value) if arguments.is_whole(value) else value
    hint = "give batch=1 or more"
    if type(number) is int:
        if 0 <= number < 2**63:
            return number
        hint = hint if number < 0 else "give a smaller one"
    elif not isinstance(number, (bool, float, str)):
        arguments.refuse("batch", "a whole number", number, hint)
    raise UsageError(f"a batch of {arguments.told(number)} samples does not exist.", hint=hint)


def _options(value: Any) -> Mapping[str, Any] | None:
    if value is None:
        return None
    return dict(arguments.mapping("options", value, "values", "write options={'num_classes': 10}"))


def _rank(value: Any) -> int | str | None:
    if value is None or value == "all":
        return value  # type: ignore[no-any-return]
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if arguments.is_whole(number) and index(number) >= 0:
        return index(number)
    raise UsageError(f"{arguments.told(value)} is no rank.", hint="give a number from 0 up, or all")


# How each field is read.
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "input": _input,
    "args": lambda value: () if value is None else args_of(value),
    "kwargs": lambda value: None if value is None else kwargs_of(value),
    "batch": batch_of,
    "dtype": lambda value: None if value is None else arguments.dtype("dtype", value),
    "train": lambda value: arguments.flag("train", value),
    "options": _options,
    "mesh": lambda value: None if value is None else parse_mesh(value),
    "rank": _rank,
}
