"""A mesh of ranks as people write it: "dp=2,tp=4", "4x2", "8", or {"dp": 2, "tp": 4}. No torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import index
from typing import Any, Final, NoReturn

from netscope.base import arguments
from netscope.base.errors import SourceError, TraceError, UsageError

# Name and size of each axis, the outermost first.
Mesh = tuple[tuple[str, int], ...]

# More ranks than any machine has.
_MOST: Final = 2**20
_AXIS: Final = re.compile(r"([A-Za-z_]\w*)\s*[=:]\s*(\d+)", re.ASCII)
_SIZES: Final = re.compile(r"\d+(?:\s*[x*]\s*\d+)*", re.ASCII)
_HINT: Final = "write --mesh dp=2,tp=4, or --mesh 4x2 for axes without names"
_DIGITS: Final = 18


def parse_mesh(given: Any) -> Mesh:
    """The axes of a mesh, the outermost first: "dp=2,tp=4" -> (("dp", 2), ("tp", 4)).

    Axes without names, "8", "4x2", 8 or (4, 2), are called "dim_0", "dim_1" and so on.

    Args:
        given: a text, sizes by name, pairs of a name and a size, a number, or sizes.

    Raises:
        UsageError: it is none of these, an axis is there twice or has no rank, or there are too many ranks.
    """
    axes = _axes(given)
    names = [name for name, _ in axes]
    for name, size in axes:
        if not name.isidentifier():
            raise UsageError(f"{name!r} is no name of an axis.", hint=_HINT)
        if names.count(name) > 1:
            raise UsageError(f"the mesh has the axis {name!r} twice.", hint=_HINT)
        if size < 1:
            raise UsageError(f"the axis {name!r} has {size} ranks.", hint="give every axis one or more")
    if not axes:
        raise UsageError("the mesh has no axis.", hint=_HINT)
    if ranks_of(axes) > _MOST:
        raise UsageError(f"a mesh of more than {_MOST:,} ranks is none.", hint=_HINT)
    return axes


def ranks_of(mesh: Mesh) -> int:
    """How many ranks it has."""
    return math.prod(size for _, size in mesh)


def mesh_text(mesh: Mesh) -> str:
    """As it is written: "dp=2,tp=4"."""
    return ",".join(f"{name}={size}" for name, size in mesh)


@contextmanager
def naming(mesh: Mesh, rank: int) -> Iterator[None]:
    """While this process stands for a rank: a factory or forward that fails says on which one."""
    try:
        yield
    except (SourceError, TraceError) as error:
        error.message = f"rank {rank} of {ranks_of(mesh)}, mesh {mesh_text(mesh)}: {error.message}"
        raise


def _axes(given: Any) -> Mesh:
    if isinstance(given, str):
        return _of_text(given)
    if isinstance(given, Mapping):
        return tuple((_name(name), _size(size, given)) for name, size in given.items())
    if arguments.is_whole(given):
        return _unnamed([index(given)])
    if not isinstance(given, (tuple, list)):
        _refuse(given)
    pairs = [one for one in given if isinstance(one, (tuple, list)) and len(one) == 2]
    if given and len(pairs) == len(given):
        return tuple((_name(name), _size(size, given)) for name, size in pairs)
    return _unnamed([_size(size, given) for size in given])


def _of_text(text: str) -> Mesh:
    plain = text.strip()
    if _SIZES.fullmatch(plain):
        return _unnamed([_number(size, text) for size in re.findall(r"\d+", plain)])
    axes = []
    for part in plain.split(","):
        found = _AXIS.fullmatch(part.strip())
        if found is None:
            raise UsageError(f"cannot read the mesh {text!r:.80}.", hint=_HINT)
        axes.append((found[1], _number(found[2], text)))
    return tuple(axes)


def _number(digits: str, text: str) -> int:
    if len(digits) > _DIGITS:
        raise UsageError(f"cannot read the mesh {text!r:.80}: a size has too many digits.", hint=_HINT)
    return int(digits)


def _unnamed(sizes: list[int]) -> Mesh:
    return tuple((f"dim_{place}", size) for place, size in enumerate(sizes))


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise UsageError(f"the mesh has the axis {arguments.told(name)}, which is no name.", hint=_HINT)
    return name


def _size(size: Any, given: Any) -> int:
    if not arguments.is_whole(size):
        _refuse(given)
    return index(size)


def _refuse(given: Any) -> NoReturn:
    shown = given if isinstance(given, (tuple, list, Mapping)) else arguments.told(given)
    raise UsageError(
        f"{arguments.spelled('mesh')} takes sizes of axes, not {shown!s:.60}.",
        hint='write mesh="dp=2,tp=4", or mesh={"dp": 2, "tp": 4}',
    )
