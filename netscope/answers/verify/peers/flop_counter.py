"""torch's own FlopCounterMode: the operators that it has a formula for, and none of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from netscope.answers.verify.contractions import RULES, macs_of
from netscope.answers.verify.figures import Ours
from netscope.answers.verify.missing import missing
from netscope.answers.verify.numbers import of_complex, of_sparse
from netscope.answers.verify.peers import Peer
from netscope.answers.verify.result import Reason
from netscope.answers.verify.said import Entry, Said, merged

if TYPE_CHECKING:
    from netscope.answers.verify.stage import Stage

# It says floating-point operations: two for a multiply-accumulate.
_FLOPS: Final = 2


def ask(stage: Stage) -> Said:
    """What it counts, by operator and module."""
    from torch.nn.parameter import is_lazy
    from torch.utils import flop_counter

    from netscope.answers.verify.stage import specs, specs_of

    entries: list[Entry] = []

    def heard(formula: Any, name: str) -> Any:
        """Its formula, overheard."""

        def count(*args: Any, out_val: Any = None, **kwargs: Any) -> Any:
            flops = formula(*args, **kwargs, out_val=out_val)
            given, made = specs((*args, *kwargs.values())), specs_of(out_val)
            dense = macs_of(name, given, made, as_dense=True)
            entries.append(
                Entry(stage.path, name, int(flops) // _FLOPS, macs_of(name, given, made), (dense,))
            )
            return flops

        count._get_raw = True  # type: ignore[attr-defined]
        return count

    def unknown(func: Any, args: Sequence[Any], result: Any) -> None:
        """An operator that it has no formula for."""
        packet = getattr(func, "_overloadpacket", func)
        name = getattr(packet, "__name__", str(packet))
        if packet in registry or name not in RULES:
            return
        work = macs_of(name, specs(args), specs_of(result))
        if work:
            entries.append(Entry(stage.path, name, 0, work, known=False))

    registry = flop_counter.flop_registry
    overheard = {
        packet: heard(formula, packet.__name__)
        for packet, formula in registry.items()
        if hasattr(packet, "_overload_names") or hasattr(packet, "overloads")
    }
    # Its tracker of modules fails on a parameter that is an argument, where no gradients are taken.
    for parameter in stage.module.parameters():
        if not is_lazy(parameter):
            parameter.requires_grad_(False)
    with stage.open(), flop_counter.FlopCounterMode(display=False, custom_mapping=overheard) as counter:
        stage.listener = unknown
        stage.module(*stage.args, **stage.kwargs)
    return Said(None, counter.get_total_flops() // _FLOPS, merged(entries), rung=stage.rung)


def reasons(said: Said, ours: Ours) -> list[Reason]:
    """What it has no formula for, and numbers that it takes for others."""
    return [
        *missing(said.entries, ours, "has no formula for"),
        *of_complex(said.entries, ours),
        *of_sparse(said.entries),
    ]


PEER: Final = Peer(name="flop_counter", title="FlopCounterMode", package="torch", ask=ask, reasons=reasons)
