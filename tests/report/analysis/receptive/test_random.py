"""Random networks against the gradient: window, jump and start have to agree exactly."""

from __future__ import annotations

import random

import pytest
import torch

from netscope.report.analysis.receptive import window_of
from netscope.report.analysis.receptive.tracks import State, Track
from netscope.trace import ForwardError
from tests.report.analysis.receptive.probe import positive, random_network, seen, traced
from tests.seeds import seeds

# 200 networks, ten a test.
SEEDS = seeds(200)[::10]


@pytest.mark.whole
@pytest.mark.drawn
@pytest.mark.parametrize("first", SEEDS)
def test_random_networks_agree_with_the_gradient(first: int):
    for seed in range(first, first + 10):
        network = random_network(seed)
        state, side, places = unclipped(seed)
        window = window_of(state, (side, side))
        assert window is not None
        probe = positive(network)
        image = torch.ones(1, 1, side, side, dtype=torch.float64)
        draw = random.Random(seed)
        for _ in range(5):
            place = draw.choice(places[0]), draw.choice(places[1])
            found = seen(probe, image, place)
            expected = [track(state, axis).spans.at(place[axis]) for axis in (0, 1)]
            assert found == expected, (seed, place, network)
            for axis, span in enumerate(found):
                assert span is not None
                assert span[1] - span[0] + 1 <= window.sides[axis]


@pytest.mark.parametrize("seed", [3, 50, 120])
def test_a_period_further_on_the_window_is_a_step_further_on(seed: int):
    state, *_ = unclipped(seed)
    for axis in (0, 1):
        spans = track(state, axis).spans
        before, after = spans.at(5), spans.at(5 + len(spans.phases))
        assert before is not None
        assert after == (before[0] + spans.step, before[1] + spans.step)


def track(state: State, axis: int) -> Track:
    (only,) = state[axis]
    return only


def unclipped(seed: int) -> tuple[State, int, list[list[int]]]:
    """The state, an input side that is large enough, and positions in the middle that no border clips."""
    for side in (61, 97, 193, 385, 769):
        try:
            state = traced(random_network(seed), side)
        except ForwardError:  # a kernel larger than what is left of the image
            continue
        assert state is not None, f"unknown: {random_network(seed)}"
        places = [middle(track(state, axis), side) for axis in (0, 1)]
        if all(len(found) >= 2 for found in places):
            return state, side, places
    raise AssertionError(f"network {seed} is too large")


def middle(track: Track, side: int) -> list[int]:
    if not track.pieces:
        return []
    size = track.pieces[0].size
    found = []
    for position in range(size // 3, size - size // 3):
        span = track.spans.at(position)
        if span is not None and span[0] >= 0 and span[1] < side:
            found.append(position)
    return found
