"""The sentences around a diff: what was compared, what came of it, where the difference ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from netscope.answers.diff import Diff, Status, figures
from netscope.base import units
from netscope.report.layer import Tensor
from netscope.report.measured.timing import Timing
from netscope.report.quantities import BY_KEY
from netscope.report.report import Report
from netscope.show.diff.rows import Differences, DiffRow
from netscope.show.diff.words import arrow
from netscope.show.page import Note, Piece, Tone
from netscope.show.quantities import figure_text
from netscope.show.strings import cut, short
from netscope.show.words import leaves

# Longest text of what changed about one layer; data formats carry it all.
WORDS = 160

_STATUSES: dict[Status, str] = {"~": "changed", "+": "added", "-": "removed", "=": "the same"}


def head(differences: Differences) -> list[Piece]:
    """The pieces of the line above: names, inputs, and what else is different about the two."""
    before, after = differences.diff.before, differences.diff.after
    pieces = [Piece(_twice(short(before.name), short(after.name)), "title")]
    if before.name == after.name and before.source != after.source:
        pieces.append(Piece(_twice(before.source, after.source)))
    pieces.append(Piece(_inputs(before.inputs, after.inputs)))
    if before.training or after.training:
        pieces.append(Piece(_twice(_mode(before), _mode(after))))
    pieces += map(Piece, shared(differences))
    if (found := differences.diff.plans) is not None:
        from netscope.show.diff.plans import whose  # few networks are divided

        pieces.append(Piece(_twice(whose(found.before), whose(found.after))))
    return pieces


def shared(differences: Differences) -> list[str]:
    """What all layers changed alike, where the inputs do not say it already: "dtype float32→bfloat16"."""
    diff = differences.diff
    kinds = {leaf.dtype for leaf in diff.before.inputs} != {leaf.dtype for leaf in diff.after.inputs}
    dtypes = {c.what: f"dtype {arrow(c.before, c.after)}" for c in differences.shared if "dtype" in c.what}
    return [] if kinds else list(dtypes.values())[:1]


def _mode(report: Report) -> str:
    return "train" if report.training else "eval"


def _twice(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _inputs(before: tuple[Tensor, ...], after: tuple[Tensor, ...]) -> str:
    """Shapes and dtypes; the dtype once where it stayed, the shape once where it did."""
    if len(before) == len(after) == 1 and before[0].shape is not None and after[0].shape is not None:
        shapes = [units.shape(leaf.shape) for (leaf,) in (before, after)]
        dtypes = [short(leaf.dtype or units.UNKNOWN) for (leaf,) in (before, after)]
        return f"{_twice(*shapes)} {_twice(*dtypes)}"
    return _twice(*(leaves(side, most=4) or "no input" for side in (before, after)))


def tally(diff: Diff) -> str:
    """ "8 layers changed, 15 the same"."""
    counts = [(diff.counts[status], text) for status, text in _STATUSES.items() if diff.counts[status]]
    (first, text), *rest = counts or [(0, "changed")]
    return ", ".join([f"{units.plural(first, 'layer')} {text}", *(f"{units.count(n)} {t}" for n, t in rest)])


def nothing(diff: Diff) -> str:
    """What is said of two networks that are the same."""
    params = units.count(diff.after.params)
    known = "no difference" if diff.whole else "no difference in what is known"
    return f"{known}: {units.plural(diff.counts['='], 'layer')}, {params} params"


def timed(diff: Diff) -> list[Note]:
    """Whether a step takes another time than before, or only chance has it so; nothing without profiles."""
    before, after, ratio = diff.before.timing, diff.after.timing, diff.timing
    if before is None and after is not None:
        return [Note(f"latency not measured before, {units.seconds(after.median)} after", "dim")]
    if before is not None and after is None:
        return [Note(f"latency {units.seconds(before.median)} before, not measured after", "dim")]
    if before is None or after is None or ratio is None:
        return []
    values = units.arrow(units.seconds(before.median), units.seconds(after.median))
    change = units.change(1.0, ratio.value) if ratio.value != 1 else "no change"
    text = f"latency {values}, {change}"
    tone: Tone = "accent" if ratio.outside_noise else "dim"
    if ratio.interval is None:
        text += ": too few rounds to tell it from noise"
    else:
        low, high = (units.change(1.0, end) for end in (ratio.interval.low, ratio.interval.high))
        text += f", {'outside' if ratio.outside_noise else 'within'} the noise (95%: {low} to {high})"
    other = [f"{what} {units.arrow(*sides)}" for what, *sides in _settings(before, after)]
    lines = [Note(text, tone)]
    if other:
        lines.append(Note(f"measured differently: {', '.join(other)}", "warn"))
    return lines


def _settings(before: Timing, after: Timing) -> Iterable[tuple[str, str, str]]:
    """What about the measurements differs, beside the network and its input."""
    for what, get in _SETTINGS.items():
        was, now = get(before), get(after)
        if was != now:
            yield what, was, now


_SETTINGS: Final[dict[str, Callable[[Timing], str]]] = {
    "device": lambda timing: timing.device.name,
    "dtype": lambda timing: timing.dtype or units.UNKNOWN,
    "form": lambda timing: timing.form,
    "threads": lambda timing: units.count(timing.threads),
    "optimizer": lambda timing: timing.optimizer or "none",
    "channels last": lambda timing: "yes" if timing.channels_last else "no",
    "cold caches": lambda timing: "yes" if timing.cold else "no",
}


def ending(diff: Diff) -> str:
    """Where the difference ends, and why; "" when it goes on to the end."""
    if diff.absorbed is None:
        return ""
    because = diff.absorbed.because
    path = diff.absorbed.path
    # Of a pool that takes in more, its own arithmetic is still another.
    where = f"from {short(path)} on" if diff[path].status == "=" else f"behind {short(path)}"
    text = f"{where} everything is identical"
    return f"{text}: {because}" if because else text


# What all layers may have alike, in words. Whether the leading size is a batch, no shape can tell.
_SHARED: Final = {"batch": "leading size", "dtype": "dtype", "output_dtype": "dtype"}


def told(row: DiffRow, differences: Differences) -> str:
    """What changed, in words; of a run, how many layers it is of."""
    if row.kind == "same":
        return "the same" if row.layers == 1 else f"{units.plural(row.layers, 'layer')} the same"
    if row.kind in ("shared", "renamed"):
        names = dict.fromkeys(_SHARED[change.what] for change in differences.shared)
        only = "only the name" if row.kind == "renamed" else f"only the {' and '.join(names)}"
        return only if row.layers == 1 else f"{units.plural(row.layers, 'layer')}: {only}"
    if row.kind == "moved" and row.pairs[0].before:
        around = short(row.pairs[0].before.path.rpartition(".")[0])
        return f"{units.plural(row.layers, 'layer')}: only moved, from {around or 'the top'}"
    return cut(", ".join(row.words), WORDS)


def followers(row: DiffRow, most: int) -> list[str]:
    """Names of the layers that only pass its change on; of more than `most`, how many they are."""
    if len(row.followers) <= most:
        return [short(name) for name in row.followers]
    named = row.followers[: most - 1]
    return [*map(short, named), f"+{len(row.followers) - len(named)}"]


def verdict(diff: Diff) -> str:
    """One sentence: "zfnet has 0.03% fewer params, 2.9% more MACs than alexnet"."""
    before, after = short(diff.before.name), short(diff.after.name)
    if not diff:
        same = "is the same as" if diff.whole else "is partial, and in what is known the same as"
        return f"{after} {same} {'before' if before == after else before}"
    parts = sorted(_parts(diff), key=lambda part: not part.startswith(_SAME))
    text = ", ".join(parts)
    if before == after:
        return f"{after} {_setting(diff)}has {text}"
    return f"{after} has {text} {'as' if parts[-1].startswith(_SAME) else 'than'} {before}"


_SAME = "the same"


def _setting(diff: Diff) -> str:
    """What about the call is new, where the network is the same."""
    before, after = diff.before, diff.after
    if before.inputs != after.inputs and len(after.inputs) == 1:
        return f"at {leaves(after.inputs, most=1)} "
    return f"in {_mode(after)} mode " if before.training != after.training else ""


def _parts(diff: Diff) -> Iterable[str]:
    divided = diff.before.ranks is not None and diff.after.ranks is not None
    for key in ("params", "macs", "wire_bytes") if divided else ("params", "macs"):
        quantity = BY_KEY[key]
        title = f"bytes {quantity.title}" if key == "wire_bytes" else quantity.title
        text = figure_text(quantity, figures.total(diff, quantity))
        if text.percent == units.UNKNOWN:
            yield f"an unknown change of {title}"
        elif not text.percent:
            yield f"{_SAME} {title}"
        else:
            more = "fewer" if text.change.startswith(units.MINUS) else "more"
            size = text.short.lstrip(f"+{units.MINUS}")
            yield f"{size} {more} {title}"
