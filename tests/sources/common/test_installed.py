"""The names that are read from the libraries' files are those that the libraries have."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netscope.sources.common import installed


def test_torchvision():
    models = pytest.importorskip("torchvision.models")
    assert set(installed.torchvision_names()) == {f"torchvision/{name}" for name in models.list_models()}


def test_timm():
    timm = pytest.importorskip("timm")
    assert set(installed.timm_names()) == {f"timm/{name}" for name in timm.list_models()}


def test_transformers():
    auto = pytest.importorskip("transformers.models.auto.configuration_auto")
    assert installed.huggingface_types() == tuple(sorted(f"hf/{name}" for name in auto.CONFIG_MAPPING_NAMES))


def test_transformers_networks_are_those_that_a_type_alone_leads_to():
    modeling = pytest.importorskip("transformers.models.auto.modeling_auto")
    tables = [getattr(modeling, name, {}) for name in installed.HEADS]
    assert sum(map(bool, tables)) > 9
    built = [t for t in installed.huggingface_types() if any(t[3:] in table for table in tables)]
    expected = [t for t in built if installed.without_call(t[3:]) is None]
    assert set(built) - set(expected) <= {
        f"hf/{t}" for t in installed.WITHOUT_CALL | installed.NEEDED_PACKAGES
    }
    assert list(installed.huggingface_names()) == expected
    assert {"hf/bert", "hf/llama", "hf/whisper", "hf/vit"} <= set(expected)


def test_a_library_that_is_missing_has_no_names():
    assert installed._registered("no_such_library", "*.py") == ()
    assert installed.package_folder("no_such_library") is None


def test_listing_imports_none_of_them():
    code = (
        "import sys; from netscope.sources import SOURCES\n"
        "print(sum(len(list(source.names())) for source in SOURCES) > 5)\n"
        "print([m for m in ('torch', 'torchvision', 'timm', 'transformers') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == ["True", "[]"]
