"""What was measured: lines of JSON that are appended as they come, and the file of the report.

A network's last line counts. What another state of netscope's source or another version of a library said is
not this one's result: `Results.has`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = ROOT / "build" / "coverage" / "RESULTS.jsonl"
REPORT: Final = ROOT / "reports" / "coverage.json"

# One network or one family, as the report has it.
Record = dict[str, Any]


def state() -> str:
    """netscope's source, by its content: a commit that changes something else leaves results as they are."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "netscope").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


class Results:
    """The lines of a file; the newest of each network and of each family."""

    def __init__(self, path: Path = RESULTS) -> None:
        self.path = path
        self.networks: dict[str, Record] = {}
        self.families: dict[str, Record] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):  # one that was being written when the run was ended
                    self._take(json.loads(line))

    def add(self, record: Record) -> None:
        """Append a line at once: the next network may take the machine down."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
            cut_off = size and file.read(1) != b"\n"
            file.write((b"\n" if cut_off else b"") + json.dumps(record).encode() + b"\n")
        self._take(record)

    def _take(self, record: Record) -> None:
        if "name" in record:
            self.networks[key(record)] = record
        else:
            self.families[record["family"]] = record

    def has(self, family: str, name: str, state: str | None, version: str, again: bool) -> bool:
        """Whether there is nothing to do for it.

        state:
            of netscope; None takes any.
        again:
            whether failures are to be tried again.
        """
        found = self.networks.get(f"{family}/{name}")
        if found is None or found["version"] != version or state not in (None, found["state"]):
            return False
        return not (again and failed(found))


def key(record: Record) -> str:
    """A network's name, with its family's: "timm/resnet50"."""
    return f"{record['family']}/{record['name']}"


def failed(record: Record) -> bool:
    """Whether it was not summarised, or an oracle could not say anything."""
    said = record.get("oracles", {}).values()
    return "failed" in record or any(opinion["agreement"] == "silent" for opinion in said)


def document(
    results: Results, titles: Iterable[str], unfit: dict[str, str], versions: dict[str, str]
) -> Record:
    """All that the report is made of.

    A network that its library does not list any more, or that was measured at another version, is not there.
    """
    families, networks = [], []
    for title in titles:
        family = results.families.get(title)
        if family is None:
            continue
        found = [
            record
            for record in results.networks.values()
            if record["family"] == title and record["version"] == family.get("version")
        ]
        if "names" in family:
            listed = set(family["names"])
            found = [record for record in found if record["name"] in listed]
        left = len(family.get("names", ())) - len(found)
        about = {"title": title, "version": family.get("version", ""), "error": family.get("error", "")}
        families.append({key: value for key, value in (*about.items(), ("left", left)) if value})
        networks += sorted(found, key=lambda record: str(record["name"]))
    states = sorted({record["state"] for record in networks})
    kept = [
        {key: value for key, value in record.items() if key not in ("state", "version")}
        for record in networks
    ]
    return {"versions": versions, "states": states, "families": families, "unfit": unfit, "networks": kept}


def text_of(document: Record) -> str:
    """As JSON, a network a line, so that a change of one is a line of the difference."""
    head = {key: value for key, value in document.items() if key != "networks"}
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in document["networks"])
    text = json.dumps(head, indent=1, ensure_ascii=False)
    return f'{text[:-2]},\n "networks": [\n{lines}\n]}}\n'
