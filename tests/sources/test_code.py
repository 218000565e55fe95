"""Networks from the user's own files and modules."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from netscope.base.errors import SourceError, UsageError
from netscope.base.workload import TensorSpec
from netscope.sources import resolve

NETS = '''
import torch
from torch import nn
from netscope import Workload, TensorSpec
from neighbour import WIDTH
from .neighbour import WIDTH as SAME

class Net(nn.Module):
    """A net of one layer.

    More about it.
    """
    def __init__(self, width=WIDTH):
        super().__init__()
        self.layer = nn.Linear(8, width)
    def forward(self, x):
        return self.layer(x)

def pair():
    return Net(), (torch.zeros(2, 8),)

def triple():
    return Net(), [torch.zeros(2, 8)], {}

def workload():
    return Workload("mine", Net(), (TensorSpec((4, 8)),), description="my own line")

def boom():
    raise ValueError("no good\\nsecond line")

def leave():
    raise SystemExit(3)

def number():
    return 3

built = Net()
VALUE = 3
'''


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """A file of factories with a neighbour that it imports."""
    (tmp_path / "neighbour.py").write_text("WIDTH = 5\n")
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    return path


def test_a_class_is_a_factory_and_takes_options(nets: Path):
    workload = resolve(f"{nets}:Net", input="8", batch=3, options={"width": 6})
    assert workload.module.layer.weight.shape == (6, 8)
    assert workload.module.layer.weight.is_meta
    assert workload.args == (TensorSpec((3, 8)),)
    assert (workload.source, workload.description) == ("python", "A net of one layer")


@pytest.mark.parametrize("factory", ["pair", "triple"])
def test_a_factory_may_bring_its_arguments(nets: Path, factory: str):
    workload = resolve(f"{nets}:{factory}")
    assert workload.args[0].shape == (2, 8)
    assert workload.kwargs == {}


def test_a_factory_may_return_a_workload(nets: Path):
    workload = resolve(f"{nets}:workload")
    assert workload.args == (TensorSpec((4, 8)),)
    assert workload.description == "my own line"
    assert workload.name == f"{nets}:workload"


def test_a_built_network_is_taken_as_it_is_and_never_written_to(nets: Path):
    workload = resolve(f"{nets}:built", input="8", dtype="bf16")
    assert workload.module.layer.weight.dtype == torch.bfloat16
    with pytest.raises(UsageError, match="built network"):
        resolve(f"{nets}:built", input="8", options={"width": 3})


def test_rebuilding_gives_real_weights(nets: Path):
    rebuild = resolve(f"{nets}:Net", input="8", dtype="float64").rebuild
    assert rebuild is not None
    weight = rebuild().get_parameter("layer.weight")
    assert weight.dtype == torch.float64
    assert weight.abs().sum() > 0


def test_the_process_is_as_before(nets: Path):
    modules, path = set(sys.modules), list(sys.path)
    resolve(f"{nets}:Net", input="8")
    with pytest.raises(SourceError):
        resolve(f"{nets}:boom")
    assert set(sys.modules) == modules
    assert sys.path == path


def test_two_files_of_one_name_have_each_their_own_neighbours(tmp_path: Path):
    widths = []
    for width in (3, 4):
        folder = tmp_path / str(width)
        folder.mkdir()
        (folder / "neighbour.py").write_text(f"WIDTH = {width}\n")
        (folder / "nets.py").write_text(NETS)
        module = resolve(f"{folder / 'nets.py'}:Net", input="8").module
        widths.append(module.get_parameter("layer.weight").shape[0])
    assert widths == [3, 4]


def test_an_error_in_a_factory_is_one_line_with_its_cause(nets: Path):
    with pytest.raises(SourceError, match=r"boom could not be built: ValueError: no good$") as caught:
        resolve(f"{nets}:boom")
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(SourceError, match="leave could not be built: SystemExit: 3"):
        resolve(f"{nets}:leave")


def test_what_is_no_network_is_told_so(nets: Path):
    with pytest.raises(SourceError, match="returned an int, which is no network"):
        resolve(f"{nets}:number")
    with pytest.raises(SourceError, match="is an int, which builds no network"):
        resolve(f"{nets}:VALUE")


def test_a_wrong_factory_is_answered_with_the_right_ones(nets: Path):
    with pytest.raises(SourceError, match=r"has no 'piar'\. Did you mean pair\?") as caught:
        resolve(f"{nets}:piar")
    assert caught.value.hint == "it has Net, pair, triple, workload, boom, leave, number"
    with pytest.raises(UsageError, match="needs the name of a factory"):
        resolve(str(nets))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"this is no python\n", r"is not Python \(invalid syntax, line 1\)"),
        (b"\x00\x01", r"is not Python \("),
        (b"caf\xe9 = 1\n", r"is not Python \("),
        (
            b"import no_such_module\n",
            "could not be run: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (b"1 / 0\n", "could not be run: ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_cannot_be_run(tmp_path: Path, content: bytes, says: str):
    path = tmp_path / "file.py"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says):
        resolve(f"{path}:x")


def test_a_missing_file_and_a_missing_module():
    with pytest.raises(SourceError, match=r"there is no file 'no/such.py'"):
        resolve("no/such.py:x")
    with pytest.raises(SourceError, match="there is no module named 'no_such_package'"):
        resolve("no_such_package.models:x")
    with pytest.raises(UsageError, match="is no module name"):
        resolve("no-such-package:x")


def test_an_importable_module_and_a_nested_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "own_package_for_tests.py").write_text(
        "from torch import nn\nclass Outer:\n    class Inner(nn.Identity): pass\n"
    )
    monkeypatch.chdir(tmp_path)
    workload = resolve("own_package_for_tests:Outer.Inner", input="3")
    assert type(workload.module).__name__ == "Inner"
    assert isinstance(resolve("torch.nn:Identity", input="3").module, nn.Identity)
    del sys.modules["own_package_for_tests"]
