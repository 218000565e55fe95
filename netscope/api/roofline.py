"""`netscope.roofline`: the least time that a network takes on a machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netscope.api.profile import made_already, prepared
from netscope.api.reading import reader
from netscope.base import arguments, collector
from netscope.base.arguments import spelled
from netscope.base.errors import UsageError
from netscope.base.request import Request
from netscope.base.workload import Input, Workload

if TYPE_CHECKING:
    from netscope.api.reading import Model, Reader
    from netscope.machine.profiling.run import Prepare
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
    mesh: Any = None,
    rank: int | str | None = None,
    node: int | None = None,
    network: float | None = None,
) -> Report:
    """The least time that a network's forward takes on a machine, which need not be there.

    Every layer takes at least max(FLOPs / peak, bytes that it must move / bandwidth). Of a rank of many the
    whole takes at least what its bytes take on the slowest link that they need, if all of them are sent while
    it computes. This is a lower bound and never a prediction.

    Args:
        model: a name, a module or a Workload; a saved roofline is returned as it is.
        device_spec: the machine, "h200" (`netscope roofline --list` has all); "here" for this one, by one
            copy and one matrix product.
        input, args, kwargs, batch, options: as for `summary`.
        dtype: "fp32", "tf32", "bf16" or "fp16"; the network's own when left out.
        mesh, rank: as for `summary`.
        node: GPUs in a node, as ranks are counted through nodes; 8 when left out.
        network: Gbit/s that each GPU sends to other nodes; as its maker states when left out.

    Returns:
        A Report with `roof`, and with `roof` for each layer; `.bound` is the sum in seconds.

    Raises:
        UsageError: there is no such machine or dtype; else what `summary` raises.
    """
    found = reader(model)
    request = Request(input, args, kwargs, batch, dtype, False, options, mesh, rank)
    links = _links(node, network)
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
    prepare = prepared(found, request, key) if request.mesh is None else _of_a_rank(found, request, key)
    with collector.paused():  # torch comes in here
        from netscope.machine.profiling.run import roofline as held_against

    return held_against(prepare, request.batch, device_spec, key, *links)


def _of_a_rank(found: Reader, request: Request, dtype: str | None) -> Prepare:
    """What makes the workload of a rank, and its report."""
    from netscope.api.ranks import ranked
    from netscope.machine.profiling.settings import DTYPES

    def prepare(batch: int) -> tuple[Workload, Report]:
        made: list[Workload] = []

        def keep(workload: Workload, report: Report) -> Report:
            made.append(workload)
            return report

        named = None if dtype is None else DTYPES[dtype]
        report = ranked(found, replace(request, batch=batch, dtype=named), keep)
        return made[0], report  # the first one traced is the report's own

    return prepare


def _links(node: Any, network: Any) -> tuple[int | None, float | None]:
    """GPUs in a node and bytes a second between nodes, None for what was not said.

    Raises:
        UsageError: a node without GPUs, or a network that carries nothing.
    """
    if node is not None and arguments.integer("node", node, "give node=8 or more") < 1:
        arguments.refuse("node", "a number of GPUs", node, "give 1 or more")
    if network is None:
        return node, None
    if isinstance(network, bool) or not isinstance(network, (int, float)) or not 0 < network < math.inf:
        arguments.refuse("network", "Gbit/s of each GPU", network, "400, as the adapter is sold")
    return node, network / 8 * 1e9


def device_specs() -> DeviceSpecs:
    """The machines that `roofline` and `profile` know: `netscope.device_specs()["h200"].bandwidth`."""
    from netscope.machine.timing.devices import SPECS, DeviceSpecs

    return DeviceSpecs(tuple(SPECS.values()))
