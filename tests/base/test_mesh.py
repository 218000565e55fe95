"""How a mesh of ranks is written."""

from __future__ import annotations

from typing import Any

import pytest

from netscope.base.errors import UsageError
from netscope.base.mesh import mesh_text, parse_mesh, ranks_of


@pytest.mark.parametrize(
    ("given", "axes"),
    [
        ("dp=2,tp=4", (("dp", 2), ("tp", 4))),
        (" dp = 2 , tp = 4 ", (("dp", 2), ("tp", 4))),
        ("dp:2,tp:4", (("dp", 2), ("tp", 4))),
        ("8", (("dim_0", 8),)),
        ("4x2", (("dim_0", 4), ("dim_1", 2))),
        (8, (("dim_0", 8),)),
        ((4, 2), (("dim_0", 4), ("dim_1", 2))),
        ({"dp": 2, "tp": 4}, (("dp", 2), ("tp", 4))),
        ([("pp", 2), ("tp", 1)], (("pp", 2), ("tp", 1))),
    ],
)
def test_every_way_to_write_a_mesh(given: Any, axes: Any) -> None:
    assert parse_mesh(given) == axes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("dp=2,dp=4", "twice"),
        ("dp=0", "0 ranks"),
        ("dp=2;tp=4", "cannot read"),
        ("dp=two", "cannot read"),
        ("", "cannot read"),
        ("dp=2,", "cannot read"),
        ("4x0", "0 ranks"),
        ("dp=" + "9" * 30, "too many digits"),
        ("1024x1025", "more than"),
        ({}, "no axis"),
        ({"dp": 2.5}, "sizes of axes"),
        ({"dp": True}, "sizes of axes"),
        ({1: 2}, "no name"),
        ({"d p": 2}, "no name"),
        (2.5, "sizes of axes"),
        (None, "sizes of axes"),
        ({"dp": -1}, "-1 ranks"),
    ],
)
def test_what_is_no_mesh_is_refused_with_a_hint(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        parse_mesh(given)
    assert refused.value.hint


def test_a_mesh_is_told_as_it_is_written() -> None:
    mesh = parse_mesh("dp=2,tp=4")
    assert mesh_text(mesh) == "dp=2,tp=4"
    assert parse_mesh(mesh_text(mesh)) == mesh
    assert ranks_of(mesh) == 8
