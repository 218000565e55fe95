"""What torchrun's variables say."""

from __future__ import annotations

import pytest

from netscope.base.launch import Launch, launched

TOLD = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost"}


def test_a_process_of_several_knows_its_rank() -> None:
    assert launched(TOLD) == Launch(5, 8, 1)
    assert launched({name: text for name, text in TOLD.items() if name != "LOCAL_RANK"}) == Launch(5, 8, 5)


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "MASTER_ADDR"])
def test_one_that_is_not_told_all_is_alone(name: str) -> None:
    assert launched({**TOLD, name: ""}) is None


@pytest.mark.parametrize("told", [{"WORLD_SIZE": "1", "RANK": "0"}, {"RANK": "8"}, {"RANK": "-1"}])
def test_one_of_one_is_alone_and_so_is_nonsense(told: dict[str, str]) -> None:
    assert launched({**TOLD, **told}) is None
