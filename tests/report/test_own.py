from __future__ import annotations

from dataclasses import replace

import pytest

from netscope.base.cost import VectorOps
from netscope.report.measured.breakdown import LayerTime
from netscope.report.own import NOTHING, OnMachine, Own
from netscope.report.partial import own_unknown
from tests.reports import ROOF, alexnet, profiled, steady


def test_what_is_each_rows_own_adds_up_to_the_network() -> None:
    report = alexnet()
    total = NOTHING
    for layer, unknown in zip(report.layers, own_unknown(report), strict=True):
        total = total.plus(Own.of(layer, unknown))
    assert total == Own(
        params=report.params,
        trainable_params=report.trainable_params,
        param_bytes=report.param_bytes,
        buffer_bytes=report.buffer_bytes,
        macs=report.counted_macs,
        vector=report.counted_vector,
        output_bytes=report.output_bytes,
    )
    assert total.flops == report.flops


def test_figures_of_a_machine() -> None:
    """2 x 6 FLOPs in 2 seconds of forward, of which 0.5 were necessary, over 4 bytes."""
    took = OnMachine(forward=2.0, backward=1.0, kernels=3.0, moved_bytes=4, bound=0.5)
    own = Own(macs=6, machine=took)
    assert (own.time, own.forward_time, own.backward_time, own.kernels) == (3.0, 2.0, 1.0, 3.0)
    assert (own.flops_per_second, own.intensity, own.efficiency) == (6.0, 3.0, 0.25)
    both = own.plus(Own(machine=OnMachine(moved_bytes=1, measured=False, bounded=False)))
    assert (both.time, both.moved_bytes, both.bound) == (3.0, 5, None)
    unknown = own.plus(Own(unknown=True))
    assert (unknown.flops_per_second, unknown.intensity) == (None, None)
    assert (Own().time, Own().moved_bytes, Own().efficiency) == (None, None, 0)


def test_what_adds_nothing_is_false() -> None:
    assert not NOTHING
    assert not Own(machine=OnMachine(measured=False))
    assert Own(unknown=True)
    assert Own(vector=VectorOps(add=1))


def test_a_layers_figures_of_a_machine_are_ratios_of_its_own() -> None:
    times = {layer.path: LayerTime(0.0001, 0.0, 1.0) for layer in alexnet() if layer.own_macs}
    report = profiled(alexnet(), times, latency=steady(0.004), moved=dict.fromkeys(times, 1_000), roof=ROOF)
    root = report.root
    assert root.time is not None
    assert root.flops is not None
    assert root.forward_time is not None
    assert root.bound is not None
    assert root.flops_per_second == pytest.approx(root.flops / root.forward_time)
    assert root.efficiency == pytest.approx(root.bound / root.forward_time)
    assert report.bound_share(root.bound) == 1.0
    assert sum(report.bounds.values()) <= 1.0 + 1e-9
    bare = replace(root, timing=None, roof=None)
    assert (bare.time, bare.bound, bare.intensity, bare.efficiency, bare.limited_by) == (None,) * 5
