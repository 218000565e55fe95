"""torchinfo: every layer without layers inside, its parameters times a dimension or two of its output."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from netscope.answers.verify.figures import Ours, name_of
from netscope.answers.verify.peers import Peer
from netscope.answers.verify.result import Reason
from netscope.answers.verify.said import Entry, Said
from netscope.base import units
from netscope.trace.facts import ModuleFact

if TYPE_CHECKING:
    from netscope.answers.verify.stage import Stage

# Parameters by these names are multiplied by what a convolution's or another layer's output is said to be.
_PLAIN: Final = ("weight", "bias")
_OPERATORS: Final = 3


def ask(stage: Stage) -> Said:
    """Its summary."""
    import torchinfo

    module, kwargs = stage.module, stage.kwargs
    given: Any = list(stage.args)
    if not given and kwargs:
        given, kwargs = kwargs, {}
    with stage.open():
        found = torchinfo.summary(
            module, input_data=given, mode="train" if module.training else "eval", verbose=0, **kwargs
        )
    entries, held = [], []
    for info in found.summary_list:
        path = stage.paths.get(id(info.module), "")
        if info.is_leaf_layer:
            sizes = _sizes(info.output_size) if info.executed else ()
            entries.append(Entry(path, info.class_name, int(info.macs), sizes=sizes))
        if not info.is_recursive:
            left = info.num_params if info.is_leaf_layer else max(info.leftover_params(), 0)
            held.append((path, int(left), bool(info.is_leaf_layer)))
    return Said(
        int(found.total_params),
        int(found.total_mult_adds),
        tuple(entries),
        tuple(held),
        stage.listed,
        stage.rung,
    )


def _sizes(sizes: Any) -> tuple[int, ...]:
    """What it takes for the output's size; a batch may have come between its sides as a list."""
    flat = [math.prod(one) if isinstance(one, (list, tuple)) else one for one in sizes]
    return tuple(map(int, flat))


def reasons(said: Said, ours: Ours) -> list[Reason]:
    """What of its rule is not what a layer does."""
    entries: dict[str, list[Entry]] = defaultdict(list)
    for entry in said.entries:
        entries[entry.path].append(entry)
    listed = set(said.listed)
    found = _Found()
    for path, calls in entries.items():
        fact = ours.modules.get(path)
        rules = [None if fact is None else _by_rule(fact, entry, listed) for entry in calls]
        counted = [rule for rule in rules if rule is not None]
        if len(counted) < len(rules):
            continue
        weights, biases = (sum(part) for part in zip(*counted, strict=True))
        kind, work = calls[0].what, ours.worked(path)
        if not work:
            found.add("params", kind, path, weights + biases)
            continue
        if not weights:
            found.left_out(path, ours.work[path])
            found.add("bias", kind, path, biases)
            continue
        found.add("bias", kind, path, biases)
        found.add(_misread(kind, fact), kind, path, weights - work)
    for path, operators in ours.work.items():
        if path not in entries:
            found.left_out(path, operators)
    return found.reasons()


def _by_rule(fact: ModuleFact, entry: Entry, listed: Collection[str]) -> tuple[int, int] | None:
    """What its rule makes of a call's weights and of its biases; None where that is not what it said."""
    size = entry.sizes
    weights = biases = 0
    for parameter in fact.parameters if size else ():
        name, count = parameter.name, parameter.spec.numel
        if name_of(fact.path, parameter) not in listed:
            continue
        if name in _PLAIN:
            times = math.prod(size[:1] + size[2:]) if "Conv" in entry.what else size[0]
        elif "weight" in name or "bias" in name:
            times = math.prod(size[:2])
        else:
            continue
        if "bias" in name and "weight" not in name:
            biases += count * times
        else:
            weights += count * times
    return (weights, biases) if weights + biases == entry.counted else None


def _misread(kind: str, fact: ModuleFact | None) -> str:
    """Which of its rules tells wrongly how often a layer's weights are used."""
    if "Conv" in kind:
        return "transposed" if fact is not None and "Transpose" in (fact.base or kind) else "channels"
    named = fact is not None and any(p.name == "weight" for p in fact.parameters)
    return "positions" if named else "sequence"


# The rule, for people; {} are the classes of the layers.
_TEXTS: Final[Mapping[str, str]] = {
    "params": "takes the parameters of {} for MACs",
    "bias": "counts the bias of {} as MACs",
    "positions": "multiplies the weight of {} by the first dimension of its output, not by every position",
    "sequence": "multiplies the weights of {} by the first two dimensions of its output",
    "transposed": "has the kernel of {} slide over the output, where it slides over the input",
    "channels": "takes the second dimension of the output of {} for its channels",
    "functional": "counts no work outside layers of their own: {}",
}


class _Found:
    """Reasons, as they are found."""

    def __init__(self) -> None:
        self._amounts: dict[str, dict[str, int]] = {key: {} for key in _TEXTS}
        self._kinds: dict[str, Counter[str]] = {key: Counter() for key in _TEXTS}

    def add(self, key: str, kind: str, path: str, amount: int) -> None:
        """A layer of that class for which the rule makes a difference."""
        if amount:
            self._amounts[key][path] = self._amounts[key].get(path, 0) + amount
            self._kinds[key][kind] += 1

    def left_out(self, path: str, operators: Mapping[str, tuple[int, int]]) -> None:
        """Operators that no layer stands for."""
        self._amounts["functional"][path] = -sum(macs for _, macs in operators.values())
        for name, (times, _) in operators.items():
            self._kinds["functional"][name] += times

    def reasons(self) -> list[Reason]:
        """Those that there are."""
        return [
            Reason(key, text.format(_listed(self._kinds[key])), self._amounts[key])
            for key, text in _TEXTS.items()
            if self._amounts[key]
        ]


def _listed(kinds: Counter[str]) -> str:
    """ "53 BatchNorm2d and 1 PReLU"."""
    texts = [f"{units.count(n)} {kind}" for kind, n in kinds.most_common(_OPERATORS)]
    more = sum(kinds.values()) - sum(n for _, n in kinds.most_common(_OPERATORS))
    if more:
        return f"{', '.join(texts)} and {units.count(more)} more"
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def params_reasons(said: Said, ours: Ours) -> list[Reason]:
    """It counts a tensor for each layer that holds it, and where modules are shared for containers too."""
    listed = set(said.listed)
    rows = {path for path, _, _ in said.held}
    leaves = {path for path, _, leaf in said.held if leaf}
    due = dict.fromkeys(rows, 0)
    seen: set[int] = set()
    shared = False
    # Layers before containers, which have what is left of theirs.
    for path, fact in sorted(ours.modules.items(), key=lambda item: item[0] not in leaves):
        row = path
        while row not in rows and row:
            row = row.rpartition(".")[0]
        shared = shared or bool(fact.aliases)
        for parameter in fact.parameters:
            if name_of(path, parameter) not in listed:
                continue
            if parameter.identity not in seen:
                due[row] = due.get(row, 0) + parameter.spec.numel
            shared = shared or parameter.identity in seen
            seen.add(parameter.identity)
    tied: dict[str, int] = {}
    again: dict[str, int] = {}
    for path, count, leaf in said.held:
        if count != due[path]:
            (tied if leaf else again)[path] = count - due[path]
    found = ours.unlisted(set(said.listed))
    if tied:
        found.append(Reason("tied", "counts a tensor once for each layer that holds it", tied))
    if again and shared:
        text = "has other parameters left for a container, of layers or tensors that it meets a second time"
        found.append(Reason("shared", text, again))
    return found


PEER: Final = Peer(
    name="torchinfo",
    title="torchinfo",
    package="torchinfo",
    ask=ask,
    reasons=reasons,
    params_reasons=params_reasons,
)
