"""The page of a verification: totals beside the peers', what each peer's reasons come to, and where."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from netscope.answers.verify import Figure, Opinion, Reason, Verification
from netscope.base import units
from netscope.show import page as p
from netscope.show.strings import short, visible
from netscope.show.words import head, partial_notes

# Rows of layers that are shown by themselves.
_ROWS: Final = 10
# What a name is never cut below, and how long a reason may be that stays in its row.
_NARROWEST: Final = 16
_WIDEST: Final = 40
_ROOT: Final = "(root)"
_SAME: Final = "="
_NOTHING: Final = "·"
_NO_REASON: Final = "no reason"
_TITLES: Final = {"params": "params", "macs": "MACs"}


class Group(NamedTuple):
    """Layers of like names with the same figures.

    path:
        their name, with a star for what differs.
    paths:
        of each.
    ours, theirs:
        multiply-accumulates of each, those of the peers by name.
    why:
        {peer's name: keys of its reasons there}, with `None` among them where one has none.
    weight:
        how much they differ, together.
    """

    path: str
    paths: tuple[str, ...]
    ours: int
    theirs: dict[str, int]
    why: dict[str, tuple[str | None, ...]]
    weight: int


def page(answer: Verification, *, everything: bool = False) -> p.Page:
    """What `netscope verify` shows."""
    report = answer.report
    return p.Page(
        title=report.name,
        head=head(report),
        sections=lambda: _sections(answer, everything),
        records=lambda: p.Records(
            ("path", "quantity", "ours", *_names(answer), "why"), _rows(answer), report.schema_version
        ),
        document=lambda: p.Document(_document(answer), "layers"),
    )


def _sections(answer: Verification, everything: bool) -> Iterator[p.Section]:
    if partial := partial_notes(answer.report):
        yield p.Notes(partial)
    yield _totals(answer)
    for opinion in answer:
        for figure in opinion.figures:
            if figure.reasons or figure.unexplained:
                yield _reasons(opinion, figure)
    groups = groups_of(answer, folded=not everything)
    shown = groups if everything else groups[:_ROWS]
    if shown:
        yield _layers(answer, shown)
    more = sum(len(group.paths) for group in groups[len(shown) :])
    yield p.Notes(_notes(answer, more))


# The whole network


def _totals(answer: Verification) -> p.Table:
    report = answer.report
    macs = units.count(report.macs)
    if report.macs is None:
        macs = units.at_least(units.count(report.counted_macs))
    rows = [
        p.Row([p.Cell("params"), p.Cell(units.count(report.params), "accent"), *_cells(answer, "params")])
    ]
    rows.append(p.Row([p.Cell("MACs"), p.Cell(macs, "accent"), *_cells(answer, "macs")]))
    titles = ["", "ours", *(visible(opinion.title) for opinion in _speaking(answer))]
    # Figures are never cut; where there is no room for it, a title is.
    widths = [max(len(row.cells[place].text) for row in rows) for place in range(len(titles))]
    headings = [
        p.Heading(title, right=place > 0, floor=max(widths[place], 5)) for place, title in enumerate(titles)
    ]
    return p.Table(headings, rows)


def _cells(answer: Verification, quantity: str) -> Iterator[p.Cell]:
    for opinion in _speaking(answer):
        figure = getattr(opinion, quantity)
        if figure is None or figure.theirs is None:
            yield p.Cell(_NOTHING, "dim")
        elif figure.equal:
            yield p.Cell(_SAME if not figure.within else f"{_SAME} {_rounded(figure)}", "dim")
        else:
            text = _rounded(figure) if figure.within else units.count(figure.theirs)
            yield p.Cell(text, "" if figure.explained else "bad")


def _rounded(figure: Figure) -> str:
    """A figure that was published in G, with the digits that it was published with."""
    assert figure.theirs is not None
    return f"{figure.theirs / 1e9:.3f} G"


def _speaking(answer: Verification) -> list[Opinion]:
    return [opinion for opinion in answer if not opinion.error]


def _names(answer: Verification) -> list[str]:
    return [opinion.name for opinion in answer]


def _signed(amount: int) -> str:
    return units.difference(units.count(amount))


def _reasons(opinion: Opinion, figure: Figure) -> p.Table:
    """A reason a line, under whose figure they are of and what they come to together."""
    assert figure.difference is not None
    if figure.within:  # rounded: more digits would be made up
        whole = f"{units.difference(units.metric(figure.difference, units.TOTAL))} {_TITLES[figure.quantity]}"
    else:
        whole = f"{_signed(figure.difference)} {_TITLES[figure.quantity]}"
    headings = [
        p.Heading(visible(opinion.title), right=True),
        p.Heading("", right=True),
        p.Heading(whole, wraps=True),
    ]
    rows = [
        p.Row(
            [
                p.Cell(_signed(reason.total), "accent"),
                p.Cell(units.plural(len(reason.amounts), "layer"), "dim"),
                p.Cell(reason.text),
            ]
        )
        for reason in figure.reasons
    ]
    if figure.unexplained:
        left = figure.unexplained
        total = set(left) == {""}
        where = "" if total else f": {_listed(list(left))}"
        layers = p.Cell("" if total else units.plural(len(left), "layer"), "bad")
        rows.append(
            p.Row([p.Cell(_signed(sum(left.values())), "bad"), layers, p.Cell(f"{_NO_REASON}{where}", "bad")])
        )
    return p.Table(headings, rows)


def _listed(paths: Sequence[str], most: int = 3) -> str:
    """Names of layers, those that differ in their numbers together: "blocks.*.fc ×12, head"."""
    alike: dict[str, list[str]] = {}
    for path in paths:
        alike.setdefault(re.sub(r"\d+", "*", path), []).append(path)
    texts = []
    for same in list(alike.values())[:most]:
        name = short(functools.reduce(_starred, same)) or _ROOT
        texts.append(f"{name} {units.times(len(same))}" if len(same) > 1 else name)
    more = sum(map(len, list(alike.values())[most:]))
    return ", ".join(texts) + (f" and {units.count(more)} more" if more else "")


# Its layers


def groups_of(answer: Verification, *, folded: bool = True) -> list[Group]:
    """The layers of which somebody says something else, those alike together, the most different first."""
    speaking = [one for one in _speaking(answer) if one.macs is not None and one.layers]
    found: dict[Any, Group] = {}
    for path in _order(answer, speaking):
        ours = answer.layers.get(path, 0)
        theirs = {one.name: one.layers.get(path, 0) for one in speaking}
        why = {one.name: keys for one in speaking if (keys := _keys(one, path))}
        if not why:
            continue
        stem = re.sub(r"\d+", "*", path) if folded else path
        key = (stem, ours, tuple(theirs.items()), tuple(why.items()))
        weight = sum(abs(value - ours) for value in theirs.values())
        known = found.get(key)
        if known is None:
            found[key] = Group(path, (path,), ours, theirs, why, weight)
        else:
            found[key] = known._replace(
                path=_starred(known.path, path), paths=(*known.paths, path), weight=known.weight + weight
            )
    order = {group: place for place, group in enumerate(map(id, found.values()))}
    return sorted(
        found.values(),
        key=lambda group: (
            not any(None in keys for keys in group.why.values()),
            -group.weight,
            order[id(group)],
        ),
    )


def _order(answer: Verification, speaking: Sequence[Opinion]) -> dict[str, None]:
    """Every path that anybody has a figure for, in the report's order."""
    paths = dict.fromkeys(layer.path for layer in answer.report.layers)
    for one in speaking:
        paths.update(dict.fromkeys(one.layers))
    return paths


def _keys(opinion: Opinion, path: str) -> tuple[str | None, ...]:
    """Which of a peer's reasons are about that layer; None among them for what has none."""
    assert opinion.macs is not None
    keys: list[str | None] = [one.key for one in opinion.macs.reasons if one.amounts.get(path)]
    if path in opinion.macs.unexplained:
        keys.append(None)
    return tuple(keys)


def _starred(one: str, other: str) -> str:
    """ "layers.*.fc" of "layers.0.fc" and "layers.1.fc"."""
    parts = [
        left if left == right else re.sub(r"\d+", "*", left)
        for left, right in zip(one.split("."), other.split("."), strict=True)
    ]
    return ".".join(parts)


def _layers(answer: Verification, groups: Sequence[Group]) -> p.Table:
    shown = [
        one for one in _speaking(answer) if one.layers and any(one.name in group.why for group in groups)
    ]
    why = [_why(group, shown) for group in groups]
    headings = [
        p.Heading("layer (own MACs)", name=True, floor=_NARROWEST),
        p.Heading("", right=True),
        p.Heading("ours", right=True, units=True),
        *(p.Heading(visible(one.title), right=True, units=True, drop=9 - n) for n, one in enumerate(shown)),
        p.Heading("why", wraps=max(map(len, why)) > _WIDEST),
    ]
    return p.Table(headings, [_row(*both, shown) for both in zip(groups, why, strict=True)])


def _row(group: Group, why: str, shown: Sequence[Opinion]) -> p.Row:
    times = units.times(len(group.paths)) if len(group.paths) > 1 else ""
    ours = units.metric(group.ours)
    cells = [p.Cell(group.path or _ROOT, code=True), p.Cell(times, "dim"), p.Cell(ours)]
    for one in shown:
        if group.theirs[one.name] == group.ours:
            cells.append(p.Cell(_SAME, "dim"))
        else:
            tone: p.Tone = "bad" if None in group.why.get(one.name, ()) else ""
            cells.append(p.Cell(_apart(group.theirs[one.name], group.ours), tone))
    lost = any(None in keys for keys in group.why.values())
    cells.append(p.Cell(why, "bad" if lost else "dim"))
    return p.Row(cells)


def _apart(value: int, other: int) -> str:
    """With as many digits as it takes to tell it from the other."""
    for digits in range(units.ROW, 9):
        if (text := units.metric(value, digits)) != units.metric(other, digits):
            return text
    return units.count(value)


def _why(group: Group, shown: Sequence[Opinion]) -> str:
    texts = []
    for one in shown:
        keys = group.why.get(one.name)
        if keys:
            texts.append(f"{one.title}: {', '.join(_NO_REASON if key is None else key for key in keys)}")
    return "; ".join(texts)


# What there is to say


def _notes(answer: Verification, more: int) -> list[p.Note]:
    notes = []
    if more:
        notes.append(
            p.Note(f"{units.plural(more, 'more layer')} that {_differ(more)}", "dim", hint="--all shows them")
        )
    notes += [p.Note(f"{one.title} could not: {one.error}", "warn", mark="! ") for one in answer.failed]
    real = [one.title for one in _speaking(answer) if one.rung == "real"]
    if real:
        notes.append(p.Note(f"{', '.join(real)} ran on real weights", "dim"))
    versions = {one.package: one.version for one in answer if one.version}
    if versions:
        notes.append(p.Note(", ".join(f"{name} {version}" for name, version in versions.items()), "dim"))
    notes += [p.Note(f"{one.title}'s figures are those of {one.note}", "dim") for one in answer if one.note]
    notes.append(_verdict(answer))
    return notes


def _differ(n: int) -> str:
    return "differs" if n == 1 else "differ"


def _verdict(answer: Verification) -> p.Note:
    lost = [(one, figure) for one in answer for figure in one.figures if not figure.explained]
    if lost:
        names = ", ".join(f"{one.title} ({_TITLES[figure.quantity]})" for one, figure in lost)
        return p.Note(f"{_NO_REASON} was found for the difference from {names}", "bad", mark="✗ ")
    if not _speaking(answer):
        return p.Note("no peer could say anything", "warn", mark="! ")
    same = all(figure.equal for one in answer for figure in one.figures)
    text = "all say the same" if same else "every difference has its reason"
    return p.Note(text, "accent", mark="✓ ")


# For programs


def _rows(answer: Verification) -> Iterator[list[Any]]:
    """Totals, then each layer that anybody has a figure for."""
    report = answer.report
    for quantity, ours in (("params", report.params), ("macs", report.macs)):
        figures = [getattr(opinion, quantity) for opinion in answer]
        theirs = [None if figure is None else figure.theirs for figure in figures]
        why = [_texts(opinion, quantity) for opinion in answer]
        yield ["", quantity, ours, *theirs, "; ".join(filter(None, why))]
    speaking = [one for one in _speaking(answer) if one.layers]
    for path in _order(answer, speaking):
        figures = [opinion.layers.get(path, 0) if opinion.layers else None for opinion in answer]
        ours = answer.layers.get(path, 0)
        if path and (ours or any(figures)):
            keys = {one.title: _keys(one, path) for one in speaking if one.macs is not None}
            told = [
                f"{title}: {', '.join(k or _NO_REASON for k in names)}"
                for title, names in keys.items()
                if names
            ]
            yield [path, "macs", ours, *figures, "; ".join(told)]


def _texts(opinion: Opinion, quantity: str) -> str:
    figure = getattr(opinion, quantity)
    if figure is None:
        return f"{opinion.title}: {opinion.error}" if opinion.error and quantity == "macs" else ""
    texts = [f"{_signed(reason.total)} {reason.text}" for reason in figure.reasons]
    if figure.unexplained:
        texts.append(f"{_signed(sum(figure.unexplained.values()))} {_NO_REASON}")
    return f"{opinion.title}: {', '.join(texts)}" if texts else ""


def _document(answer: Verification) -> dict[str, Any]:
    report = answer.report
    rows = [
        dict(zip(("path", "quantity", "ours", *_names(answer), "why"), row, strict=True))
        for row in _rows(answer)
        if row[0]
    ]
    return {
        "schema_version": report.schema_version,
        "kind": "verification",
        "name": report.name,
        "source": report.source,
        "explained": answer.explained,
        "params": report.params,
        "macs": report.macs,
        "counted_macs": report.counted_macs,
        "unknown": report.unknown,
        "peers": [_told(opinion) for opinion in answer],
        "layers": rows,
    }


def _told(opinion: Opinion) -> dict[str, Any]:
    return {
        "name": opinion.name,
        "title": opinion.title,
        "version": opinion.version,
        "rung": opinion.rung or None,
        "error": opinion.error or None,
        "note": opinion.note or None,
        "explained": opinion.explained,
        "figures": [
            {
                "quantity": figure.quantity,
                "ours": figure.ours,
                "theirs": figure.theirs,
                "difference": figure.difference,
                "within": figure.within,
                "reasons": [_reason(reason) for reason in figure.reasons],
                "unexplained": figure.unexplained,
            }
            for figure in opinion.figures
        ],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"key": reason.key, "text": reason.text, "total": reason.total, "amounts": reason.amounts}
