"""fvcore: the operators of a graph that `torch.jit` traced, norms and adaptive pools among them."""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from netscope.answers.verify.contractions import RULES, bare, macs_of
from netscope.answers.verify.figures import Ours
from netscope.answers.verify.missing import missing
from netscope.answers.verify.numbers import of_complex
from netscope.answers.verify.peers import Peer
from netscope.answers.verify.result import Reason
from netscope.answers.verify.said import Entry, Said, merged
from netscope.base import units
from netscope.base.workload import TensorSpec

if TYPE_CHECKING:
    from netscope.answers.verify.stage import Stage


class _Rule(NamedTuple):
    """So much for each element that goes in, more where there are weights, and for each that comes out."""

    into: int
    weighted: int
    out: int

    def of(self, elements: int, results: int, weighted: int) -> int:
        """The count."""
        return (self.weighted if weighted else self.into) * elements + self.out * results


# What it counts beside contractions, as its own documentation has it, and where an operator has its weights.
_RULES: Final = {
    "batch_norm": _Rule(1, 2, 0),
    "batch_norm in training": _Rule(4, 5, 0),
    "group_norm": _Rule(4, 5, 0),
    "layer_norm": _Rule(4, 5, 0),
    "instance_norm": _Rule(4, 5, 0),
    "upsample_nearest2d": _Rule(0, 0, 1),
    "upsample_bilinear2d": _Rule(0, 0, 4),
    "adaptive_avg_pool2d": _Rule(1, 1, 0),
    "grid_sampler": _Rule(0, 0, 4),
}
_WEIGHTS: Final = {"batch_norm": 1, "group_norm": 2, "layer_norm": 2, "instance_norm": 1}
_TRAINING: Final = 5
# A torch.autograd.Function of the owner's own, which is one node of the graph.
_FUNCTION: Final = "prim::PythonOp"
# It reads the cost of a product off a text with so many digits.
_DIGITS: Final = 4


def ask(stage: Stage) -> Said:
    """What it counts, by operator and module."""
    from fvcore.nn import FlopCountAnalysis, parameter_count

    logging.disable()  # of this process, which is the peer's own
    entries: list[Entry] = []
    module, inputs, place = _callable(stage)

    class Overheard(FlopCountAnalysis):  # type: ignore[misc]
        """Tells of what it has no rule for."""

        def _should_ignore_node(self, node: Any) -> bool:
            work = _work(node)
            if node.kind() == _FUNCTION:
                entries.append(Entry(place(node), node.pyname(), 0, known=False))
            elif work:
                entries.append(Entry(place(node), bare(node.kind()), 0, work, known=False))
            ignored: bool = super()._should_ignore_node(node)
            return ignored

    found = Overheard(module, inputs).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    for kind, handle in list(found._op_handles.items()):
        found.set_op_handle(kind, _overheard(kind, handle, entries, place))
    with stage.open():
        total = found.total()
    params = parameter_count(stage.module)[""]
    return Said(int(params), round(total), merged(entries), listed=stage.listed, rung=stage.rung)


def _overheard(kind: str, handle: Any, entries: list[Entry], place: Any) -> Any:
    """Its rule for an operator, overheard."""

    def count(inputs: list[Any], outputs: list[Any]) -> Any:
        counted = handle(inputs, outputs)
        node = outputs[0].node()
        amount = sum(counted.values()) if isinstance(counted, Counter) else counted
        what = bare(kind)
        sizes: tuple[int, ...] = (_numel(outputs[0]),)
        if what == "matmul":
            sizes = (*sizes, _numel(inputs[0]) * inputs[1].type().sizes()[-1])
        if what in _RULES:
            weights = _WEIGHTS.get(what)
            weighted = weights is not None and _spec(inputs[weights]) is not None
            if what == "batch_norm" and inputs[_TRAINING].toIValue():
                what += " in training"
            # One more place tells those with weights from those without.
            sizes = (_numel(inputs[0]), _numel(outputs[0]), *((1,) if weighted else ()))
        entries.append(Entry(place(node), what, round(amount), _work(node), sizes))
        return counted

    return count


def _callable(stage: Stage) -> tuple[Any, Any, Any]:
    """A module that takes tensors by position and returns tensors, as `torch.jit` wants it; its inputs.

    And what tells the path of a node. The network itself where it is like that already.
    """
    import torch
    from torch.utils._pytree import tree_flatten, tree_unflatten

    leaves, structure = tree_flatten((stage.args, stage.kwargs))
    tensors = tuple(leaf for leaf in leaves if isinstance(leaf, torch.Tensor))

    class Network(torch.nn.Module):
        """The network, called as it is to be."""

        def __init__(self) -> None:
            super().__init__()
            self.network = stage.module

        def forward(self, *given: Any) -> Any:
            rest = iter(given)
            whole = [next(rest) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
            args, kwargs = tree_unflatten(whole, structure)
            return tuple(_tensors(self.network(*args, **kwargs)))

    def place(node: Any) -> str:
        name: str = node.scopeName().rpartition("/")[2].removeprefix("network").removeprefix(".")
        return name

    return Network().train(stage.module.training), tensors, place


def _tensors(made: Any) -> list[Any]:
    """Those in a result, and in the attributes of what is neither a tensor nor a container."""
    import torch

    from netscope.trace.tree import leaves

    found = []
    for _, leaf in leaves(made):
        held = [leaf, *(vars(leaf).values() if hasattr(leaf, "__dict__") else ())]
        found += [one for one in held if isinstance(one, torch.Tensor)]
    return found


def _spec(value: Any) -> TensorSpec | None:
    """Of a value of the graph; None of one without sizes."""
    if not value.isCompleteTensor():
        return None
    kind = value.type()
    name = str(kind.dtype()).removeprefix("torch.") if kind.dtype() is not None else "float32"
    return TensorSpec(tuple(kind.sizes()), name)


def _numel(value: Any) -> int:
    spec = _spec(value)
    return 0 if spec is None else math.prod(spec.shape)


def _work(node: Any) -> int:
    """Multiply-accumulates of a node by its shapes."""
    name = bare(node.kind())
    if name not in RULES:
        return 0
    outputs = [spec for value in node.outputs() if (spec := _spec(value)) is not None]
    return macs_of(name, [_argument(value) for value in node.inputs()], outputs)


def _argument(value: Any) -> Any:
    if value.node().kind() == "prim::ListConstruct":
        return [_argument(one) for one in value.node().inputs()]
    spec = _spec(value)
    if spec is not None:
        return spec
    return value.toIValue() if value.node().kind() == "prim::Constant" else None


def reasons(said: Said, ours: Ours) -> list[Reason]:
    """What it counts beside contractions, what it has no rule for, and what it counts otherwise."""
    extra: dict[str, dict[str, int]] = defaultdict(dict)
    elements: Counter[str] = Counter()
    others: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for entry in said.entries:
        what, path = entry.what, entry.path
        if not entry.known:
            continue
        if what in _RULES:
            into, out, *weighted = entry.sizes
            if entry.counted == _RULES[what].of(into, out, len(weighted)):
                extra[what][path] = extra[what].get(path, 0) + entry.counted
                elements[what] += into if _RULES[what].into else out
        elif entry.counted != entry.work != 4 * entry.counted:
            why = _otherwise(entry)
            if why is not None:
                others[why][path] = others[why].get(path, 0) + entry.counted - entry.work
    found = [
        Reason(
            what.partition(" ")[0], f"counts {what}: {_rate(sum(amounts.values()), elements[what])}", amounts
        )
        for what, amounts in extra.items()
    ]
    found += _functions(said, ours)
    found += missing(said.entries, ours, "has no rule for")
    found += of_complex(said.entries, ours)
    if ours.dead:
        dead = {path: -macs for path, macs in ours.dead.items()}
        found.append(Reason("dead", "has nothing of work that no result depends on", dead))
    found += [Reason(*why, amounts) for why, amounts in others.items()]
    return found


def _functions(said: Said, ours: Ours) -> list[Reason]:
    """What runs within functions of the owner's own: the work of their modules that is in no other node."""
    calls: Counter[str] = Counter()
    seen: dict[str, int] = defaultdict(int)
    for entry in said.entries:
        seen[entry.path] += entry.work
        if not entry.known and not entry.work:
            calls[entry.what] += entry.times
    places = {entry.path for entry in said.entries if not entry.known and not entry.work}
    amounts = {path: seen[path] - ours.worked(path) for path in places if seen[path] < ours.worked(path)}
    names = ", ".join(f"{name} {units.times(times)}" for name, times in calls.most_common())
    return [Reason("function", f"does not look into {names}", amounts)] if amounts else []


def _rate(amount: int, elements: int) -> str:
    """ "2 for each of 11,113,984 elements"."""
    each = units.number(amount / elements) if elements else units.UNKNOWN
    return f"{each} for each of {units.count(elements)} elements"


def _otherwise(entry: Entry) -> tuple[str, str] | None:
    """Why it has another figure for a contraction, in a word and in a sentence; None when nobody knows."""
    what, counted, work = entry.what, entry.counted, entry.work
    if what == "matmul" and counted == entry.sizes[1]:
        return what, "has matmul repeat its first factor for no batch of the second"
    if what == "einsum" and work and _as_read(counted, work):
        return "einsum's digits", f"reads the cost of einsum off a text with {_DIGITS} digits"
    if what == "einsum" and not work:
        for each in (0.5, 1):
            if _as_read(counted, entry.sizes[0] * each):
                return what, f"counts {each} for each element of an einsum that sums nothing up"
    return None


def _as_read(counted: int, value: float) -> bool:
    """Whether a cost is that value as its text has it."""
    return abs(counted - value) <= value * 0.5 * 10.0 ** (1 - _DIGITS) + 1


PEER: Final = Peer(
    name="fvcore",
    title="fvcore",
    package="fvcore",
    ask=ask,
    reasons=reasons,
    params_reasons=lambda said, ours: ours.unlisted(set(said.listed)),
)
