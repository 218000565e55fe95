"""What a report says of where it was made."""

from __future__ import annotations

import platform

import torch

import netscope
from netscope.base.environment import environment


def test_versions_and_machine_are_text():
    facts = environment()
    assert facts["netscope"] == netscope.__version__
    assert facts["python"] == platform.python_version()
    assert facts["torch"] == torch.__version__
    assert "thread" in facts["cpu"]
    assert all(isinstance(value, str) and value for value in facts.values())


def test_a_library_that_took_no_part_is_not_named(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "timm", raising=False)
    assert "timm" not in environment()
