"""What torchvision publishes of its weights: `num_params`, and multiply-accumulates in G as `_ops`."""

from __future__ import annotations

import math
from typing import Any, Final

from netscope.answers.verify.contractions import bare, macs_of
from netscope.answers.verify.figures import Ours
from netscope.answers.verify.peers import Peer
from netscope.answers.verify.result import Reason
from netscope.answers.verify.said import Said
from netscope.answers.verify.weights import (
    DECIMALS,
    Shapes,
    crops_of,
    difference,
    differing,
    kind_of,
    own_network,
    published_params,
    shapes_of,
    weights_of,
)
from netscope.base import units
from netscope.base.workload import TensorSpec, Workload

_PREFIX: Final = "torchvision/"
_NAMED: Final = 2
_GIGA: Final = 10**9


def applies(workload: Workload) -> bool:
    """Whether torchvision has weights of that network."""
    return workload.source == "torchvision" and bool(weights_of(workload.name.removeprefix(_PREFIX)))


def ask(workload: Workload, train: bool) -> Said:
    """What is published of the weights for the images that the network is given.

    Their own network is built beside it, on meta, and held against it name by name.
    """
    from netscope.base.meta.building import build

    name = workload.name.removeprefix(_PREFIX)
    first = workload.args[0] if workload.args else None
    shape = first.shape if isinstance(first, TensorSpec) else ()
    if not any(True for _ in workload.module.parameters()):
        return Said(None, None, note="networks whose weights are not packed")
    weight, fits = _weight(name, set(shape[-2:]))
    fits = fits and not train
    told: list[Reason] = []
    if sum(p.numel() for p in workload.module.parameters()) != published_params(weight):
        own = build(lambda: own_network(name, weight))
        told = _told(workload, own, weight.name, fits)
    if not fits or not isinstance(weight.meta.get("_ops"), (int, float)):
        note = "of images of another size" if shape else "of images that it does not name"
        note = f"_ops are {'of evaluation' if train else note}"
        return Said(published_params(weight), None, told=tuple(told), note=f"{weight.name}; {note}")
    batch = shape[0] if shape else 1
    return Said(
        published_params(weight),
        round(weight.meta["_ops"] * _GIGA) * batch,
        told=tuple(told),
        within=_GIGA // 10**DECIMALS // 2 * batch,
        note=weight.name,
    )


def _weight(name: str, sides: set[int]) -> tuple[Any, bool]:
    """The weights that the figures are asked of: the default ones before others, of that crop before others.

    And whether the network is given their images.
    """
    weights = weights_of(name)
    default = getattr(type(weights[0]), "DEFAULT", weights[0])
    ordered = sorted(weights, key=lambda weight: weight is not default)
    fitting = [weight for weight in ordered if kind_of(weight) != "detection" and crops_of(weight) == sides]
    return (fitting or ordered)[0], bool(fitting)


def _told(workload: Workload, own: Any, weight: str, same_input: bool) -> list[Reason]:
    """What the weights' network has otherwise, parameter by parameter; and work in those layers."""
    plain = workload.module
    before, after = shapes_of(plain), shapes_of(own)
    names = differing(before, after)
    why = difference(plain, own) or _by_name(before, after, names)
    amounts: dict[str, int] = {}
    for name in names:
        path = name.rpartition(".")[0]
        more = math.prod(after.get(name, (0,))) - math.prod(before.get(name, (0,)))
        amounts[path] = amounts.get(path, 0) + more
    text = f"the network of {weight} differs: {why}"
    told = [Reason("params", text, amounts)]
    if same_input:
        was, now = _work(plain, workload), _work(own, workload)
        work = {path: now.get(path, 0) - was.get(path, 0) for path in amounts}
        told.append(Reason("macs", text, {path: more for path, more in work.items() if more}))
    return told


def _by_name(before: Shapes, after: Shapes, names: list[str]) -> str:
    texts = []
    for name in names[:_NAMED]:
        has, is_here = (units.shape(s[name]) if name in s else "none" for s in (after, before))
        texts.append(f"{name} is {has}, here {is_here}")
    more = len(names) - _NAMED
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")


def _work(module: Any, workload: Workload) -> dict[str, int]:
    """{path: multiply-accumulates by the shapes of what ran}."""
    from dataclasses import replace

    from netscope.answers.verify.stage import specs, specs_of, staged

    found: dict[str, int] = {}
    with staged(replace(workload, module=module, rebuild=None), "meta", False) as stage:

        def hear(func: Any, args: Any, result: Any) -> None:
            macs = macs_of(bare(str(func)), specs(args), specs_of(result))
            found[stage.path] = found.get(stage.path, 0) + macs

        stage.listener = hear
        with stage.open():
            stage.module(*stage.args, **stage.kwargs)
    return found


def _of(quantity: str, said: Said) -> list[Reason]:
    return [told for told in said.told if told.key == quantity]


def reasons(said: Said, ours: Ours) -> list[Reason]:
    """What the weights' own network does besides."""
    return _of("macs", said)


def params_reasons(said: Said, ours: Ours) -> list[Reason]:
    """What it has besides."""
    return _of("params", said)


PEER: Final = Peer(
    name="published",
    title="torchvision",
    package="torchvision",
    ask=ask,
    reasons=reasons,
    params_reasons=params_reasons,
    applies=applies,
    staged=False,
)
