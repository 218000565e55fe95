"""`netscope.models`: what can be named, and how a name is completed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import netscope
from netscope import SourceError
from netscope.api.models import completions, how_to_name
from netscope.api.reading import LISTED
from netscope.zoo.catalog import ZOO

ROOT = Path(__file__).parents[2]


def test_all_that_can_be_listed_the_zoo_first() -> None:
    found = netscope.models()
    assert found.names[: len(ZOO)] == tuple(ZOO)
    assert found.models[0].description == ZOO[found.names[0]].description
    assert len(set(found.names)) == len(found)
    assert {model.form for model in found} <= {form.form for form in LISTED if form.listed}
    assert "path/file.py:factory" in found.also
    assert "report.json" in found.also


def test_a_pattern_is_a_part_or_a_glob() -> None:
    assert netscope.models("zfn").names == ("zfnet", "zfnet_wide")
    assert netscope.models("zf*").names == ("zfnet", "zfnet_wide")
    assert "alexnet_224" not in netscope.models("*alexnet").names
    with pytest.raises(SourceError, match=r"no model's name has 'alexnext' in it\. Did you mean alexnet"):
        netscope.models("alexnext")


def test_completion_goes_by_prefix() -> None:
    assert list(completions("zf")) == ["zfnet", "zfnet_wide"]
    assert list(completions("torchv")) == ["torchvision/"]
    assert all(name.startswith("torchvision/vgg") for name in completions("torchvision/vgg"))


def test_help_has_every_form() -> None:
    assert how_to_name().count(", ") == len(LISTED) - 2
    assert all((form.example or form.form) in how_to_name() for form in LISTED)


TOY = '''
"""Source: toys."""

from functools import partial

from torch import nn

from netscope.base.workload import TensorSpec
from netscope.sources.common.blueprint import Blueprint, Call
from netscope.sources.common.source import Source


def open_model(name, options):
    return Blueprint(
        factory=partial(nn.Linear, 3, 5),
        source="toy",
        example=lambda module, batch: Call((TensorSpec((batch, 3)),)),
    )


SOURCES = (
    Source(
        title="toy",
        form="toy/NAME",
        description="toys",
        accepts=lambda name: name.startswith("toy/"),
        open=open_model,
        names=lambda: ("toy/duck",),
        describe=lambda name: "a duck",
    ),
)
'''


@pytest.mark.whole
def test_a_source_is_one_file(tmp_path: Path) -> None:
    """In a copy of the package: help, the list, completion, suggestions and every verb know it."""
    away = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "netscope", tmp_path / "netscope", ignore=away)
    source = TOY.replace("from torch import nn\n\n", "").replace(
        "    return Blueprint", "    from torch import nn\n\n    return Blueprint", 1
    )
    (tmp_path / "netscope" / "sources" / "toys.py").write_text(source)
    code = (
        "import sys, netscope\n"
        "from netscope.api.models import completions, how_to_name\n"
        "print(netscope.__file__)\n"
        "assert 'toy/NAME' in how_to_name()\n"
        "assert netscope.models('duck').models[0].description == 'a duck'\n"
        "assert list(completions('to')) == ['torchvision/', 'toy/']\n"
        "assert 'torch' not in sys.modules\n"
        "try: netscope.summary('duk')\n"
        "except netscope.SourceError as error: assert 'Did you mean toy/duck' in error.message, error\n"
        "assert netscope.summary('toy/duck', batch=2).params == 20\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path.resolve())) or done.stdout.startswith(str(tmp_path))
