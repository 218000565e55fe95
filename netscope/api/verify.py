"""`netscope.verify`: a network's figures beside those of others who count, and why they differ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Unpack

from netscope.api.reading import reader
from netscope.api.summary import trace
from netscope.base import arguments, collector
from netscope.base.errors import UsageError
from netscope.base.request import How, Request
from netscope.report.report import Report

if TYPE_CHECKING:
    from netscope.answers.verify import Verification
    from netscope.api.reading import Model

# A longer limit than anybody means.
_LONGEST: Final = 10**6


def verify(
    model: Model,
    *,
    peers: Sequence[str] = (),
    real: bool = False,
    time_limit: float | None = None,
    **how: Unpack[How],
) -> Verification:
    """Hold a network's figures beside those of torchinfo, fvcore and torch's FlopCounterMode.

    `netscope.verify("torchvision/resnet50").explained` is whether each difference has its reason. A peer runs
    in a process of its own, on a copy of the network without weights where it can.

    Args:
        model: whatever `summary` takes, but for reports: their network is gone.
        peers: which of them to ask, by name: "torchinfo"; all of them when left out.
        real: have the peers run on real weights, random ones for a name: they then meet the fused operators
            that torch has for the machine.
        time_limit: seconds that each peer may take; 60 when left out.
        how: what else `summary` takes: input, args, kwargs, batch, dtype, train, options.

    Returns:
        what each says, and for each difference reasons whose amounts come to it, or what has none.

    Raises:
        UsageError: there is no such peer, or the model is a report; else what `summary` raises.
    """
    from netscope.answers.verify.verify import LIMIT, chosen, verify

    names = arguments.texts("peers", peers, 'write peers=["torchinfo"]')
    chosen(names)
    if time_limit is not None and (type(time_limit) not in (int, float) or not 0 < time_limit < _LONGEST):
        arguments.refuse("time_limit", "a number of seconds", time_limit, "write time_limit=120")
    request, found = Request(**how), reader(model)
    with collector.paused():
        network = None if found.ready else found.read(request)
        if network is None or isinstance(network, Report):
            raise UsageError(
                "a report has no network that others could count.",
                hint="name the network, or give the module",
            )
        return verify(
            network,
            partial(trace, train=request.train),
            names=names,
            train=request.train,
            real=arguments.flag("real", real),
            limit=LIMIT if time_limit is None else time_limit,
        )
