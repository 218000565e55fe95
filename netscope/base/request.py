"""What is asked of a network beside its name: seven facts, which travel as one `Request`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any, Final, TypedDict

from netscope.base.errors import UsageError
from netscope.base.workload import Input


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

    def __post_init__(self) -> None:
        given: dict[str, Any] = self.asdict()  # of whatever types the caller gave
        if not isinstance(given["args"], (tuple, list)):
            raise UsageError("args= is a tuple of arguments.", hint="write args=(tensor,)")
        if given["kwargs"] is not None and not isinstance(given["kwargs"], Mapping):
            raise UsageError("kwargs= maps names to arguments.", hint="write kwargs={'mask': tensor}")
        batch = given["batch"]
        if not isinstance(batch, int) or batch < 0:
            raise UsageError(f"a batch of {batch!r} samples does not exist.", hint="give batch=1 or more")

    @property
    def told(self) -> tuple[str, ...]:
        """What was asked for: the names of the fields that are not as they are by themselves."""
        values = self.asdict()
        told = [name for name in ("input", "kwargs", "dtype") if values[name] is not None]
        told += [name for name in ("args", "train", "options") if values[name]]
        told += ["batch"] if self.batch != 1 else []
        return tuple(name for name in FACTS if name in told)

    def asdict(self) -> dict[str, Any]:
        """The fields by name, as they are."""
        return {name: getattr(self, name) for name in FACTS}


FACTS: Final = tuple(field.name for field in fields(Request))


# A message names arguments as they were written: `batch_b=` in Python, `--batch-b` on the command line.
_SPELLING: ContextVar[Callable[[str], str]] = ContextVar("spelling", default="{}=".format)


def spelled(*names: str) -> str:
    """Arguments as the caller writes them, for a message."""
    return ", ".join(map(_SPELLING.get(), names))


@contextmanager
def spelling(spell: Callable[[str], str]) -> Iterator[None]:
    """While active, messages spell an argument of that name so."""
    token = _SPELLING.set(spell)
    try:
        yield
    finally:
        _SPELLING.reset(token)
