"""Numbers become text here, and nowhere else in the project.

Every function takes a raw base unit (elements, multiply-accumulates, bytes, seconds, a fraction) and
returns what people read. `None` is an unknown and reads "?", never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

UNKNOWN: Final = "?"
TIMES: Final = "×"
MINUS: Final = "−"


class Scale(NamedTuple):
    """Units, each that many times the one before it.

    factor:
        what a value is multiplied with to be in the first of them.
    exact:
        whether what is less than one of the second unit is written as it is.
    """

    base: int
    names: tuple[str, ...]
    factor: float = 1
    exact: bool = True


_METRIC: Final = Scale(1000, ("", "K", "M", "G", "T", "P", "E", "Z", "Y"))
_BINARY: Final = Scale(1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"))
_SECONDS: Final = Scale(1000, ("us", "ms", "s"), 1e6, exact=False)
_RATE: Final = _METRIC._replace(exact=False)

# By the names of the functions that write them: what another writer of the same texts has to know.
SCALES: Final = {"metric": _METRIC, "binary": _BINARY, "seconds": _SECONDS}

# Significant digits: in the rows of a table, and in its totals.
ROW: Final = 3
TOTAL: Final = 4


def count(n: int | None) -> str:
    """An exact number: 34944 -> "34,944"."""
    if n is None:
        return UNKNOWN
    return f"{n:,}" if n >= 0 else f"{MINUS}{-n:,}"


def metric(n: int | None, digits: int = ROW) -> str:
    """MACs, FLOPs and other large counts by thousands: 105_415_200 -> "105 M".

    Below a thousand the number is exact.
    """
    return UNKNOWN if n is None else _scaled(n, _METRIC, digits)


def binary(nbytes: int | None, digits: int = ROW) -> str:
    """Bytes by 1024: 279_936 -> "273 KiB". Below a KiB the number is exact."""
    return UNKNOWN if nbytes is None else _scaled(nbytes, _BINARY, digits)


def seconds(s: float | None, digits: int = ROW) -> str:
    """A time in us, ms or s: 0.00295 -> "2.95 ms"."""
    if s is None or math.isnan(s):
        return UNKNOWN
    if s == 0:
        return "0 s"
    return _scaled(s * _SECONDS.factor, _SECONDS, digits)


def seconds_between(low: float, high: float, digits: int = ROW) -> str:
    """Two times, with their unit once where it is the same: (0.01231, 0.01242) -> "12.3 to 12.4 ms"."""
    first, last = seconds(low, digits), seconds(high, digits)
    number, _, unit = first.rpartition(" ")
    return f"{number if number and last.endswith(f' {unit}') else first} to {last}"


def hertz(frequency: float | None) -> str:
    """A clock as its makers write it, in whole MHz: 1_980_000_000 -> "1,980 MHz"."""
    return UNKNOWN if frequency is None else f"{frequency / 1e6:,.0f} MHz"


def percent(ratio: float | None) -> str:
    """A share of a whole: 0.0932 -> "9.3%"."""
    return UNKNOWN if ratio is None else f"{share(ratio)}%"


def share(ratio: float | None) -> str:
    """`percent` for a column that is headed "%": 0.0932 -> "9.3", and "<0.1" for a trace of something."""
    if ratio is None or math.isnan(ratio):
        return UNKNOWN
    if 0 < abs(ratio) < 0.0005:
        return "<0.1" if ratio > 0 else f"{MINUS}<0.1"
    return f"{ratio * 100:,.1f}".replace("-", MINUS)


def change(before: float | None, after: float | None) -> str:
    """What became of a figure: (1135, 1168) -> "+2.9%"; "=" when it stayed, "new" when it was 0.

    Two decimals below one percent, and a difference never reads as none.
    """
    if before is None or after is None:
        return UNKNOWN
    if before == after:
        return "="
    if before == 0:
        return "new"
    # Python divides integers of any size correctly rounded, where float(n) could overflow.
    ratio = (after - before) / abs(before) * 100
    sign = "+" if ratio > 0 else MINUS
    size = abs(ratio)
    if size < 0.005:
        return f"{sign}<0.01%"
    if sign == MINUS and 99.95 <= size < 100:
        return f"{MINUS}{math.floor(size * 100) / 100:.2f}%"  # what is left of it is not nothing
    decimals = 0 if size >= 99.95 else 1 if size >= 0.995 else 2
    return f"{sign}{size:,.{decimals}f}%"


def difference(text: str) -> str:
    """The text of a difference with its sign: "32.8 M" -> "+32.8 M", "−4" as it is."""
    return text if text.startswith(MINUS) else f"+{text}"


def arrow(before: str, after: str) -> str:
    """("11", "7") -> "11→7"; with blanks around where a text is of more than one word or part."""
    plain = all(text.isalnum() for text in (before.replace(".", ""), after.replace(".", "")))
    return f"{before}→{after}" if plain else f"{before} → {after}"


def number(value: float | None) -> str:
    """A ratio, or a count that is a mean: 2.0 -> "2", 0.253 -> "0.25", 85.34 -> "85.3", 1234.5 -> "1,234"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    decimals = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f}"


def rate(per_second: float | None, digits: int = ROW) -> str:
    """Something a second, FLOP/s or samples/s: 9.89e14 -> "989 T", 81.04 -> "81.0"."""
    if per_second is None or not math.isfinite(per_second):
        return UNKNOWN
    return _scaled(per_second, _RATE, digits).rstrip()


def bandwidth(bytes_per_second: float | None, digits: int = ROW) -> str:
    """Bytes a second as makers of machines write them, by 1000: 4.8e12 -> "4.80 TB/s"."""
    text = rate(bytes_per_second, digits)
    return text if text == UNKNOWN else f"{text}B/s" if text[-1:].isalpha() else f"{text} B/s"


def shape(sizes: Iterable[int] | None) -> str:
    """(1, 96, 55, 55) -> "1×96×55×55"; () -> "scalar"."""
    if sizes is None:
        return UNKNOWN
    return TIMES.join(map(str, sizes)) or "scalar"


def sides(lengths: Iterable[float]) -> str:
    """A window's sides or its jump: (195, 195) -> "195", (11, 5) -> "11×5", (0.5, 0.5) -> "0.5"."""
    texts = [f"{length:.0f}" if length == int(length) else f"{length:.3g}" for length in lengths]
    return texts[0] if len(set(texts)) == 1 else TIMES.join(texts)


def times(n: int) -> str:
    """How often: 12 -> "×12"."""
    return f"{TIMES}{n:,}"


def at_least(text: str) -> str:
    """A lower bound: "448 M" -> "≥ 448 M"."""
    return f"≥ {text}"


def ratio(over: float | None, under: float | None) -> float | None:
    """over / under; None where either is not known, or there is nothing to divide by."""
    return None if over is None or not under else over / under


def span(first: str, last: str) -> str:
    """The names of a row of layers: "0" to "11" is "0-11", others keep both: "a…b"."""
    stem = first.rstrip("0123456789")
    number = last[len(stem) :]
    if stem != first and last.startswith(stem) and number.isdigit():
        return f"{first}-{number}"
    return f"{first}…{last}"


def plural(n: int, noun: str, nouns: str = "") -> str:
    """(1, "row") -> "1 row"; (3, "row") -> "3 rows"."""
    return f"{count(n)} {noun if n == 1 else nouns or noun + 's'}"


def _scaled(value: float, units: Scale, digits: int) -> str:
    """`value` in the largest unit that leaves at least 1, rounded to that many significant digits.

    Rounding comes before the choice of unit: 999,999,600 is "1.00 G", not "1000 M".
    """
    base, names, _, exact = units
    sign, size = (MINUS, -value) if value < 0 else ("", value)
    if exact and size < base:
        return f"{sign}{size} {names[0]}".rstrip()
    last = len(names) - 1
    unit = 1 if exact else 0
    scale = base**unit
    while unit < last and size >= scale * base:
        unit += 1
        scale *= base
    if size >= scale * base * 1000:
        return f"{sign}{_scientific(size, scale, digits)} {names[unit]}"
    text = _rounded(size / scale, digits)
    if unit < last and float(text) >= base:
        unit += 1
        text = _rounded(1.0, digits)
    return f"{sign}{text} {names[unit]}"


def _rounded(x: float, digits: int) -> str:
    """x >= 0 with that many significant digits, and never fewer than its integer part has."""
    for decimals in range(digits - 1, 0, -1):
        text = f"{x:.{decimals}f}"
        if len(text) <= digits + 1:
            return text
    return f"{x:.0f}"


def _scientific(size: float, scale: int, digits: int) -> str:
    """For what lies beyond the last unit's name: "1.23e+9"."""
    from decimal import Context, Decimal

    context = Context(prec=digits, Emax=10**9, Emin=-(10**9))
    quotient = context.divide(Decimal(size), Decimal(scale))
    return f"{quotient:.{digits - 1}e}"
