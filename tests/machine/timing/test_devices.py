"""What machines have of memory, as their data sheets say."""

from __future__ import annotations

import pytest

from netscope.machine.timing.devices import SPECS, spec_of


@pytest.mark.parametrize(
    ("name", "sold"),
    [
        ("h200", 141),
        ("h100", 80),
        ("a100", 80),
        ("a100-40gb", 40),
        ("v100", 32),
        ("v100-16gb", 16),
        ("t4", 16),
    ],
)
def test_the_memory_of_machines_as_it_is_sold(name: str, sold: int) -> None:
    assert spec_of(name).memory == sold * 2**30


def test_every_machine_has_a_memory_and_a_source() -> None:
    for spec in SPECS.values():
        assert spec.memory is not None
        assert spec.memory % 2**30 == 0
        assert "(20" in spec.source, spec.name
