"""The deconvnet: it takes a real run's maps and locations, and puts light only where a unit can see."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch

import netscope
from netscope import zoo
from netscope.zoo.deconvnets import AlexNetDeconv, AlexNetSwitches, strongest_alone

# layer: (side of the window that one unit sees, jump, start of the first window), by hand: a kernel k
# behind jump j widens the window by (k - 1) * j, its padding p moves the start by -p * j.
SEES = {
    0: (11, 4, 0),
    3: (11 + 2 * 4 + 4 * 8, 8, -2 * 8),
    6: (51 + 2 * 8 + 2 * 16, 16, -16 - 16),
    8: (99 + 2 * 16, 16, -32 - 16),
    10: (131 + 2 * 16, 16, -48 - 16),
}


@pytest.fixture(scope="module")
def seen() -> AlexNetSwitches:
    """A network that has looked at one image."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = zoo.alexnet_switches(hidden=8).eval()
        with torch.no_grad():
            network(torch.rand(1, 3, 227, 227))
    assert isinstance(network, AlexNetSwitches)
    return network


def test_a_forward_keeps_every_map_and_every_location(seen: AlexNetSwitches):
    assert isinstance(seen.feature_maps, OrderedDict)
    assert list(seen.feature_maps) == list(range(13))
    assert list(seen.pool_locations) == [2, 5, 12]
    assert [tuple(seen.feature_maps[place].shape[1:]) for place in SEES] == [
        (96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13),
    ]  # fmt: skip
    assert seen.feature_maps[0].min() < 0 <= seen.feature_maps[1].min()
    assert seen.pool_locations[2].shape == (1, 96, 27, 27)
    first = seen.feature_maps[1].flatten(2).gather(2, seen.pool_locations[2].flatten(2))
    assert torch.equal(first.view(1, 96, 27, 27), seen.feature_maps[2])


@pytest.mark.whole
@pytest.mark.parametrize("layer", SEES)
def test_only_pixels_that_the_unit_sees_are_lit(seen: AlexNetSwitches, layer: int):
    deconv = AlexNetDeconv(3).copy_filters(seen)
    side, jump, start = SEES[layer]
    for index in (0, 17, 80):
        maps = seen.feature_maps[layer]
        with torch.no_grad():
            pixels = deconv(maps, layer, index, seen.pool_locations)
        assert pixels.shape == (1, 3, 227, 227)
        row, column = divmod(int(maps[0, index].argmax()), maps.shape[3])
        top, left = (max(0, start + jump * place) for place in (row, column))
        bottom, right = (start + jump * place + side for place in (row, column))
        inside = pixels[:, :, top:bottom, left:right]
        assert torch.count_nonzero(inside) > 0
        assert torch.count_nonzero(inside) == torch.count_nonzero(pixels)


def test_a_first_layer_unit_projects_to_its_own_filter(seen: AlexNetSwitches):
    deconv = AlexNetDeconv(3).copy_filters(seen)
    maps = seen.feature_maps[0]
    with torch.no_grad():
        pixels = deconv(maps, 0, 5, {})
    row, column = divmod(int(maps[0, 5].argmax()), 55)
    lit = pixels[0, :, 4 * row : 4 * row + 11, 4 * column : 4 * column + 11]
    assert torch.allclose(lit, maps[0, 5].max() * seen.features[0].weight[5])  # type: ignore[operator, index]


def test_the_strongest_alone_is_kept_in_every_sample():
    maps = torch.tensor(
        [[[[1.0, 5.0], [2.0, 3.0]], [[9.0, 9.0], [9.0, 9.0]]], [[[-1.0, -2.0], [-3.0, -4.0]]] * 2]
    )
    alone = strongest_alone(maps, 0)
    assert alone[0].tolist() == [[[0.0, 5.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
    assert alone[1].tolist() == [[[-1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize("layer", [1, 2, 5, 12, 13, -1])
def test_a_layer_that_is_no_convolution_is_refused(layer: int):
    with pytest.raises(ValueError, match=f"layer must be one of 0, 3, 6, 8, 10, not {layer}"):
        AlexNetDeconv(3)(torch.zeros(1, 256, 13, 13), layer, 0, {})


def test_its_summary_comes_from_a_real_run():
    report = netscope.summary("alexnet_deconv")
    assert report.root.output_shape == (1, 3, 227, 227)
    assert report.unknown == {}
    filters = 11 * 11 * 3 * 96 + 25 * 96 * 256 + 9 * (256 * 384 + 384 * 384 + 384 * 256)
    assert report.params == filters
    # Each transposed convolution costs what the convolution that it mirrors costs.
    forward = netscope.summary("alexnet_switches")
    places = ("features.0", "features.3", "features.6", "features.8", "features.10")
    assert report.macs == sum(forward[place].macs or 0 for place in places)


def test_tracing_leaves_the_network_as_it_was(seen: AlexNetSwitches):
    maps, locations = seen.feature_maps, seen.pool_locations
    netscope.summary(seen, input="3x227x227")
    assert seen.feature_maps is maps
    assert seen.pool_locations is locations
    assert not maps[0].is_meta
