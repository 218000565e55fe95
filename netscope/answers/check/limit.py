"""The language of budgets: what a figure must be, and what its change must not be.

    params=65M                  at most 65,000,000; "=" alone is "<="
    macs<=1.2G                  or 1.2e9; also <, >=, >, == and !=
    output_bytes<=64MiB         KiB, MiB, GiB, TiB by 1024; KB, MB, GB, TB by 1000
    features.conv1:params<=40K  one layer, with everything inside it

A number may have a fraction or an exponent (1.2e9) and its digits may be grouped (65_000_000, 65,000,000);
without a unit it is in base units: elements, MACs, bytes, seconds (times have us, ms and s). Against another
report, a change fails when it is

    macs>+5%                    by more than 5% of what was there before
    params>0                    any growth at all
    macs>+10M, macs<-10%        by an amount; the other way round
    changed, features:changed   anything about the network, or about a layer and what is in it

A `Limit` says what must hold, so the second kind is turned round when it is read. Values are Fractions:
1.2G is 1,200,000,000 and 5% is a twentieth, exactly.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, Literal, NoReturn

from netscope.base.errors import UsageError
from netscope.report.quantities import Number, find

Sign = Literal["<=", "<", ">=", ">", "==", "!="]
Measure = Literal["value", "change", "percent"]

_HOLDS: Final[dict[Sign, Callable[[Fraction, Fraction], bool]]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
_OPPOSITE: Final[dict[Sign, Sign]] = {
    "<=": ">", ">": "<=", ">=": "<", "<": ">=", "==": "!=", "!=": "==",
}  # fmt: skip
_SIGNS: Final[dict[str, Sign]] = {sign: sign for sign in _HOLDS}

_THOUSANDS: Final = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
# By the kind of a quantity, smallest first.
UNITS: Final[dict[str, Mapping[str, int | Fraction]]] = {
    "count": _THOUSANDS,
    "metric": _THOUSANDS,
    "bytes": {
        "B": 1,
        "KB": 10**3, "KiB": 2**10,
        "MB": 10**6, "MiB": 2**20,
        "GB": 10**9, "GiB": 2**30,
        "TB": 10**12, "TiB": 2**40,
    },
    "seconds": {"us": Fraction(1, 10**6), "ms": Fraction(1, 1000), "s": 1},
    "rate": _THOUSANDS,
}  # fmt: skip
_SPELT: Final = {"k": "K", "kB": "KB"}

_NUMBER: Final = r"""
    (?P<number>
        (?: [0-9]{1,3}(?:,[0-9]{3})+ | [0-9]+(?:_[0-9]+)* ) (?: \.[0-9]+ )? (?: [eE][+-]?[0-9]{1,2} )?
    )
"""
_LIMIT: Final = re.compile(
    rf"""
    (?: (?P<layer> .+ ) : )?
    \s* (?P<quantity> [A-Za-z_]\w* )
    \s* (?P<sign> [<>=!]= | [<>=] )
    \s* (?P<plus> [+-] )?
    {_NUMBER}
    \s* (?P<unit> [A-Za-z]+ | % )?
    """,
    re.VERBOSE,
)
_AMOUNT: Final = re.compile(rf"{_NUMBER} \s* (?P<unit> [A-Za-z]+ )?", re.VERBOSE)
_CHANGED: Final = re.compile(r"(?:(?P<layer>.+):)?\s*changed")
# Digits that are beyond any network.
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True)
class Limit:
    """What a quantity, or its change, must be.

    quantity:
        a key of `netscope.report.quantities`.
    sign, value:
        what must hold: `found <= value`, in base units; for "percent" a part of what was before.
    layer:
        a qualified name; "" for the whole network.
    measure:
        whether the value is the figure's own, its change in base units, or its change as a part.
    """

    quantity: str
    sign: Sign
    value: Fraction
    layer: str = ""
    measure: Measure = "value"

    def bound(self, before: Number | None = None) -> Fraction:
        """What the figure is held against; for a change, `before` is the figure that it started from."""
        if self.measure == "value":
            return self.value
        assert before is not None
        start = Fraction(before)
        return start + (start * self.value if self.measure == "percent" else self.value)

    def holds(self, found: Number, before: Number | None = None) -> bool:
        """Whether the figure is as it must be. Exact: no float is rounded on the way."""
        return _HOLDS[self.sign](Fraction(found), self.bound(before))

    @property
    def caps(self) -> bool:
        """Whether more than the bound can never be right."""
        return self.sign in ("<=", "<", "==")

    @property
    def amount(self) -> str:
        """The value as the language writes it: "1.2G", "+5%"."""
        return _amount(self)

    def __str__(self) -> str:
        """The shortest text that reads as this limit."""
        sign = self.sign if self.measure == "value" else _OPPOSITE[self.sign]
        return f"{f'{self.layer}:' if self.layer else ''}{self.quantity}{sign}{self.amount}"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """That a layer with everything inside it, or the whole network (""), is as it was before."""

    layer: str = ""

    def __str__(self) -> str:
        return f"{self.layer}:changed" if self.layer else "changed"


def parse_limit(text: str) -> Limit:
    """Read what must hold: "params=65M", "features.conv1:macs<=100M".

    Raises:
        UsageError: it is not of that form, or there is no such quantity or unit.
    """
    hint = "write params=65M, macs<=1.2G or features.conv1:params<=40K"
    parts = _parts(text, hint)
    if parts["plus"] or parts["unit"] == "%":
        raise UsageError(f"{text!r} limits a change.", hint="give it as what fails: --fail-if 'macs>+5%'")
    sign = "<=" if parts["sign"] == "=" else parts["sign"]
    return _limit(parts, _SIGNS[sign], "value")


def parse_named(key: str, value: str | int, sign: Sign = "<=") -> Limit:
    """Read a limit that was given under a name: ("params", "65M"), ("macs", "<1.2G"), ("params", 100).

    sign:
        what a value without one means.

    Raises:
        UsageError: as `parse_limit` does.
    """
    try:
        text = str(value).strip()
    except ValueError:  # an integer of thousands of digits
        raise UsageError(f"no {key} is that large.", hint=f'write {key}="65M"') from None
    return parse_limit(f"{key}{text}" if text[:1] in ("<", ">", "=", "!") else f"{key}{sign}{text}")


def parse_change(text: str) -> Limit | Unchanged:
    """Read what must not be: "macs>+5%", "params>0", "changed".

    Raises:
        UsageError: it is not of that form, or there is no such quantity or unit.
    """
    changed = _CHANGED.fullmatch(text.strip())
    if changed is not None:
        return Unchanged((changed["layer"] or "").strip())
    hint = "write macs>+5%, params>0 or changed"
    parts = _parts(text, hint)
    if parts["sign"] == "=":
        _refuse(text, hint)
    return _limit(parts, _OPPOSITE[_SIGNS[parts["sign"]]], "percent" if parts["unit"] == "%" else "change")


def amount_of(text: str, kind: str) -> Fraction:
    """A number with a unit of that kind, as limits have them: ("24GiB", "bytes").

    Raises:
        UsageError: it is not of that form, or there is no such unit.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"cannot read the amount {text[:100]!r}.", hint=f"write a number of {', '.join(UNITS[kind])}"
        )
    number = f"{Decimal(re.sub('[,_]', '', match['number'])):f}"
    if len(number) > _LONGEST:
        raise UsageError(f"cannot read the amount {text[:100]!r}.", hint="give a smaller one")
    return Fraction(number) * _unit(match["unit"] or "", kind, kind)


def _parts(text: str, hint: str) -> dict[str, str]:
    match = _LIMIT.fullmatch(text.strip())
    if match is None:
        _refuse(text, hint)
    number = f"{Decimal(re.sub('[,_]', '', match['number'])):f}"
    if len(number) > _LONGEST:
        _refuse(text, hint)
    return {name: part or "" for name, part in match.groupdict().items()} | {"number": number}


def _refuse(text: str, hint: str) -> NoReturn:
    raise UsageError(f"cannot read the limit {text[:100]!r}.", hint=hint)


def _limit(parts: Mapping[str, str], sign: Sign, measure: Measure) -> Limit:
    quantity, layer = find(parts["quantity"]), parts["layer"].strip()
    if layer and quantity.of_layer is None:
        raise UsageError(
            f"a layer has no {quantity.key}, only a whole network.",
            hint=f"write {quantity.key}{sign}{parts['number']}",
        )
    value = Fraction(parts["number"]) * _unit(parts["unit"], quantity.key, quantity.kind)
    return Limit(quantity.key, sign, -value if parts["plus"] == "-" else value, layer, measure)


def _unit(text: str, key: str, kind: str) -> int | Fraction:
    if text in ("", "%"):
        return Fraction(1, 100) if text else 1
    known = UNITS[kind]
    try:
        return known[_SPELT.get(text, text)]
    except KeyError:
        raise UsageError(f"{text!r} is no unit of {key}.", hint=f"use {', '.join(known)}, or none") from None


def _amount(limit: Limit) -> str:
    size = abs(limit.value)
    sign = "" if limit.measure == "value" or not limit.value else "-" if limit.value < 0 else "+"
    if limit.measure == "percent":
        return f"{sign}{_decimal(size * 100)}%"
    return sign + min(_written(size, find(limit.quantity).kind), key=len)


def _written(size: Fraction, kind: str) -> Iterator[str]:
    """The number in every unit that it is one of at least, largest first, and in the base unit."""
    for name, unit in sorted(UNITS[kind].items(), key=lambda item: -item[1]):
        if size >= unit:
            yield f"{_decimal(size / unit)}{name}"
    yield f"{_decimal(size)}{'s' if size and kind == 'seconds' else ''}"


def _decimal(value: Fraction) -> str:
    """All digits of a fraction of tens and twos, which every readable number is."""
    with localcontext(prec=200):
        text = f"{Decimal(value.numerator) / Decimal(value.denominator):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
