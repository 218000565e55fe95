"""Every second goes where it was planted: layers, nowhere, overlap, idle."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.machine.timing.attribution import attribute
from netscope.machine.timing.measure import latency
from netscope.machine.timing.spans import clipped, covered
from netscope.report.measured.breakdown import Breakdown, LayerTime, Work
from netscope.report.measured.events import Event
from tests.machine.timing.fake import FakeBackend, FakeStep, Kernel, Noise, forward


def attributed(backend: FakeBackend, step: FakeStep, steps: int = 4) -> Breakdown:
    return attribute(step.recorded(steps), on_device=backend.asynchronous)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_layers_and_what_has_none(asynchronous: bool):
    backend = FakeBackend(asynchronous)
    kernels = [Kernel("a", 1e-3), Kernel("b", 2e-3), Kernel("b", 3e-3), Kernel(None, 5e-4, name="copy")]
    found = attributed(backend, FakeStep(backend, forward(*kernels)))
    assert {path: layer.forward for path, layer in found.layers.items()} == pytest.approx(
        {"a": 1e-3, "b": 5e-3}
    )
    assert found.layers["b"].forward_kernels == 2
    assert found.unattributed == (Work("copy", 1, pytest.approx(5e-4)),)
    assert found.idle == pytest.approx(0, abs=1e-9)
    assert found.overlap == pytest.approx(0, abs=1e-9)
    assert found.span == pytest.approx(6.5e-3)
    assert found.share == pytest.approx(6 / 6.5)


def test_a_device_that_waits_for_its_host_is_idle():
    backend = FakeBackend(latency=1e-4)
    step = FakeStep(backend, forward(*[Kernel("a", 1e-3, host=2e-3)] * 3))
    found = attributed(backend, step)
    # The host takes 6 ms, and the last kernel runs for another 1.1 ms.
    assert found.span == pytest.approx(7.1e-3)
    assert found.busy == pytest.approx(3e-3)
    assert found.idle == pytest.approx(4.1e-3)
    assert found.in_layers == pytest.approx(3e-3)


def test_work_at_the_same_time_is_told_as_overlap():
    backend = FakeBackend()
    step = FakeStep(backend, forward(Kernel("a", 4e-3), Kernel("b", 3e-3, stream=7)))
    found = attributed(backend, step)
    assert found.in_layers == pytest.approx(7e-3)
    assert found.overlap == pytest.approx(3e-3)
    assert found.busy == pytest.approx(4e-3)
    assert found.reconciled(4e-3).residual == pytest.approx(0, abs=1e-9)


def test_the_pass_is_reconciled_with_the_uninstrumented_one():
    backend = FakeBackend()
    step = FakeStep(backend, forward(Kernel("a", 1e-3), Kernel(None, 1e-3, host=3e-3)))
    end_to_end = latency(step, backend).median
    told = attributed(backend, step).reconciled(end_to_end)
    assert told.layers == pytest.approx(1e-3)
    assert told.unattributed == pytest.approx(1e-3)
    assert told.idle == pytest.approx(2e-3)
    assert told.explained == pytest.approx(end_to_end)
    assert told.residual == pytest.approx(0, abs=1e-9)
    slower, quicker = (attributed(backend, step).reconciled(time) for time in (5e-3, 1.5e-3))
    # Whatever its work does not take of the step, a device idles; work that takes longer is shown.
    assert (slower.idle, slower.residual) == pytest.approx((3e-3, 0), abs=1e-9)
    assert (quicker.idle, quicker.residual) == pytest.approx((0, -5e-4), abs=1e-9)
    host = FakeBackend(asynchronous=False)
    told = attributed(host, FakeStep(host, forward(Kernel("a", 1e-3, host=3e-3)))).reconciled(5e-3)
    assert (told.idle, told.residual) == pytest.approx((0, 1e-3), abs=1e-9)


def launches(*lost: tuple[int, ...]) -> list[Event]:
    """Steps of three launches of a layer's kernels, 10, 20 and 30 long; those that are lost have no work."""
    events = []
    for index, missing in enumerate(lost):
        start = 100.0 * index
        events += [Event("step", "", start, start + 99), Event("layer", "a", start, start + 9)]
        for number in range(3):
            call = 3 * index + number
            events.append(
                Event("launch", "cudaLaunchKernelExC", start + number, start + number + 0.5, 0, call)
            )
            if number not in missing:
                begun = start + 10 + 20 * number
                events.append(Event("device", "k", begun, begun + 10 * (number + 1), 7, call))
    return events


def test_steps_of_which_kernels_were_lost_are_left_out():
    found = attribute(launches((0, 1, 2), (0, 2), (), (), ()), on_device=True)
    assert found.layers["a"] == LayerTime(60, 0, 3, 0)
    assert (found.lost, found.on_device) == (0, True)
    every = attribute(launches((0,), (1,), (2,)), on_device=True)
    assert every.lost == pytest.approx(1 / 3)


def test_a_call_of_the_driver_inside_one_of_the_runtime_is_no_lost_kernel():
    events = launches((), (), ())
    for call in [event for event in events if event.kind == "launch"]:
        inside = Event(
            "launch", "cuLaunchKernelEx", call.start + 0.1, call.end - 0.1, 0, 1000 + call.correlation
        )
        events.append(inside)
    assert attribute(events, on_device=True).lost == 0
    # Whichever of the two the kernel goes by.
    swapped = [
        event._replace(correlation=1000 + event.correlation) if event.kind == "device" else event
        for event in events
    ]
    found = attribute(swapped, on_device=True)
    assert (found.lost, found.layers["a"].forward) == (0, 60)


def test_kernels_without_a_time_are_lost_too():
    events = launches((), (), ())
    (index,) = [i for i, e in enumerate(events) if e.kind == "device" and e.correlation == 4]
    events[index] = events[index]._replace(start=-50.0, end=-50.0)
    found = attribute(events, on_device=True)
    assert found.layers["a"].forward == 60
    assert found.lost == 0


def test_work_without_a_launch_goes_to_the_operator_that_the_profiler_names():
    events = [
        Event("step", "", 0, 10),
        Event("layer", "a", 1, 2),
        Event("operator", "aten::mm", 1, 2, external=5),
        Event("device", "gemm", 4, 6, 7, 99, external=5),
        Event("device", "nobody's", 6, 7, 7, 98),
    ]
    found = attribute(events, on_device=True)
    assert found.layers == {"a": LayerTime(2, 0, 1, 0)}
    assert [work.name for work in found.unattributed] == ["nobody's"]


def training(*, accumulate: bool = True) -> dict[str, list[Kernel]]:
    """Layers a and b; the operators of b make nodes 11 and 12, a number that a's last operator peeked at."""
    backward = [
        Kernel(None, 4e-3, node=12, backward=True, name="second of b"),
        Kernel(None, 1e-3, accumulates=True),
        Kernel(None, 3e-3, node=11, backward=True, name="first of b"),
        Kernel(None, 2e-3, node=10, backward=True, name="of a"),
        Kernel(None, 5e-4, accumulates=True),
    ]
    return {
        "forward": [
            Kernel("a", 1e-3, node=10),
            Kernel("a", 1e-4, node=11),  # makes no node: a view, an allocation
            Kernel("b", 2e-3, node=11),
            Kernel("b", 2e-3, node=12),
        ],
        "backward": backward if accumulate else [k for k in backward if not k.accumulates],
        "optimizer": [Kernel(None, 6e-3, name="adamw")],
    }


@pytest.mark.parametrize("asynchronous", [True, False])
def test_the_backward_goes_to_the_layer_whose_operator_made_the_node(asynchronous: bool):
    backend = FakeBackend(asynchronous)
    found = attributed(backend, FakeStep(backend, training()))
    assert found.layers["a"] == LayerTime(
        pytest.approx(1.1e-3), pytest.approx(2.5e-3), pytest.approx(2), pytest.approx(2)
    )
    assert found.layers["b"].forward == pytest.approx(4e-3)
    assert found.layers["b"].backward == pytest.approx(8e-3)
    assert found.optimizer == pytest.approx(6e-3)
    assert found.unattributed == ()
    assert found.span == pytest.approx(21.6e-3)


def test_a_node_made_between_operators_goes_to_the_last_one_before_it():
    events = [
        Event("step", "", 0, 10),
        Event("layer", "a", 0, 1),
        Event("operator", "view", 0, 1, sequence=5),
        Event("layer", "b", 1, 2),
        Event("operator", "mul", 1, 2, sequence=8),
        Event("operator", "AsStridedBackward", 3, 4, sequence=7, forward_lane=0),
        Event("operator", "MulBackward", 4, 6, sequence=8, forward_lane=0),
        Event("operator", "OlderBackward", 6, 7, sequence=2, forward_lane=0),
    ]
    found = attribute(events, on_device=False)
    assert found.layers["a"].backward == 1
    assert found.layers["b"].backward == 2
    assert found.unattributed == (Work("OlderBackward", 1, 1),)


def test_another_threads_numbers_are_its_own():
    events = [
        Event("step", "", 0, 10),
        Event("layer", "a", 0, 1, lane=1),
        Event("operator", "mm", 0, 1, lane=1, sequence=3),
        Event("layer", "b", 0, 1, lane=2),
        Event("operator", "mm", 0, 1, lane=2, sequence=3),
        Event("operator", "MmBackward", 2, 3, lane=9, sequence=3, forward_lane=2),
    ]
    found = attribute(events, on_device=False)
    assert found.layers == {"a": LayerTime(1, 0, 1, 0), "b": LayerTime(1, 1, 1, 1)}
    assert found.overlap == 1  # both threads at once


def test_an_operators_own_time_is_without_those_inside():
    events = [
        Event("step", "", 0, 10),
        Event("layer", "", 0, 9),
        Event("operator", "linear", 1, 7),
        Event("operator", "addmm", 2, 5),
        Event("layer", "child", 7, 9),
        Event("operator", "relu", 8, 9),
    ]
    found = attribute(events, on_device=False)
    assert found.layers == {"": LayerTime(6, 0, 1, 0), "child": LayerTime(1, 0, 1, 0)}
    assert (found.busy, found.idle) == (7, 3)


def test_a_checkpointed_part_that_runs_again_in_the_backward_counts_there():
    events = [
        Event("step", "", 0, 10),
        Event("layer", "a", 0, 1),
        Event("operator", "CheckpointFunction", 0, 1, sequence=4),
        Event("operator", "CheckpointFunctionBackward", 2, 8, sequence=4, forward_lane=0),
        Event("layer", "a.inner", 3, 5),
        Event("operator", "mm", 3, 5, sequence=9),
        Event("operator", "MmBackward", 5, 7, sequence=9, forward_lane=0),
    ]
    found = attribute(events, on_device=False)
    assert found.layers["a.inner"] == LayerTime(0, 4, 0, 2)
    assert found.layers["a"] == LayerTime(1, 2, 1, 0)


def test_kernels_that_nobody_launched_are_named():
    events = [Event("step", "", 0, 4), Event("device", "mystery", 1, 2, correlation=99)]
    found = attribute(events, on_device=True)
    assert found.unattributed == (Work("mystery", 1, 1),)
    assert found.share == 0


def test_a_graph_launches_many_kernels_at_once():
    events = [
        Event("step", "", 0, 9),
        Event("layer", "a", 0, 2),
        Event("launch", "cudaGraphLaunch", 1, 2, correlation=5),
        Event("device", "one", 2, 4, 7, correlation=5),
        Event("device", "two", 4, 8, 7, correlation=5),
    ]
    assert attribute(events, on_device=True).layers == {"a": LayerTime(6, 0, 2, 0)}


def test_what_ran_outside_of_steps_is_left_out():
    events = [
        Event("operator", "before", 0, 1),
        Event("step", "", 1, 2),
        Event("layer", "a", 1, 2),
        Event("operator", "mm", 1, 2),
        Event("operator", "after", 3, 4),
    ]
    found = attribute(events, on_device=False)
    assert found.layers == {"a": LayerTime(1, 0, 1, 0)}
    assert found.unattributed == ()


def test_a_disturbed_step_is_not_in_the_mean():
    backend = FakeBackend()
    step = FakeStep(backend, forward(Kernel("a", 1e-3)))
    events = []
    for factor in (1.0, 1.0, 1.0, 40.0, 1.0, 1.0, 1.0, 1.0):
        backend.slow = lambda _, factor=factor: factor
        events += step.recorded(1)
    found = attribute(events, on_device=True)
    assert found.steps == 4
    assert found.layers["a"].forward == pytest.approx(1e-3)


def test_nothing_recorded_is_nothing():
    assert attribute([], on_device=False) == Breakdown()
    assert Breakdown().share is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "a.b", None]),
            st.floats(1e-5, 1e-2),
            st.integers(0, 2),
            st.floats(0, 1e-2),
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 10),
    st.booleans(),
)
def test_it_always_adds_up(plan: list[tuple[str | None, float, int, float]], seed: int, asynchronous: bool):
    kernels = [Kernel(layer, seconds, stream, host) for layer, seconds, stream, host in plan]
    backend = FakeBackend(asynchronous, noise=Noise(seed, level=0.1))
    found = attributed(backend, FakeStep(backend, forward(*kernels)))
    assert found.overlap >= -1e-9
    assert found.idle >= -1e-9
    assert found.reconciled(found.span).residual == pytest.approx(0, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=12))
def test_covered_time_is_that_of_the_ticks(pieces: list[tuple[int, int]]):
    spans = [(float(start), float(start + length)) for start, length in pieces]
    ticks = {tick for start, length in pieces for tick in range(start, start + length)}
    random.Random(0).shuffle(spans)
    assert covered(spans) == len(ticks)
    assert covered(clipped(spans, (10, 20))) == len(ticks & set(range(10, 20)))
