"""`netscope.roofline`: the least time that a network takes on a machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netscope.api.profile import made_already, prepared
from netscope.api.reading import reader
from netscope.base import collector
from netscope.base.arguments import spelled
from netscope.base.errors import UsageError
from netscope.base.request import Request
from netscope.base.workload import Input

if TYPE_CHECKING:
    from netscope.api.reading import Model
    from netscope.machine.timing.devices import DeviceSpecs
    from netscope.report.report import Report


def roofline(
    model: Model,
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
    found = reader(model)
    request = Request(input, args, kwargs, batch, dtype, False, options)
    if found.ready:
        report = made_already(found, request, asked=device_spec is not None)
        if report.roof is None:
            raise UsageError(
                f"the profile of {report.name} was made without the limits of a machine.",
                hint="name the network, and the machine with --device-spec",
            )
        return report
    from netscope.machine.profiling.settings import HERE, device_spec_of, dtype_of
    from netscope.machine.timing.devices import spec_of

    if device_spec is None:
        raise UsageError(
            f"which machine? Give {spelled('device_spec')}.",
            hint="--device-spec h200; `netscope roofline --list` has all",
        )
    device_spec = device_spec_of(device_spec)
    if device_spec != HERE:
        spec_of(device_spec)
    key = dtype_of(dtype)
    prepare = prepared(found, request, key)
    with collector.paused():  # torch comes in here
        from netscope.machine.profiling.run import roofline as held_against

    return held_against(prepare, request.batch, device_spec, key)


def device_specs() -> DeviceSpecs:
    """The machines that `roofline` and `profile` know: `netscope.device_specs()["h200"].bandwidth`."""
    from netscope.machine.timing.devices import SPECS, DeviceSpecs

    return DeviceSpecs(tuple(SPECS.values()))
