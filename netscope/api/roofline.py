"""`netscope.roofline`: the least time that a network takes on a machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netscope.api.asked import Asked
from netscope.api.profile import is_made, made_already, prepared
from netscope.base.errors import UsageError
from netscope.base.workload import Input, Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    import os

    import torch


def roofline(
    model: str | os.PathLike[str] | torch.nn.Module | Workload | Report,
    device_spec: str | None = None,
    *,
    input: Input | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    batch: int = 1,
    dtype: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """The least time that a network's forward takes on a machine, which need not be there.

    Every layer takes at least max(FLOPs / peak, bytes that it must move / bandwidth). This is a lower bound
    and never a prediction.

    Args:
        model: a name, a module or a Workload; a saved roofline is returned as it is.
        device_spec: the machine, "h200" (`netscope roofline --list` has all); "here" for this one, by one
            copy and one matrix product.
        input, args, kwargs, batch, options: as for `summary`.
        dtype: "fp32", "tf32", "bf16" or "fp16"; the network's own when left out.

    Returns:
        A Report with `roof`, and with `roof` for each layer; `.bound` is the sum in seconds.

    Raises:
        UsageError: there is no such machine or dtype; else what `summary` raises.
    """
    if is_made(model):
        asked = Asked(input, tuple(args), kwargs, batch, dtype, False, options or None)
        report = made_already(model, asked, spec=device_spec)
        if report.roof is None:
            raise UsageError(
                f"the profile of {report.name} was made without the limits of a machine.",
                hint="name the network, and the machine with --device-spec",
            )
        return report
    from netscope.machine.profiling.settings import HERE, dtype_of
    from netscope.machine.timing.devices import spec_of

    if device_spec is None:
        raise UsageError(
            "which machine? Give --device-spec.",
            hint="--device-spec h200; `netscope roofline --list` has all",
        )
    if device_spec != HERE:
        spec_of(device_spec)
    key = dtype_of(dtype)
    prepare = prepared(model, input, args, kwargs, key, False, options)
    from netscope.machine.profiling.run import roofline as held_against

    return held_against(prepare, batch, device_spec, key)
