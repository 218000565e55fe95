"""What the page of a network weighs and how quickly it answers: `python -m tools.page_report`.

Pages are written by the command line in processes of their own, and opened in headless Chromium. A click is
timed in the page, from before it is pressed until what it changed has been painted. torchvista's page and
Netron's of the same networks stand beside them where both can be imported (`--peers FOLDER` adds a place to
look). `reports/pages.md` has the medians.
"""

from __future__ import annotations

import argparse
import importlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from netscope.base import units
from tools.chromium import browser

ROOT: Final = Path(__file__).resolve().parents[1]
REPORT: Final = ROOT / "reports" / "pages.md"
ROUNDS: Final = 5

# Of widths so that hardly two layers are alike: 2,250 steps of eight modules and two operators each, and
# 13,400 layers with 6,700 operators between them, all in one module.
LARGE: Final = textwrap.dedent(
    """\
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm = nn.LayerNorm(width)
            self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

        def forward(self, x):
            return x + self.down(torch.relu(self.up(self.norm(x))))


    class Large(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [4 + (7 * number) % 13 for number in range(2251)]
            self.steps = nn.ModuleList(
                nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.LayerNorm(b), Block(b))
                for a, b in zip(widths, widths[1:])
            )

        def forward(self, x):
            for step in self.steps:
                x = step(x)
            return x


    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [4 + (7 * number) % 13 for number in range(13401)]
            self.steps = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

        def forward(self, x):
            for number, step in enumerate(self.steps):
                x = torch.relu(step(x)) if number % 2 else step(x)
            return x


    def large():
        return Large()


    def flat():
        return Flat()
    """
)


class Case(NamedTuple):
    """A network: what is typed to have its page, and the most that the page may weigh."""

    name: str
    typed: tuple[str, ...]
    most: int


CASES: Final = (
    Case("ResNet-50", ("torchvision/resnet50",), 1_000_000),
    Case(
        "llama-3 8B, 2,048 tokens",
        (
            *("hf/llama", "--input", "2048", "-k", "intermediate_size=14336", "-k", "num_key_value_heads=8"),
            *("-k", "vocab_size=128256"),
        ),
        2_000_000,
    ),
    Case("20,000 layers", ("LARGE:large", "--input", "4"), 12_000_000),
    Case("20,000 boxes in one", ("LARGE:flat", "--input", "4"), 12_000_000),
)

# Presses what is found and waits until it is on the screen; milliseconds.
_PRESS: Final = """
async ([selector, kind]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const found = document.querySelector(selector);
  if (!found) return null;
  await frame();
  const before = performance.now();
  if (kind === "type") {
    found.value = "99";
    found.dispatchEvent(new Event("input", { bubbles: true }));
  } else {
    found.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  }
  await frame();
  await frame();
  return performance.now() - before;
}
"""
# Milliseconds from the navigation to the page that can be used.
_READY: Final = """
new MutationObserver((_, observer) => {
  if (document.documentElement && "ready" in document.documentElement.dataset) {
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => { window.readyAt = performance.now(); }));
  }
}).observe(document, { attributes: true, subtree: true });
"""
_WHEN: Final = """
() => new Promise((told) => {
  const look = () => (window.readyAt ? told(window.readyAt) : requestAnimationFrame(look));
  look();
})
"""
PRESSED: Final = {
    "sort": (".layers thead th:nth-child(5) button", "click"),
    "filter the table": (".layers input[type=search]", "type"),
    "find in the picture": (".network input[type=search]", "type"),
    "open a group": (".network .boxes [aria-expanded=false]", "click"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the report; 1 when a page weighs too much."""
    parser = argparse.ArgumentParser(prog="python -m tools.page_report", description=__doc__)
    parser.add_argument("--peers", help="a folder with torchvista and netron, and what they need")
    asked = parser.parse_args(arguments)
    if asked.peers:
        sys.path.append(asked.peers)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measured(case, Path(folder)) for case in CASES]
        peers = peers_measured(Path(folder))
    REPORT.write_text(text(rows, peers), encoding="utf-8")
    return int(any(row["bytes"] > row["most"] for row in rows))


def measured(case: Case, folder: Path) -> dict[str, Any]:
    """A page written, opened and used."""
    (folder / "large.py").write_text(LARGE, encoding="utf-8")
    typed = [word.replace("LARGE", str(folder / "large.py")) for word in case.typed]
    path = folder / "page.html"
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "netscope", "summary", *typed, "-o", str(path)], check=True, cwd=ROOT
    )
    row: dict[str, Any] = {
        "name": case.name,
        "most": case.most,
        "written": time.perf_counter() - started,
        "bytes": path.stat().st_size,
    }
    rounds: list[dict[str, float]] = []
    with browser() as chromium:
        for _ in range(ROUNDS):
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.add_init_script(_READY)
            page.goto(path.as_uri())
            times = {"open": page.evaluate(_WHEN)}
            for what, (selector, kind) in PRESSED.items():
                times[what] = page.evaluate(_PRESS, [selector, kind])
            rounds.append(times)
            page.close()
    for what in rounds[0]:
        found = [one[what] for one in rounds]
        row[what] = None if None in found else statistics.median(found)
    print(json.dumps(row), flush=True)
    return row


# Peers, as far as they are here


def peers_measured(folder: Path) -> list[dict[str, Any]]:
    """Their pages of the same networks, opened in the same browser."""
    import torch
    import torchvision

    sys.path.append(str(folder))
    large = importlib.import_module("large").large
    networks = {
        "ResNet-50": (torchvision.models.resnet50(weights=None), torch.randn(1, 3, 224, 224)),
        "20,000 layers": (large(), torch.randn(1, 4)),
    }
    rows = []
    for peer in (torchvista_page, netron_page):
        for name, (model, x) in networks.items():
            row: dict[str, Any] = {"peer": peer.__name__.removesuffix("_page"), "name": name}
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    row |= peer(model.eval(), x, folder)
            except ImportError:
                continue
            except Exception as error:  # noqa: BLE001 - it is a result
                row["error"] = f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


# Seconds that a peer's page is waited for.
PATIENCE: Final = 120


def opened(address: str, selector: str, consent: str | None = None) -> float:
    """Milliseconds until what is looked for is there, the median of three.

    Args:
        consent: what has to be pressed before the page does anything; the time begins then.
    """
    times = []
    with browser() as chromium:
        for _ in range(3):
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address)
            begun = _when(page, f"{_found(consent)}.click(), performance.now()", consent) if consent else 0.0
            times.append(_when(page, "performance.now()", selector) - begun)
            page.close()
    return statistics.median(times)


def _when(page: Any, then: str, selector: str) -> float:
    """What an expression is worth once something is found."""
    # Asked by the debugger: Netron takes `eval` from its page.
    debugger = page.context.new_cdp_session(page)
    asked = {"expression": f"{_found(selector)} ? ({then}) : 0"}
    until = time.monotonic() + PATIENCE
    while not (seen := debugger.send("Runtime.evaluate", asked)["result"]["value"]):
        if time.monotonic() > until:
            raise TimeoutError(f"nothing after {PATIENCE} s")
        time.sleep(0.005)
    return float(seen)


def _found(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"


def torchvista_page(model: Any, x: Any, folder: Path) -> dict[str, Any]:
    """torchvista's, all modules closed at first."""
    torchvista = importlib.import_module("torchvista")
    path = folder / "torchvista.html"
    started = time.perf_counter()
    torchvista.trace_model(model, x, export_format="html", export_path=str(path))
    written = time.perf_counter() - started
    return {
        "written": written,
        "bytes": path.stat().st_size,
        "open": opened(path.as_uri(), "svg g[class^=boundary-box], svg rect"),
    }


# What Netron asks before it opens anything.
_CONSENT: Final = ".notification #message-button"


def netron_page(model: Any, x: Any, folder: Path) -> dict[str, Any]:
    """Netron's, from its own server, of what torch.export saved."""
    import torch

    netron = importlib.import_module("netron")
    path = folder / "exported.pt2"
    started = time.perf_counter()
    with torch.no_grad():
        torch.export.save(torch.export.export(model, (x,)), path)
    written = time.perf_counter() - started
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    netron.start(str(path), address=("127.0.0.1", port), browse=False)
    try:
        return {
            "written": written,
            "bytes": path.stat().st_size,
            "open": opened(f"http://127.0.0.1:{port}", "body.default svg g.clusters", _CONSENT),
        }
    finally:
        netron.stop(("127.0.0.1", port))


# The report


def text(rows: Sequence[dict[str, Any]], peers: Sequence[dict[str, Any]]) -> str:
    """The report."""
    timed = ["open", *PRESSED]
    lines = [
        "# The page of a network",
        "",
        "Written by `make page-report`. Pages of `netscope summary MODEL -o page.html`, written by a process",
        "of its own (imports, trace and layout in it), opened in headless Chromium, 1280 by 900; medians of",
        f"{ROUNDS}.",
        "",
        f"| network | written in | weighs | at most | {' | '.join(timed)} |",
        f"|---|---:|---:|---:|{'---:|' * len(timed)}",
    ]
    for row in rows:
        cells = [row["name"], units.seconds(row["written"]), weight(row["bytes"]), weight(row["most"])]
        cells += ["" if row[what] is None else units.seconds(row[what] / 1000) for what in timed]
        lines.append(f"| {' | '.join(cells)} |")
    if peers:
        lines += [
            "",
            "## Beside others",
            "",
            "Until the first box is there, the median of three. torchvista writes a page, modules closed;",
            "Netron reads what `torch.export` saved, from a server of its own, once its question about",
            "cookies is answered.",
            "",
            "| peer | network | written in | weighs | open |",
            "|---|---|---:|---:|---:|",
        ]
        for row in peers:
            cells = [row["peer"], row["name"]]
            if "error" in row:
                cells += ["", "", row["error"]]
            else:
                cells += [
                    units.seconds(row["written"]),
                    weight(row["bytes"]),
                    units.seconds(row["open"] / 1000),
                ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def weight(count: int) -> str:
    """Bytes as millions of them."""
    return f"{count / 1e6:.2f} MB"


if __name__ == "__main__":
    sys.exit(main())
