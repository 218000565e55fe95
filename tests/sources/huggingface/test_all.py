"""Every model type that is listed is summarised, and every one that is not has a reason that is true."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

import pytest

from netscope.base.errors import NetscopeError, SourceError
from netscope.sources import resolve
from netscope.sources.common import installed

pytest.importorskip("transformers")

# Seconds that a summary may take, and the share of types that have to have one.
LIMIT = 20
SHARE = 0.98


def summarised(name: str, answer: Any) -> None:
    import netscope

    start = time.perf_counter()
    try:
        netscope.summary(name)
        answer.send((time.perf_counter() - start, ""))
    except NetscopeError as error:
        answer.send((time.perf_counter() - start, error.message))


def outcome(name: str) -> str:
    """What went wrong with it, in a process of its own; "" for nothing."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=summarised, args=(name, there))
    process.start()
    there.close()
    try:
        seconds, message = here.recv() if here.poll(2 * LIMIT) else (2 * LIMIT, "")
    except EOFError:
        seconds, message = 0.0, "the process ended"
    process.kill()
    process.join()
    return message or (f"{seconds:.0f} s" if seconds > LIMIT else "")


@pytest.mark.slow
def test_nearly_all_that_are_listed_are_summarised() -> None:
    import netscope

    netscope.summary("hf/bert")  # what all of them import
    names = installed.huggingface_names()
    wrong = {name: message for name in names if (message := outcome(name))}
    assert len(wrong) <= (1 - SHARE) * len(names), wrong


@pytest.mark.slow
@pytest.mark.parametrize("model_type", installed.WITHOUT_CALL)
def test_what_is_not_listed_cannot_be_summarised(model_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or only by running it for real, with all its weights, for longer than anybody waits."""
    monkeypatch.setattr("netscope.sources.huggingface.opening.without_call", lambda model_type: None)
    assert outcome(f"hf/{model_type}") != ""


@pytest.mark.parametrize("model_type", [*installed.WITHOUT_CALL, *installed.NEEDED_PACKAGES])
def test_what_is_not_listed_says_why_in_two_lines(model_type: str) -> None:
    if installed.without_call(model_type) is None:
        pytest.skip("its package is installed")
    assert f"hf/{model_type}" in installed.huggingface_types()
    assert f"hf/{model_type}" not in installed.huggingface_names()
    with pytest.raises(SourceError, match="has no call to trace") as caught:
        resolve(f"hf/{model_type}")
    assert caught.value.hint


def test_a_package_that_is_installed_makes_its_network_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "NEEDED_PACKAGES", {"bert": "torch"})
    assert installed.without_call("bert") is None
    monkeypatch.setattr(installed, "NEEDED_PACKAGES", {"bert": "no_such_package"})
    assert installed.without_call("bert") == ("it needs the package no_such_package", "no_such_package")
