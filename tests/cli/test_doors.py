"""The command as people meet it: a process with arguments, two streams and an exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netscope.cli import main

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]

NETS = """
import torch
from torch import nn

print("imported")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(9, 2)
    def forward(self, x):
        print("running")
        return self.second(self.first(x))

def boom():
    raise ValueError("no good")
"""


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `netscope` with these arguments, away from any terminal."""
    clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(
        [sys.executable, "-m", "netscope", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env={**clean, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
    )


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """A folder with a file of networks, one of which fails midway."""
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "prose.py").write_text("this is no python\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["summary", "alexnext"],
            3,
            "netscope: no model is named 'alexnext'. Did you mean alexnet, torchvision/alexnet or ",
        ),
        (
            ["summary", "lenet", "--input", "1xtwo"],
            2,
            (
                "netscope: cannot read the input '1xtwo'.\n"
                "          write sizes without the batch, as in --input 3x224x224 or --input ids=128:int64\n"
            ),
        ),
        (
            ["summary", "lenet", "--dtype", "f33"],
            2,
            "netscope: no dtype is named 'f33'.\n          use float32, ",
        ),
        (["summary", "lenet", "--batch", "-1"], 2, "netscope: a batch of -1 samples does not exist.\n"),
        (["summary", "lenet", "-k", "width"], 2, "netscope: cannot read the option 'width'.\n"),
        (
            ["summary", "lenet", "-k", "classes=3"],
            2,
            "netscope: lenet has no option 'classes'. Did you mean num_classes?\n",
        ),
        (["summary", "lenet", "--columns", "parms"], 2, "netscope: there is no column 'parms'.\n"),
        (["summary", "nets.py:boom"], 3, "netscope: nets.py:boom could not be built: ValueError: no good\n"),
        (["summary", "prose.py:Net"], 3, "netscope: prose.py is not Python (invalid syntax, line 1).\n"),
        (["summary", "absent.py:Net"], 3, "netscope: there is no file 'absent.py'.\n"),
        (["summary", "absent.json"], 3, "netscope: cannot read 'absent.json': No such file or directory.\n"),
        (
            ["summary", "absent.json", "--batch", "2"],
            2,
            "netscope: absent.json is a saved report, which has its input ",
        ),
        (
            ["summary", "lenet", "-o", "absent/lenet.csv"],
            3,
            "netscope: cannot write absent/lenet.csv: there is no folder absent.\n",
        ),
        (
            ["summary", "lenet", "--format", "xml"],
            2,
            "netscope: there is no format 'xml'.\n          formats: table, csv, csv_raw, html, json, ",
        ),
        (["summary", "lenet", "--inptu", "3"], 2, "netscope: no such option: --inptu"),
        (["summary"], 2, "netscope: missing argument 'model'"),
        (["sumary"], 2, "netscope: no such command 'sumary'."),
        (["models", "alexnext"], 3, "netscope: no model's name has 'alexnext' in it. Did you mean alexnet, "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_call_ends_in_one_or_two_lines(nets: Path, arguments: list[str], code: int, message: str):
    result = run(*arguments, cwd=nets)
    said = result.stderr.removeprefix("imported\n")
    assert said.casefold().startswith(message.casefold())
    assert said.count("\n") <= 2
    assert (result.returncode, result.stdout) == (code, "")


def test_a_wrong_channel_count_shows_the_rows_up_to_it():
    result = run("summary", "lenet", "--input", "3x28x28")
    assert result.returncode == 3
    assert "features.conv1" in result.stderr
    assert "Traceback" not in result.stderr
    assert "conv1" in result.stdout


def test_a_wrong_dtype_is_told_so():
    result = run("summary", "lenet", "--input", "1x28x28:int64")
    assert result.returncode == 3
    assert result.stderr.startswith("netscope: lenet: ")
    assert result.stderr.count("\n") <= 2


def test_a_forward_that_fails_midway_shows_what_ran(nets: Path):
    result = run("summary", "nets.py:Net", "--input", "8", cwd=nets)
    assert result.returncode == 3
    assert "first" in result.stdout
    assert "8×8 + 8" in result.stdout
    assert "netscope: nets.py:Net: the forward failed in second: " in result.stderr


def test_what_a_model_prints_is_not_data(nets: Path):
    result = run("summary", "nets.py:Net", "--input", "8", "--format", "csv", cwd=nets)
    assert "imported" in result.stderr
    assert "imported" not in result.stdout


def test_debug_shows_the_traceback(nets: Path):
    result = run("summary", "nets.py:boom", "--debug", cwd=nets)
    assert result.returncode == 3
    assert 'raise ValueError("no good")' in result.stderr
    assert result.stderr.endswith("netscope: nets.py:boom could not be built: ValueError: no good\n")


@pytest.mark.parametrize(
    ("model", "package", "extra"), [("timm/resnet18", "timm", "timm"), ("hf/bert", "transformers", "hf")]
)
def test_a_missing_extra_says_how_to_install_it(tmp_path: Path, model: str, package: str, extra: str):
    # A finder that stands first and knows nothing of the package, as if it were not installed.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.machinery as m\n"
        "find = m.PathFinder.find_spec\n"
        f"hide = lambda c, n, p=None, t=None: None if n == {package!r} else find(n, p, t)\n"
        "m.PathFinder.find_spec = classmethod(hide)\n"
    )
    result = run("summary", model, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert result.returncode == 3
    assert result.stderr == f"netscope: {model} needs {package}.\n          pip install 'netscope[{extra}]'\n"


def test_formats_and_files(tmp_path: Path):
    rows = list(csv.DictReader(io.StringIO(run("summary", "lenet", "--format", "csv").stdout)))
    conv = next(row for row in rows if row["path"] == "features.conv1")
    assert conv["params"] == "60"
    assert run("summary", "lenet", "-o", "lenet.json", cwd=tmp_path).stdout == ""
    assert json.loads((tmp_path / "lenet.json").read_text())["totals"]["params"] == 61_610
    again = run("summary", "lenet.json", "--format", "csv", cwd=tmp_path)
    assert list(csv.DictReader(io.StringIO(again.stdout))) == rows
    run("summary", "lenet", "-o", "lenet.md", cwd=tmp_path)
    assert (tmp_path / "lenet.md").read_text().count("\n|") > 8
    run("summary", "lenet", "-o", "lenet.md", "--format", "csv", cwd=tmp_path)
    assert (tmp_path / "lenet.md").read_text().startswith("schema_version,path,")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_closed_folder_is_told_so(tmp_path: Path):
    tmp_path.chmod(0o500)
    result = run("summary", "lenet", "-o", str(tmp_path / "x.csv"))
    assert (result.returncode, result.stderr) == (
        3,
        f"netscope: cannot write {tmp_path}/x.csv: permission denied.\n",
    )


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
@pytest.mark.parametrize("arguments", [["models"], ["summary", "lenet"], ["--help"]], ids=" ".join)
def test_a_closed_pipe_is_no_error(arguments: list[str]):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "netscope", *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interruption_exits_with_130(tmp_path: Path):
    (tmp_path / "slow.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "netscope", "summary", "slow.py:Net"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "netscope: interrupted.\n")


def test_colour_is_asked_for_and_refused():
    assert "\x1b[" not in run("summary", "lenet").stdout
    assert "\x1b[" in run("summary", "lenet", FORCE_COLOR="1").stdout
    assert "\x1b[" not in run("summary", "lenet", FORCE_COLOR="1", NO_COLOR="1").stdout


def test_an_ascii_stream_gets_ascii():
    result = run("summary", "lenet", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert result.returncode == 0
    assert result.stdout.isascii()


def test_version_help_and_columns():
    import netscope

    assert run("--version").stdout == f"netscope {netscope.__version__}\n"
    assert "summary" in run().stdout
    assert "--explain-columns" in run("summary", "--help").stdout
    assert "macs" in run("summary", "--explain-columns").stdout


def test_models_lists_what_can_be_named():
    names = run("models").stdout.split()
    assert names[:2] == ["alexnet", "alexnet_224"]
    assert {"torchvision/resnet50", "torchvision/quantized_resnet50"} <= set(names)
    assert run("models", "*alexnet").stdout.split() == ["alexnet", "torchvision/alexnet"]
    assert run("models", "zf*").stdout.split() == ["zfnet", "zfnet_wide"]
    listed = json.loads(run("models", "zfnet", "--format", "json").stdout)
    assert listed["models"][0] == {
        "name": "zfnet",
        "source": "zoo",
        "form": "NAME",
        "description": "Zeiler and Fergus 2013, figure 3",
    }
    rows = csv.DictReader(io.StringIO(run("models", "lenet", "--format", "csv").stdout))
    assert list(next(rows).values())[1:4] == ["lenet", "zoo", "NAME"]
    lines = run("models", "lenet", "--format", "markdown").stdout.splitlines()
    assert lines[0].startswith("#### zoo (")
    assert lines[4].startswith("| `lenet` | after LeCun")


def test_completion_knows_models_and_prefixes():
    words = {"_NETSCOPE_COMPLETE": "complete_bash", "COMP_CWORD": "2"}
    assert run(COMP_WORDS="netscope summary zf", **words).stdout.split() == ["zfnet", "zfnet_wide"]
    assert run(COMP_WORDS="netscope summary torchv", **words).stdout.split() == ["torchvision/"]
    found = run(COMP_WORDS="netscope summary torchvision/vit_b", **words).stdout.split()
    assert found == ["torchvision/vit_b_16", "torchvision/vit_b_32"]


# Every way by which something reaches standard output: typer's help, typer.echo, our own writing, a page.
SPEAKING = (["--help"], ["--version"], ["lint", "--list"], ["models"], ["summary", "lenet"])


def streams(arguments: list[str], redirections: str) -> subprocess.CompletedProcess[str]:
    """Run `netscope` with streams as a shell redirects them."""
    shell = f'exec "{sys.executable}" -m netscope "$@" {redirections}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_ACTIONS": ""}
    return subprocess.run(
        ["sh", "-c", shell, "sh", *arguments], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize("arguments", SPEAKING, ids=" ".join)
def test_a_full_disk_behind_standard_output_is_told_so(arguments: list[str]):
    done = streams(arguments, ">/dev/full")
    assert done.returncode == 3
    assert done.stderr == "netscope: cannot write to standard output: No space left on device.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
def test_a_full_disk_is_told_of_whatever_the_library_does_to_the_stream(monkeypatch: pytest.MonkeyPatch):
    """Typer tries a stream first, and writes to one of its own where the encoding is ASCII."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    assert streams(["--version"], ">/dev/full").returncode == 3


@pytest.mark.skipif(os.name != "posix", reason="streams as POSIX has them")
@pytest.mark.parametrize("arguments", SPEAKING[:2] + SPEAKING[3:4], ids=" ".join)
def test_a_closed_standard_output_is_told_so(arguments: list[str]):
    done = streams(arguments, ">&-")
    assert (done.returncode, done.stderr) == (3, "netscope: cannot write to standard output: it is closed.\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_standard_error_that_takes_nothing_changes_no_answer(redirection: str, nets: Path):
    done = streams(["summary", f"{nets}/nets.py:Net", "-i", "8"], redirection)
    assert done.returncode == 3  # of the forward, and not of what the model prints
    assert "8×8 + 8" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="streams as POSIX has them")
def test_a_closed_stream_is_no_file_that_is_opened_later(tmp_path: Path):
    """The lowest free descriptor is the next file's: what is written to standard output would be in it."""
    (tmp_path / "says.py").write_text(
        "import os\nfrom torch import nn\nlog = open('log', 'w')\nos.write(1, b'said')\nNet = nn.ReLU\n"
    )
    done = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -m netscope summary says.py:Net -i 8 -o x.csv <&- >&-'],
        cwd=tmp_path,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0
    assert (tmp_path / "log").read_text() == ""
    assert (tmp_path / "x.csv").read_text().startswith("schema_version")


# What a model's code may raise; without a class of ours it is what the name says.
RAISED = """
import sys
from torch import nn

class Base(BaseException): pass
class Stop(KeyboardInterrupt): pass
class Mute(Exception):
    def __str__(self): raise Base
    __repr__ = __str__

def base(): raise Base("odd")
def leave(): sys.exit("bye")
def leave_well(): sys.exit(0)
def stop(): raise Stop("now")
def generator(): raise GeneratorExit
def mute(): raise Mute
def newline(): raise ValueError("\\n\\n  the point\\nmore")
def long(): raise ValueError("x" * 1_000_000)
def escape(): raise ValueError("\\x1b[31mred\\x07\\u202e\\0\\ud800")
def interrupt(): raise KeyboardInterrupt

class Net(nn.Module):
    def __init__(self, raises):
        super().__init__()
        self.raises = raises
        self.fc = nn.Linear(4, 4)
    def forward(self, x):
        globals()[self.raises]()
"""
SAID = {
    "base": "Base: odd",
    "leave": "SystemExit: bye",
    "leave_well": "SystemExit: 0",
    "stop": "Stop: now",
    "generator": "GeneratorExit",
    "mute": "Mute: (its text cannot be had: Base)",
    "newline": "ValueError: the point",
    "long": f"ValueError: {'x' * 400}…",
    "escape": r"ValueError: \x1b[31mred\x07\u202e\x00\ud800",
}


@pytest.fixture
def raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raised.py").write_text(RAISED)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", SAID)
def test_whatever_a_factory_raises_is_its_failure(
    name: str, raised: None, capsys: pytest.CaptureFixture[str]
):
    assert main(["summary", f"raised.py:{name}"]) == 3
    assert capsys.readouterr() == ("", f"netscope: raised.py:{name} could not be built: {SAID[name]}\n")


@pytest.mark.parametrize("name", [name for name in SAID if True])
def test_whatever_a_forward_raises_is_its_failure(
    name: str, raised: None, capsys: pytest.CaptureFixture[str]
):
    assert main(["summary", "raised.py:Net", "-k", f"raises={name}", "-i", "4"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("netscope: raised.py:Net: the forward failed")
    assert said.endswith(f": {SAID[name]}\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", SAID)
def test_whatever_a_file_raises_is_its_failure(
    name: str, raised: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "ends.py").write_text(f"import raised\nraised.{name}()\n")
    for model, could in (("ends.py:f", "ends.py could not be run"), ("ends:f", "ends could not be imported")):
        assert main(["summary", model]) == 3
        assert capsys.readouterr() == ("", f"netscope: {could}: {SAID[name]}\n")
    for module in ("ends", "raised"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize(
    "call", [["raised.py:interrupt"], ["raised.py:Net", "-k", "raises=interrupt", "-i", "4"]], ids=" ".join
)
def test_an_interruption_is_none_of_these(call: list[str], raised: None, capsys: pytest.CaptureFixture[str]):
    assert main(["summary", *call]) == 130
    assert capsys.readouterr() == ("", "netscope: interrupted.\n")


def test_one_of_several_that_ends_the_process_leaves_the_others(
    raised: None, capsys: pytest.CaptureFixture[str]
):
    assert main(["compare", "lenet", "raised.py:base"]) == 3
    out, err = capsys.readouterr()
    assert "61,610" in out
    assert err == "netscope: raised.py:base could not be built: Base: odd\n"


def test_what_gets_past_everything_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fails(*arguments: object, **options: object) -> None:
        raise SystemExit("text")

    monkeypatch.setattr("netscope.api.models.models", fails)
    assert main(["models"]) == 3
    assert capsys.readouterr().err == (
        "netscope: SystemExit: text\n          this is a fault of the model's own; --debug shows where\n"
    )


LONG = "x" * 300
# A call, its exit code, and how its message begins and what it may not lack.
ODD: list[tuple[list[str], int, str]] = [
    (["summary", "lenet", "-o", f"{LONG}.csv"], 3, "cannot write xxx"),
    (["summary", "lenet", "-o", f"{LONG}/x.csv"], 3, "cannot write xxx"),
    (["summary", "lenet", "-o", "."], 3, "cannot write .: it is a folder."),
    (["summary", "lenet", "-o", "a\0b.csv"], 2, "invalid value for '--output' / '-o'"),
    (["summary", "lenet", "-o", "\ud800.csv"], 2, "invalid value for '--output' / '-o'"),
    (["check", "lenet", "--max", "params<1", "--junit", LONG], 3, "cannot write xxx"),
    (["profile", "lenet", "--trace", LONG], 3, "cannot write xxx"),
    (["summary", ""], 3, "no model is named ''."),
    (["summary", "--", "-x"], 3, "no model is named '-x'."),
    (["summary", "x" * 10_000], 3, "no model is named 'xxx"),
    (["summary", "\udcff\ud800"], 3, r"no model is named '\udcff\ud800'."),
    (["summary", "a\nb\x1b[31m"], 3, r"no model is named 'a\nb\x1b[31m'."),
    (["summary", "a\0b.py:f"], 3, r"there is no file 'a\x00b.py'."),
    (["summary", f"{LONG}.py:f"], 3, "there is no file 'xxx"),
    (["summary", f"{LONG}:f"], 3, "there is no module named 'xxx"),
    (["summary", "a/" * 3000 + "x.py:f"], 3, "there is no file 'a/a"),
    (["summary", "~nobody-of-that-name/x.py:f"], 3, "there is no file '~nobody"),
    (["summary", "a\0b.json"], 3, r"cannot read 'a\x00b.json': no file can have that name."),
    (["summary", f"{LONG}.json"], 3, "cannot read 'xxx"),
    (["summary", "x" * 5000 + "@a.py:f"], 3, "there is no revision 'xxx"),
    (["summary", "ma\ud800in@a.py:f"], 3, r"there is no revision 'ma\ud800in'."),
    (["models", "x" * 10_000], 3, "no model's name has 'xxx"),
    (["explain", "lenet", "x" * 10_000], 2, "'lenet' has no layer 'xxx"),
    (["\ud800"], 2, r"no such command '\ud800'."),
    (["summary", "lenet", "-i", "1x28x28:qint8"], 2, "no input can be made of qint8"),
    (["summary", "lenet", "-i", "1x28x28:int4"], 2, "no input can be made of int4"),
    (
        ["summary", "lenet", "-i", "input=1x28x28", "-i", "input=1x32x32"],
        2,
        "the input 'input' is given twice.",
    ),
    (["summary", "lenet", "-i", "1x28x" + "9" * 5000], 2, "no tensor can have a size of so many digits."),
    (["summary", "lenet", "-i", "1x28x" + "9" * 25], 2, "no tensor can have the sizes 1x1x28x9999"),
    (["summary", "lenet", "-b", "9" * 30], 2, "a batch of 9999"),
    (["summary", "lenet", "-b", "9" * 5000], 2, "invalid value for '--batch' / '-b'"),
    (["profile", "lenet", "-b", "9" * 5000], 2, "cannot read the batch '999"),
    (["profile", "lenet", "--threads", "100000"], 2, "100000 threads cannot compute."),
    (["profile", "lenet", "--device", ""], 2, "'' cannot be measured."),
    (["profile", "lenet", "--max-time", "inf"], 2, "the most time must be seconds, 0 or more, not inf."),
    (["summary", "lenet", "--depth", "-1"], 2, "the depth must be 0 or more, not -1."),
    (["check", "lenet", "--max", f"params={'9' * 5000}"], 2, "cannot read the limit 'params=999"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), ODD, ids=lambda value: f"{value!s:.40}")
def test_odd_values_end_in_one_or_two_short_lines(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    if "@" in arguments[-1]:
        subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.casefold().startswith(f"netscope: {message}".casefold())
    assert "fault of netscope" not in err
    assert err.count("\n") <= 2
    assert max(map(len, err.splitlines())) < 1100


def test_a_long_name_that_a_file_can_have_is_written(tmp_path: Path):
    path = tmp_path / ("\N{GRINNING FACE}" * 60 + ".csv")  # 244 bytes of the 255
    assert main(["summary", "tests/data/reports/2.json", "-o", str(path)]) == 0
    assert path.read_text().startswith("schema_version")


def test_a_number_alone_is_an_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "scaled.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x, by):\n        return x * by\n"
    )
    call = ["summary", f"{tmp_path}/scaled.py:Net", "-i", "8", "-i", "by=scalar:float32", "-b", "3"]
    assert main(call) == 0
    assert "inputs 3×8 float32, by scalar float32" in capsys.readouterr().out
    assert main(["summary", "--help"]) == 0
    assert "scalar for one number" in " ".join(capsys.readouterr().out.split())


def test_help_names_what_options_take():
    text = run("summary", "--help").stdout
    assert "--input SIZES" in text
    assert "--option KEY=VALUE" in text
    assert "<" not in text.partition("Options:")[2]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (".", "netscope: '.' is a folder, not a model.\n          write path/file.py:factory\n"),
        ("x" * 400, f"netscope: no model is named '{'x' * 400}'.\n"),
        ("hf/", "netscope: no model is named 'hf/'.\n"),
        ("torch.nn:Liner", "netscope: torch.nn has no 'Liner'. Did you mean Linear, "),
    ],
)
def test_odd_names_of_models(model: str, message: str):
    if model == "hf/":
        pytest.importorskip("transformers")
    done = run("summary", model, "--input", "8")
    assert done.returncode == 3
    assert done.stderr.startswith(message)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["summary", "alexnet", "--dtype"], "`netscope summary --help` shows how"),
        (["summary", "--top", "many", "alexnet"], "`netscope summary --help` shows how"),
        (["--dtype"], "`netscope --help` shows how"),
    ],
    ids=" ".join,
)
def test_the_hint_names_the_command_whose_help_helps(arguments: list[str], hint: str):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines()[1].strip() == hint
