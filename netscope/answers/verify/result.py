"""What came of holding a network's figures beside those of its peers. Frozen, raw base units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from netscope.base.answer import Answer
from netscope.report.report import Report


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule by which a peer counts otherwise, and what it comes to.

    key:
        the rule, for programs: "bias", "norms", "no formula", ...
    text:
        the same for people.
    amounts:
        {path: how much more the peer has there}, by the first qualified name of each module; "" for the
        network itself.
    detail:
        the arithmetic that the sum comes from.
    """

    key: str
    text: str
    amounts: dict[str, int]
    detail: str = ""

    @property
    def total(self) -> int:
        """How much more the peer has for this reason."""
        return sum(self.amounts.values())


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity of the whole network, of one peer.

    ours, theirs:
        None for one that is not known, or that the peer does not say.
    reasons:
        why they differ.
    unexplained:
        {path: how much more the peer has there than the reasons come to}; empty when all is accounted for.
    within:
        how far apart they may be, for a peer that publishes rounded figures.
    """

    quantity: str
    ours: int | None
    theirs: int | None
    reasons: tuple[Reason, ...] = ()
    unexplained: dict[str, int] = field(default_factory=dict)
    within: int = 0

    @property
    def difference(self) -> int | None:
        """How much more the peer has."""
        return None if self.ours is None or self.theirs is None else self.theirs - self.ours

    @property
    def equal(self) -> bool:
        """Whether both say the same, as far as it is printed."""
        return self.difference is not None and abs(self.difference) <= self.within

    @property
    def explained(self) -> bool:
        """Whether every difference has its reason."""
        return not self.unexplained


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one peer says.

    name, title:
        who says it.
    package, version:
        where it is from.
    params, macs:
        its totals beside ours, with the reasons.
    layers:
        {path: multiply-accumulates}, each module without those within; empty for one that says totals alone.
    rung:
        what its tensors were made of.
    error:
        why it says nothing, in a line; "" otherwise.
    note:
        what there is to know about its figures.
    """

    name: str
    title: str
    package: str = ""
    version: str = ""
    params: Figure | None = None
    macs: Figure | None = None
    layers: dict[str, int] = field(default_factory=dict)
    rung: str = "meta"
    error: str = ""
    note: str = ""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Those that it has."""
        return tuple(one for one in (self.params, self.macs) if one is not None and one.theirs is not None)

    @property
    def explained(self) -> bool:
        """Whether every difference has its reason. Who crashed has said nothing that could differ."""
        return all(figure.explained for figure in self.figures)


@dataclass(frozen=True)
class Verification(Answer):
    """A network's figures beside those of its peers. `print` shows it.

    report:
        ours.
    layers:
        {path: multiply-accumulates}: ours, each module without those within it.
    opinions:
        theirs, in the order of the columns.
    """

    report: Report
    layers: dict[str, int]
    opinions: tuple[Opinion, ...]

    def __iter__(self) -> Iterator[Opinion]:
        return iter(self.opinions)

    def __len__(self) -> int:
        return len(self.opinions)

    def __getitem__(self, name: str) -> Opinion:
        """What the peer of that name says.

        Raises:
            KeyError: there is none; the message lists those that there are.
        """
        for opinion in self.opinions:
            if opinion.name == name:
                return opinion
        raise KeyError(f"no peer {name!r}; there are {', '.join(one.name for one in self.opinions)}")

    @property
    def explained(self) -> bool:
        """Whether every difference has its reason."""
        return all(opinion.explained for opinion in self.opinions)

    @property
    def failed(self) -> tuple[Opinion, ...]:
        """Peers that could not say anything."""
        return tuple(opinion for opinion in self.opinions if opinion.error)

    @property
    def verb(self) -> str:
        """Its page."""
        return "verify"
