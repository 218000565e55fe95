"""Operators that take functions: loops, branches, flex_attention, what torch.compile wraps.

Where such an operator is a way of calling functions, they are called while recording goes on, so that their
work is seen turn by turn; what a loop or a branch asks of a tensor is asked for real, on the rung where there
are values. torch's own eager definitions say how, but for those that refuse to run while any mode is active,
whose few lines are here. What has no definition is one operator, which is uncounted; so is a branch that
depends on data where no rung has any, and a loop is then left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.utils._python_dispatch import _disable_current_modes

from netscope.trace.facts import Unseen
from netscope.trace.here import here
from netscope.trace.standins import dressed
from netscope.trace.tags import NO_KWARGS, tensors_in

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

_NO_TAGS: frozenset[str] = frozenset()
# How a condition that could not be asked is told of.
CONDITION: Final = "the condition of"
# Where torch keeps what an operator does without any mode.
_EAGER: Final = (torch._C.DispatchKey.CompositeExplicitAutograd, torch._C.DispatchKey.CPU)
# Pairs of a query and a key for which a mask is asked: a second's worth.
_PAIRS: Final = 2**25
_ROWS: Final = 2**20


def run_higher(recorder: Recorder, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result, recorded. To be called where recording is off, as within a dispatch."""
    name = str(func)
    if name == "flex_attention":
        return _attention(recorder, func, args, kwargs)
    definition = _definition(name, func)
    if definition is None:
        return _unknown(recorder, func, args, kwargs, name)
    ops = len(recorder.ops)
    try:
        with recorder:
            if name in _BRANCHES:
                return _BRANCHES[name](recorder, *args)
            if name == "while_loop":
                args = (_condition(recorder, args[0]), *args[1:])
            return definition(*args, **kwargs)
    except _Unanswered as unanswered:
        return _unknown(recorder, unanswered.shaped, args, kwargs, name)
    except AssertionError as refused:
        if "Mode should never be enabled" not in str(refused) or len(recorder.ops) > ops:
            raise
    return _unknown(recorder, func, args, kwargs, name)


class _Unanswered(Exception):
    """Nobody has the value that a branch depends on; `shaped` makes what any of its ways makes."""

    def __init__(self, shaped: Callable[..., Any]) -> None:
        super().__init__()
        self.shaped = shaped


def _asked(recorder: Recorder, name: str, value: Any, read: Callable[[Any], Any]) -> Any:
    """What a condition says; None where it cannot be asked, and nobody else is going to be."""
    try:
        return read(value)
    except Exception:
        recorder.fail(f"{CONDITION} {name}")
        if not recorder.last:
            raise
        return None


def _condition(recorder: Recorder, condition: Callable[..., Any]) -> Callable[..., bool]:
    """Of a loop."""

    def goes_on(*carried: Any) -> bool:
        said = _asked(recorder, "while_loop", condition(*carried), bool)
        if said is None:
            recorder.unseen.append(Unseen(recorder.scope, "turns of a while_loop that depend on data"))
        return bool(said)

    return goes_on


def _cond(recorder: Recorder, condition: Any, on_true: Any, on_false: Any, operands: Any) -> Any:
    said = _asked(recorder, "cond", condition, bool)
    if said is None:
        raise _Unanswered(lambda *_, **__: on_true(*operands))
    return (on_true if said else on_false)(*operands)


def _switch(recorder: Recorder, index: Any, branches: Sequence[Any], operands: Any) -> Any:
    said = _asked(recorder, "switch", index, int)
    if said is None:
        raise _Unanswered(lambda *_, **__: branches[0](*operands))
    return branches[min(max(said, 0), len(branches) - 1)](*operands)


_BRANCHES: Final[dict[str, Callable[..., Any]]] = {"cond": _cond, "switch": _switch}


def _definition(name: str, func: Any) -> Callable[..., Any] | None:
    """What calls the functions."""
    known = _DEFINITIONS.get(name)
    if known is not None:
        return known
    if name.startswith("triton_kernel_wrapper_mutation"):  # a kernel of its own, and no function of torch's
        return None
    if any(base.__name__ == "BaseHOP" for base in type(func).__mro__):
        return _subgraph
    kernels = getattr(func, "py_kernels", {})
    return next((kernels[key] for key in _EAGER if key in kernels), None)


def _scan(combine: Any, carried: Any, xs: Any, additional: Any = (), *_: Any, **__: Any) -> list[Any]:
    """Each step's results, stacked; torch's own of some versions takes the first step twice."""
    steps: list[Sequence[Any]] = []
    count = len(carried)
    for rows in zip(*[x.unbind(0) for x in xs], strict=True):
        made = list(combine(*carried, *rows, *additional))
        carried = made[:count]
        steps.append(made[count:])
    results = [None if row[0] is None else torch.stack(row) for row in zip(*steps, strict=True)]
    return [*carried, *results]


def _subgraph(graph: Any, *operands: Any, **_: Any) -> Any:
    return graph(list(operands)) if getattr(graph, "_boxed_call", False) else graph(*operands)


_DEFINITIONS: Final[dict[str, Callable[..., Any]]] = {
    **_BRANCHES,
    "scan": _scan,
    "invoke_subgraph": lambda graph, identifier, *operands, **_: _subgraph(graph, *operands),
    "strict_mode": lambda function, operands: function(*operands),
}


class _Unseen:
    """Gets the calls of modules within one operator, which are not written down."""

    def routed(self, module: torch.nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        """The result of the module's call."""
        return module._call_impl(*args, **kwargs)  # type: ignore[no-untyped-call]

    def takes_from_elsewhere(self, module: torch.nn.Module) -> bool:
        """None."""
        return False


_UNSEEN: Final = _Unseen()


def _unknown(
    recorder: Recorder, run: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> Any:
    """One operator, which no formula is for: it is named as uncounted. What it calls calls no module."""
    from torch.utils._pytree import tree_leaves

    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    reads = [recorder.tags.given(tensor)[1] for tensor in tensors]
    writes_alone = name.startswith("triton_kernel_wrapper_mutation")
    calls, here.calls = here.calls, _UNSEEN
    try:
        # A kernel that writes to its arguments has nothing to do where there are no values.
        result = None if writes_alone and (recorder.on_meta or recorder.on_fake) else run(*args, **kwargs)
    finally:
        here.calls = calls
    if recorder.on_meta:
        dressed(result, recorder.tensor_class)
    operator = recorder.observed(name, _NO_TAGS, tuple(tensors), NO_KWARGS, result)
    recorder.record(operator, reads, [recorder.born(tensor) for tensor in tensors_in(result)])
    return result


# flex_attention


def _attention(recorder: Recorder, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """As one operator, with the pairs that its mask leaves, where that can be told."""
    tensors = args[:3]
    reads = [recorder.tags.given(tensor)[1] for tensor in tensors]
    result = func(*args, **kwargs)
    mask = kwargs.get("block_mask", args[4] if len(args) > 4 else None)
    pairs = _visible(recorder, mask, *[tuple(tensor.shape) for tensor in tensors[:2]])
    told = NO_KWARGS if pairs is None else {"visible_pairs": pairs}
    operator = recorder.observed(str(func), _NO_TAGS, tensors, told, result)
    recorder.record(operator, reads, [recorder.born(item) for item in tensors_in(result)])
    return result


def _visible(recorder: Recorder, mask: Any, query: tuple[int, ...], key: tuple[int, ...]) -> int | None:
    """How many pairs of a query and a key a block mask leaves, over batch and heads.

    None for one that leaves all, whose function asks tensors without values, or that is too large to ask.
    """
    if not isinstance(mask, tuple):
        return None
    function = next((item for item in reversed(mask) if callable(item)), None)
    if getattr(function, "__name__", "noop_mask") == "noop_mask":
        return None
    blocks = next((item for item in mask if isinstance(item, torch.Tensor)), None)
    if blocks is None or blocks.ndim < 2:
        return None
    batch, heads = int(blocks.shape[0]), int(blocks.shape[1])
    length, keys = query[-2], key[-2]
    if not batch or not heads or batch * heads * length * keys > _PAIRS:
        return None
    failed = len(recorder.failed)
    try:
        with _disable_current_modes(), torch.no_grad():
            pairs = sum(_left(function, batch, heads, length, keys))
    except Exception:  # noqa: BLE001 - the user's code, and not run as it was meant
        return None
    finally:
        del recorder.failed[failed:]
    total = batch * heads * length * keys
    return None if pairs == total else pairs * (query[0] // batch) * (query[1] // heads)


def _left(function: Any, batch: int, heads: int, length: int, keys: int) -> Iterator[int]:
    """Of some rows at a time."""
    b = torch.arange(batch).view(-1, 1, 1, 1)
    h = torch.arange(heads).view(-1, 1, 1)
    k = torch.arange(keys)
    step = max(1, _ROWS // (batch * heads * keys))
    for start in range(0, length, step):
        rows = torch.arange(start, min(start + step, length))
        seen = function(b, h, rows.view(-1, 1), k)
        yield int(seen.expand(batch, heads, len(rows), keys).sum())
