"""`netscope memory --fit` as people meet it."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_doors import nets, run

__all__ = ["nets"]


@pytest.mark.whole
def test_the_largest_batch_and_what_to_change_on_stdout_alone() -> None:
    result = run("memory", "lenet", "--train", "--fit", "64MiB", "--device", "cpu")
    assert (result.returncode, result.stderr) == (0, "")
    assert "largest batch" in result.stdout
    assert "does not fit" in result.stdout
    assert "to change, at batch" in result.stdout
    saved = json.loads(run("memory", "lenet", "--fit", "16MiB", "--device", "cpu", "-f", "json").stdout)
    fit = saved["memory"]["fit"]
    assert fit["peak"] <= fit["limit"] == 16 * 2**20 < fit["next_peak"]


def test_a_wrong_limit_ends_in_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    from netscope.cli import main

    assert main(["memory", "lenet", "--fit", "24"]) == 2
    assert "24GiB" in capsys.readouterr().err
    assert main(["memory", "lenet", "--fit", "h201"]) == 2
    assert "h200" in capsys.readouterr().err
    assert main(["memory", "lenet", "--fit", "1GiB", "--over", "sequence"]) == 2
    assert "--over batch" in capsys.readouterr().err
