"""Results -> the text of `reports/coverage.md`. All of it follows from `reports/coverage.json`."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from bench.markdown import table
from netscope.base import units
from tools.coverage.results import Record, key

# The verdicts on a network, each of which has one.
COUNTED: Final = "FlopCounterMode"
EXPLAINED: Final = "explained"
PUBLISHED: Final = "published"
DIFFERS: Final = "differs"
BOUND: Final = "lower bound"
SILENT: Final = "no oracle"
FAILED: Final = "not summarised"
VERIFIED: Final = (COUNTED, EXPLAINED, PUBLISHED)
VERDICTS: Final = (*VERIFIED, DIFFERS, BOUND, SILENT, FAILED)

_TITLES: Final = {"hf": "transformers"}
_RUNGS: Final = ("meta", "fake", "real")
_SLOW: Final = 10.0
_SLOWEST: Final = 25
_EXAMPLES: Final = 6

_METHOD: Final = """\
Every network is built from its name, without weights, and summarised in a process of its own, which may take
60 seconds and 8 GiB. Seconds are the processor's: building and tracing, without the imports of torch and
of the library. Nothing is downloaded; configurations are the libraries' own defaults, and for packages those
of `tools/coverage/packages`.

- **FlopCounterMode**: torch's counter, on a forward without netscope and with attention as matrix products,
  says exactly twice our MACs.
- **explained**: it says something else, and `netscope verify` has a reason from the layers for all of the
  difference.
- **published**: of torchvision's networks that neither holds for, the MACs are those of `meta["_ops"]`,
  within what its rounding leaves open or 0.6%.
- **differs**: neither; or the parameters are not those that torch lists.
- **lower bound**: an operator has no formula, or something ran that the trace could not see. It is shown as
  `>=`, so there is no figure to agree with.
- **no oracle**: FlopCounterMode could not run, and nothing is published.

Parameters are those that `module.parameters()` lists wherever this report does not say otherwise.
"""


def verdict(record: Record) -> str:
    """The one word on a network."""
    if "failed" in record:
        return FAILED
    said = {oracle: opinion["agreement"] for oracle, opinion in record.get("oracles", {}).items()}
    if said.get("parameters") == "differs":
        return DIFFERS
    if "macs" not in record:
        return BOUND
    counter = said.get("flop_counter")
    if counter == "equal":
        return COUNTED
    if counter == "explained":
        return EXPLAINED
    if said.get("published_macs") in ("equal", "close"):
        return PUBLISHED
    return DIFFERS if counter == "differs" else SILENT


def text_of(document: Record) -> str:
    """The whole report."""
    networks: list[Record] = document["networks"]
    verdicts = Counter(map(verdict, networks))
    blocks = [
        "# Coverage",
        "Made by `make coverage`, which asks every network below anew.",
        head(verdicts),
        *_remarks(document),
        "## By family",
        _families(document),
        *_unlisted(document),
        "## How",
        _METHOD.strip(),
        *_section("Not summarised", networks, {FAILED}, _failure),
        *_section("Differing", networks, {DIFFERS}, _difference),
        *_others_differ(networks),
        *_section("Lower bounds", networks, {BOUND}, _bound),
        *_section("Without an oracle", networks, {SILENT}, _silence),
        *_explained(networks),
        *_uncounted(networks),
        *_rungs(networks),
        *_slow(networks),
    ]
    return "\n\n".join(blocks) + "\n"


def head(verdicts: Mapping[str, int]) -> str:
    """The sentence that all of it comes to."""
    total = sum(verdicts.values())
    verified = sum(verdicts.get(one, 0) for one in VERIFIED)
    by = (
        f"{verdicts.get(COUNTED, 0):,} by FlopCounterMode, {verdicts.get(EXPLAINED, 0):,} by it with every "
        f"difference explained, {verdicts.get(PUBLISHED, 0):,} by torchvision's published figures"
    )
    rest = ", ".join(
        f"{verdicts[one]:,} {words}"
        for one, words in (
            (DIFFERS, "that differ"),
            (BOUND, "lower bounds"),
            (SILENT, "without an oracle"),
            (FAILED, "not summarised"),
        )
        if verdicts.get(one)
    )
    done = total - verdicts.get(FAILED, 0)
    return (
        f"**{total:,} architectures, {done:,} summarised, {verified:,} verified: {by}. "
        f"The rest are named below{f': {rest}' if rest else ''}.**"
    )


def _remarks(document: Record) -> list[str]:
    said = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    states = document["states"]
    also = "" if len(states) <= 1 else f" The results are of {len(states)} states of netscope's source."
    left = sum(family.get("left", 0) for family in document["families"])
    open_ = f" Not asked yet, of those that the libraries list: {left:,}." if left else ""
    return [f"{said}.{also}{open_}"]


def _families(document: Record) -> str:
    of: dict[str, list[Record]] = defaultdict(list)
    for record in document["networks"]:
        of[record["family"]].append(record)
    header = ("family", "networks", "summarised", *_RUNGS, *VERDICTS[:-1], "median s", "slowest")
    rows = [
        _row(f"{_TITLES.get(family['title'], family['title'])} {family.get('version', '')}".strip(), found)
        for family in document["families"]
        if (found := of[family["title"]])
    ]
    rows.append(_row("**all**", document["networks"]))
    return table(header, rows)


def _row(title: str, networks: Sequence[Record]) -> tuple[str, ...]:
    verdicts = Counter(map(verdict, networks))
    done = [record for record in networks if "failed" not in record]
    rungs = Counter(record["rung"] for record in done)
    slowest = max(done, key=lambda record: float(record["seconds"]), default=None)
    return (
        title,
        f"{len(networks):,}",
        f"{len(done):,}",
        *(f"{rungs[rung]:,}" for rung in _RUNGS),
        *(f"{verdicts[one]:,}" for one in VERDICTS[:-1]),
        f"{statistics.median(record['seconds'] for record in done):.2f}" if done else "",
        "" if slowest is None else f"{slowest['seconds']:.1f} s {slowest['name']}",
    )


def _unlisted(document: Record) -> list[str]:
    """Families that could not be imported, and packages that were tried and do not fit."""
    lines = [
        f"- {one['title']} {one.get('version', '')}: {one['error']}"
        for one in document["families"]
        if "error" in one
    ]
    lines += [f"- {name}: {why}" for name, why in sorted(document["unfit"].items())]
    return ["Packages that do not run beside this torch:\n\n" + "\n".join(lines)] if lines else []


def _section(
    title: str, networks: Iterable[Record], wanted: set[str], why: Callable[[Record], str]
) -> list[str]:
    """The networks with a verdict by why, so that a cause that many share is told once."""
    groups: dict[str, list[str]] = defaultdict(list)
    for record in networks:
        if verdict(record) in wanted:
            groups[why(record)].append(key(record))
    if not groups:
        return []
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    lines = [f"- {', '.join(f'`{name}`' for name in names)}: {reason}" for reason, names in ordered]
    return [f"## {title}", units.plural(sum(map(len, groups.values())), "network") + ".", "\n".join(lines)]


def _failure(record: Record) -> str:
    """Without the network's own name, which the error says again."""
    own = [f"{record['family']}/{record['name']}", record["name"]]
    error = str(record["error"])
    for name in own:
        error = error.replace(f"{name}: ", "", 1).replace(f"{name} could not", "it could not", 1)
    return f"{record['failed']}: {_plain(error)}"


def _difference(record: Record) -> str:
    said = [
        f"{_ORACLES.get(oracle, oracle)} says {opinion.get('says', 0):,}, ours is {_ours(record, oracle):,}"
        + (f" ({_plain(opinion['why'])})" if "why" in opinion else "")
        for oracle, opinion in record["oracles"].items()
        if opinion["agreement"] == "differs"
    ]
    return "; ".join(said)


_ORACLES: Final = {
    "flop_counter": "FlopCounterMode",
    "published_macs": "`_ops`",
    "published_params": "`num_params`",
    "parameters": "`module.parameters()`",
}


def _ours(record: Record, oracle: str) -> int:
    of = "params" if "param" in oracle else "macs"
    ours: int = record[of] if of in record else record["at_least"]
    return ours


def _others_differ(networks: Iterable[Record]) -> list[str]:
    """Networks that one oracle bears out and another does not."""
    found = [
        record
        for record in networks
        if verdict(record) not in (DIFFERS, FAILED)
        and any(opinion["agreement"] == "differs" for opinion in record.get("oracles", {}).values())
    ]
    lines = [f"- `{key(record)}`, {verdict(record)}: {_difference(record)}" for record in found]
    return ["## Other oracles that differ", "\n".join(lines)] if lines else []


def _bound(record: Record) -> str:
    unknown = {**record.get("uncounted", {}), **record.get("unseen", {})}
    return _plain(", ".join(f"{what} {units.times(times)}" for what, times in sorted(unknown.items())))


def _silence(record: Record) -> str:
    return _plain(str(record.get("oracles", {}).get("flop_counter", {}).get("why", "it was not asked")))


# " ×4" after an operator, and what a reason comes to: " (-1,024)".
_AMOUNTS: Final = re.compile(r" ×\d+(?:,\d{3})*| \([+-][\d,]+\)$")


def _explained(networks: Iterable[Record]) -> list[str]:
    """Reasons, and how many networks have each."""
    reasons: Counter[str] = Counter()
    for record in networks:
        if verdict(record) == EXPLAINED:
            why = str(record["oracles"]["flop_counter"].get("why", ""))
            reasons.update({_AMOUNTS.sub("", part) for part in why.split("; ")})
    rows = [(reason, f"{count:,}") for reason, count in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))]
    return (
        [
            "## Why FlopCounterMode differs, where it is explained",
            table(("FlopCounterMode", "networks"), rows),
        ]
        if rows
        else []
    )


def _uncounted(networks: Iterable[Record]) -> list[str]:
    having: dict[str, list[str]] = defaultdict(list)
    for record in networks:
        for operator in record.get("uncounted", {}):
            having[operator].append(key(record))
    rows = [
        (
            f"`{operator}`",
            f"{len(names):,}",
            ", ".join(names[:_EXAMPLES]) + (", …" if len(names) > _EXAMPLES else ""),
        )
        for operator, names in sorted(having.items(), key=lambda one: (-len(one[1]), one[0]))
    ]
    return ["## Uncounted operators", table(("operator", "networks", "which"), rows)] if rows else []


def _rungs(networks: Iterable[Record]) -> list[str]:
    """Why networks were not traced on meta."""
    whys: dict[str, list[str]] = defaultdict(list)
    for record in networks:
        if record.get("rung", "meta") != "meta":
            whys[f"{record['rung']}: {_plain(str(record.get('why', '')))}"].append(key(record))
    rows = [
        (why, f"{len(names):,}", ", ".join(names[:_EXAMPLES]) + (", …" if len(names) > _EXAMPLES else ""))
        for why, names in sorted(whys.items(), key=lambda one: (-len(one[1]), one[0]))
    ]
    return ["## Not on meta, and why", table(("rung", "networks", "which"), rows)] if rows else []


def _slow(networks: Iterable[Record]) -> list[str]:
    slow = sorted(
        (record for record in networks if _seconds(record) > _SLOW),
        key=lambda record: (-_seconds(record), key(record)),
    )
    rows = [
        (f"`{key(record)}`", f"{_seconds(record):.1f}", f"{record.get('layers', 0):,}")
        for record in slow[:_SLOWEST]
    ]
    return (
        [
            f"## Slow ones\n\n{len(slow):,} took more than {_SLOW:g} s.",
            table(("network", "s", "layers"), rows),
        ]
        if rows
        else []
    )


def _seconds(record: Record) -> float:
    return float(record.get("seconds", 0.0))


def _plain(text: str) -> str:
    """In a line of Markdown that nothing in it changes: addresses of objects differ from run to run."""
    text = re.sub(r"0x[0-9a-f]{6,}", "0x…", " ".join(text.split()))
    return text.replace("<", "\\<").replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")


def figures(document: Record) -> dict[str, Any]:
    """What the head says, for programs."""
    return dict(Counter(map(verdict, document["networks"])))
