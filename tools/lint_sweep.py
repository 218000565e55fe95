"""What lint finds in every network of timm: `python -m tools.lint_sweep [--fresh] [--only-report]`.

Each network is asked for by its name, with its own input. What was found goes to `.cache/lint_sweep.jsonl`, a
line a network, so that a sweep that was broken off goes on where it was. `reports/lint.md` then has the
counts, and a sample of what is not information: so many findings, of different networks as far as there are
enough, drawn by a fixed seed. Whether each of them is true somebody has to judge, by hand: judgements live in
`lint_judged.json` beside this file. The exit code is 1 while one is missing, or says that a finding is false.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
REPORT: Final = ROOT / "reports" / "lint.md"
RESULTS: Final = ROOT / ".cache" / "lint_sweep.jsonl"
JUDGED: Final = Path(__file__).with_name("lint_judged.json")

SAMPLE: Final = 60
SEED: Final = 12

# One network's line: "model", "seconds", "error" or "findings" and "pads".
Result = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweep what has not been swept, and write the report; 1 when a judgement is missing or unkind."""
    parser = argparse.ArgumentParser(prog="python -m tools.lint_sweep", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="forget what was found before")
    parser.add_argument("--only-report", action="store_true", help="of what has been swept")
    asked = parser.parse_args(arguments)
    if asked.fresh:
        RESULTS.unlink(missing_ok=True)
    if not asked.only_report:
        sweep(RESULTS)
    results = read(RESULTS)
    judged = {tuple(one["finding"]): one for one in json.loads(JUDGED.read_text(encoding="utf-8"))}
    drawn = sample(results)
    REPORT.write_text(text(results, drawn, judged, environment()), encoding="utf-8")
    missing = [finding for finding in drawn if finding not in judged]
    false = [finding for finding in drawn if finding in judged and not judged[finding]["true"]]
    for what, findings in (("not judged", missing), ("false", false)):
        for finding in findings:
            print(f"{what}: {' '.join(finding)}", file=sys.stderr)
    return int(bool(missing or false))


def sweep(path: Path) -> None:
    """Lint every network that has no line yet."""
    import timm

    path.parent.mkdir(exist_ok=True)
    names = timm.list_models()
    done = {result["model"] for result in read(path)}
    with path.open("a", encoding="utf-8") as file:
        for number, name in enumerate(names, 1):
            if name in done:
                continue
            file.write(json.dumps(lint(name)) + "\n")
            file.flush()
            print(f"{number} of {len(names)}: {name}", flush=True)


def lint(name: str) -> dict[str, Any]:
    """One network's line."""
    import netscope

    started = time.perf_counter()
    result: dict[str, Any] = {"model": name}
    try:
        found = netscope.lint(f"timm/{name}")
        ops = () if found.report.facts is None else found.report.facts.ops
        result["pads"] = any("_pad" in op.operator.name for op in ops)
        result["findings"] = [[one.code, one.severity, one.path, one.message] for one in found]
    except Exception as error:  # noqa: BLE001 - one network that cannot be had is a line of the report
        result["error"] = f"{type(error).__name__}: {error}"
    result["seconds"] = round(time.perf_counter() - started, 2)
    return result


def read(path: Path) -> list[Result]:
    """What has been swept; a line that was cut off when the process ended is none."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def sample(results: Iterable[Result]) -> list[tuple[str, str, str]]:
    """(model, code, path) of warnings and errors: one of each network before a second of any."""
    chance = random.Random(SEED)  # noqa: S311 - the same draw each time is what is wanted
    waiting = []
    for result in sorted(results, key=lambda result: str(result["model"])):
        found = [
            (str(result["model"]), str(code), str(path))
            for code, severity, path, _ in result.get("findings", ())
            if severity != "info"
        ]
        chance.shuffle(found)
        if found:
            waiting.append(found)
    drawn: list[tuple[str, str, str]] = []
    while waiting and len(drawn) < SAMPLE:
        chance.shuffle(waiting)
        drawn += [found.pop() for found in waiting[: SAMPLE - len(drawn)]]
        waiting = [found for found in waiting if found]
    return sorted(drawn)


def environment() -> str:
    """The versions that the counts are of."""
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("timm", "torch"))


def text(
    results: Sequence[Result],
    drawn: Sequence[tuple[str, str, str]],
    judged: Mapping[tuple[str, ...], Mapping[str, Any]],
    versions: str,
) -> str:
    """The report."""
    from netscope.answers.lint import registered

    counts: Counter[tuple[str, str]] = Counter()
    networks: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for result in results:
        for code, severity, _, _ in result.get("findings", ()):
            counts[code, severity] += 1
            networks[code, severity].add(result["model"])
    padding = [result for result in results if result.get("pads")]
    unread = sum(any(one[0] == "NS101" for one in result["findings"]) for result in padding)
    failed = [result for result in results if "error" in result]
    seconds = sum(result["seconds"] for result in results)
    swept = (
        f"{len(results):,} networks in {seconds:.0f} s; {len(failed)} could not be had. {len(padding)} pad in"
        f" their forward, by an operator of its own; NS101 is said of {unread} of these."
    )
    lines = [
        "# Lint on every network of timm",
        "",
        f"Made by `make lint-sweep`, with {versions}: each by its name, with its own input.",
        "",
        swept,
        "",
        "| code | check | severity | findings | networks |",
        "| --- | --- | --- | ---: | ---: |",
    ]
    for check in registered():
        found = [key for key in sorted(counts) if key[0] == check.code] or [(check.code, check.severity)]
        lines += [
            f"| {check.code} | {check.name} | {severity} | {counts[code, severity]:,}"
            f" | {len(networks[code, severity])} |"
            for code, severity in found
        ]
    if failed:
        lines += ["", "Not had:", "", *(f"- `{one['model']}`: {one['error']}" for one in failed)]
    said = [finding for finding in drawn if finding in judged]
    true = sum(bool(judged[finding]["true"]) for finding in said)
    failing = sum(n for (_, severity), n in counts.items() if severity != "info")
    draw = (
        f"{len(drawn)} of the {failing:,} warnings and errors, one of each network before a second of any, by"
        f" seed {SEED}: {true} true, {len(said) - true} false, {len(drawn) - len(said)} not judged."
    )
    lines += [
        "",
        "## A sample, judged by hand",
        "",
        draw,
        "",
        "| network | code | layer | judged | why |",
        "| --- | --- | --- | --- | --- |",
    ]
    for model, code, path in drawn:
        one = judged.get((model, code, path))
        verdict = "not judged" if one is None else "true" if one["true"] else "false"
        lines.append(f"| {model} | {code} | `{path}` | {verdict} | {'' if one is None else one['why']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
