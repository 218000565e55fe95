"""The pytest plugin: the fixture `netscope`, and golden files that `--netscope-update` writes.

    def test_net(netscope):
        netscope.assert_shapes(Net(), {"head": ("N", 10)}, input="3x32x32")
        netscope.assert_unchanged(Net(), input="3x32x32")

It is loaded by every run of pytest, so nothing but pytest is imported before a test asks for it.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from netscope.report.report import Report
    from netscope.testing.assertions import Model


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--netscope-update`."""
    parser.getgroup("netscope").addoption(
        "--netscope-update",
        action="store_true",
        help="Write the golden files of netscope.assert_unchanged anew.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start to keep account of golden files."""
    config.stash[_GOLDENS] = Goldens(config.getoption("--netscope-update"))


@pytest.fixture
def netscope(request: pytest.FixtureRequest) -> Netscope:
    """Assertions about networks: assert_shapes, _params, _macs, _budget and _unchanged."""
    return Netscope(request.node, request.config.stash[_GOLDENS])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note which tests there are, before -k and -m leave any out."""
    goldens = config.stash[_GOLDENS]
    if goldens.update and not any("::" in argument for argument in config.args):
        for item in items:
            goldens.tests.setdefault(item.path, set()).add(_name_of(item))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look for golden files that no test is left for. A worker of pytest-xdist tells it to its controller."""
    goldens = session.config.stash[_GOLDENS]
    if goldens.tests:
        from netscope.testing.golden import left_over

        goldens.left_over.update(map(str, left_over(goldens.tests)))
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["netscope"] = [sorted(goldens.written), sorted(goldens.left_over)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist did."""
    written, left_over = getattr(node, "workeroutput", {}).get("netscope", ((), ()))
    goldens = node.config.stash[_GOLDENS]
    goldens.written.update(written)
    goldens.left_over.update(left_over)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which golden files were written, and which belong to no test any more."""
    goldens = config.stash[_GOLDENS]
    told = {"written": goldens.written, "left over, no test has them": goldens.left_over}
    if goldens.update and any(told.values()):
        terminalreporter.section("netscope golden files")
        for what, paths in told.items():
            for path in sorted(paths):
                terminalreporter.line(f"{what}: {_seen(config, Path(path))}")


class Netscope:
    """Those of `netscope.testing`, and one that needs to know its test."""

    def __init__(self, test: pytest.Item, goldens: Goldens) -> None:
        self._test = test
        self._goldens = goldens
        self._used: set[str] = set()

    def assert_shapes(self, *args: Any, **kwargs: Any) -> None:
        """As `netscope.testing.assert_shapes`."""
        __tracebackhide__ = True
        from netscope import testing

        testing.assert_shapes(*args, **kwargs)

    def assert_params(self, *args: Any, **kwargs: Any) -> None:
        """As `netscope.testing.assert_params`."""
        __tracebackhide__ = True
        from netscope import testing

        testing.assert_params(*args, **kwargs)

    def assert_macs(self, *args: Any, **kwargs: Any) -> None:
        """As `netscope.testing.assert_macs`."""
        __tracebackhide__ = True
        from netscope import testing

        testing.assert_macs(*args, **kwargs)

    def assert_budget(self, *args: Any, **kwargs: Any) -> None:
        """As `netscope.testing.assert_budget`."""
        __tracebackhide__ = True
        from netscope import testing

        testing.assert_budget(*args, **kwargs)

    def assert_unchanged(self, model: Model, *, name: str = "", **summary: Any) -> None:
        """Check that a network is as its golden file has it: structure, shapes and all figures.

        The file is `__netscope__/<test file>/<test>.json` beside the test; `--netscope-update` writes it.
        Times, versions and the way of tracing may differ. A forward that failed is not as before, whatever
        the file says; of work that no trace saw a warning tells.

        Args:
            model: a module, a name or a Report.
            name: tells several calls in one test apart; they are numbered without it.
            summary: arguments of `netscope.summary` (input, args, kwargs, batch, dtype, train).
        """
        __tracebackhide__ = True
        from netscope.testing import golden, report_of

        path = golden.path_of(self._test.path, _name_of(self._test), self._label(name))
        report = report_of(model, summary)
        problem, remedy = self._compare(path, report)
        if not report.whole and not problem:
            from netscope.show.words import partial

            text = f"{report.name} is as in its golden file, which is partial: {partial(report)}"
            self._test.warn(pytest.PytestWarning(text))
        if problem:
            command = shlex.join(["pytest", self._test.nodeid, "--netscope-update"])
            pytest.fail(f"{problem}\n{remedy}: {command}" if remedy else problem, pytrace=False)

    def _compare(self, path: Path, report: Report) -> tuple[str, str]:
        """What is wrong, and what `--netscope-update` would do about it; "" for nothing."""
        from netscope.base.errors import StoreError
        from netscope.testing import golden

        if report.error is not None:
            from netscope.show.words import failure

            return f"{report.name} is no golden file's: its forward failed, {failure(report)}", ""
        seen = _seen(self._test.config, path)
        try:
            if self._goldens.update:
                self._goldens.renew(path, report)
                return "", ""
            if not path.exists():
                return f"there is no golden file {seen}.", "write it"
            changed = golden.changes(path, report)
        except StoreError as error:
            return error.message, "" if self._goldens.update else "write it anew"
        if changed is None:
            return "", ""
        return f"{report.name} is not as in {seen}:\n\n{changed}\n", "accept it"

    def _label(self, name: str) -> str:
        label = name or (str(len(self._used) + 1) if self._used else "")
        if label in self._used:
            raise ValueError(f"name={label!r} is used twice in this test")
        self._used.add(label)
        return label


def _name_of(test: pytest.Item) -> str:
    """ "TestNet.test_it[3]": what a test is called in its file."""
    return test.nodeid.partition("::")[2].replace("::", ".")


def _seen(config: pytest.Config, path: Path) -> str:
    """The path as pytest writes paths: from its root."""
    return str(path.relative_to(config.rootpath)) if path.is_relative_to(config.rootpath) else str(path)


class Goldens:
    """What became of golden files in this run."""

    def __init__(self, update: bool) -> None:
        self.update = update
        self.tests: dict[Path, set[str]] = {}
        self.written: set[str] = set()
        self.left_over: set[str] = set()

    def renew(self, path: Path, report: Report) -> None:
        """Write the file, unless it says the same already."""
        from netscope.base.errors import StoreError
        from netscope.testing import golden

        try:
            if path.exists() and golden.changes(path, report) is None:
                return
        except StoreError:  # it is to be replaced, whatever is wrong with it
            pass
        golden.write(path, report)
        self.written.add(str(path))


_GOLDENS: pytest.StashKey[Goldens] = pytest.StashKey()
