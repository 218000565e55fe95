"""What an answer says to people and to programs, before it is text in any format.

Every answer makes one `Page`; a format is one way of writing any page (`netscope.show.formats`). A page has a
head, sections in the order in which they are read, the same as records for tables of data, and as a document
for JSON. Sections are of a few kinds, and a format has a way of writing each:

    Table        rows of cells under headings, a tree where cells say so
    Facts        a figure a line: what it is, how much, and what there is to say about it
    Bars         shares of a whole
    Derivations  a line each: what is asked, the formula, what it comes to
    Listing      names alone, many of them
    Notes        sentences
    Title        what the next sections are of
    Folded       sections that a reader opens, where the format can fold
    Layers       a table of a network's rows, and all that there is of them where rows can be opened
    Network      the network drawn from its data flow
    Difference   two networks drawn side by side
    Plot         a curve, a scatter or a distribution

The last three are pictures: a format that cannot draw leaves them out, for the sections around them say in
figures what they show. Pages name them `p.Table`, `p.Note`: `from netscope.show import page as p`.

All text on a page is as its author wrote it: a format makes it safe for where it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from netscope.show.drawing.difference import DrawnDiff
    from netscope.show.drawing.drawing import Drawing
    from netscope.show.grid import Grid

Tone = Literal["", "title", "accent", "added", "warn", "bad", "dim"]


class Piece(NamedTuple):
    """Text of one tone."""

    text: str
    tone: Tone = ""


class Cell(NamedTuple):
    """What stands in one place of a table.

    text:
        what it says by itself: a layer's whole path.
    behind:
        a remark that follows the text, and matters less.
    code:
        whether the text is a name from the network, which some formats set apart.
    lasts:
        of a row in a tree: whether it, and each row around it, is the last sibling.
    brief:
        the cell for where its neighbours are seen: the last part of a path in a drawn tree, "=" for the shape
        that came in. None where it is the same.
    """

    text: str = ""
    tone: Tone = ""
    behind: str = ""
    code: bool = False
    lasts: tuple[bool, ...] = ()
    brief: Cell | None = None

    @property
    def remark(self) -> str:
        """What follows the text, with the blank before it."""
        return self.behind if not self.behind or self.behind.startswith(",") else f" {self.behind}"

    @property
    def seen(self) -> Cell:
        """The cell as it reads beside its neighbours."""
        return self if self.brief is None else self.brief


EMPTY = Cell()


class Heading(NamedTuple):
    """How a column behaves.

    right:
        whether its texts stand at the right, as numbers do.
    units:
        whether its numbers end at the same place, whatever unit follows.
    drop:
        where there is little room, higher ones leave first; 0 stays.
    spare:
        whether it only draws out what other cells say by themselves: it is for where there is room, and
        nobody needs to be told that it left.
    floor:
        how narrow its texts may be shortened; 0 for never.
    name:
        whether its texts are names, which differ at their ends and are elided in the middle.
    longest:
        the most that its texts take where there is room for more; 0 for no end.
    wraps:
        whether its texts are sentences, which go on below themselves; such a column is the last one.
    """

    title: str = ""
    right: bool = False
    units: bool = False
    drop: int = 0
    spare: bool = False
    floor: int = 0
    name: bool = False
    longest: int = 0
    wraps: bool = False


class Row(NamedTuple):
    """A row's cells, one for each heading, and a sentence that belongs to it.

    around:
        whether it only says what is around other rows, which whole paths say too.
    """

    cells: Sequence[Cell]
    note: str = ""
    around: bool = False


class Table(NamedTuple):
    """Rows of cells under headings. `bare` tables speak for themselves: people need no headings."""

    headings: Sequence[Heading]
    rows: Sequence[Row]
    bare: bool = False


class Fact(NamedTuple):
    """A figure: what it is, how much, and what there is to say about it."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "accent"


class Facts(NamedTuple):
    """A figure a line."""

    items: Sequence[Fact]


class Bar(NamedTuple):
    """A part of a whole: its share, the amount as text, and what it consists of."""

    label: str
    share: float
    value: str
    note: str = ""
    tone: Tone = "dim"


class Bars(NamedTuple):
    """Where a whole went."""

    title: str
    items: Sequence[Bar]


class Derived(NamedTuple):
    """One question, the arithmetic that answers it ("" where there is none), and the answer."""

    label: str
    formula: str
    value: str
    note: str = ""


class Derivations(NamedTuple):
    """A derivation, a question a line."""

    items: Sequence[Derived]


class Listing(NamedTuple):
    """Listing alone, in columns where there is room."""

    items: Sequence[str]


class Note(NamedTuple):
    """A sentence.

    mark:
        a sign before it, for those who see no colour.
    hint:
        what to type to see more, for those who can type.
    """

    text: str
    tone: Tone = ""
    mark: str = ""
    hint: str = ""


class Notes(NamedTuple):
    """Sentences, one a line.

    close:
        whether they belong to the section before them.
    drawn:
        whether a picture says the same where pictures can be drawn.
    """

    items: Sequence[Note]
    close: bool = False
    drawn: bool = False


class Title(NamedTuple):
    """What the next sections are of: pieces that dots join. `close` where those are one block with it."""

    pieces: Sequence[Piece]
    close: bool = False


class Folded(NamedTuple):
    """Sections that a reader opens, under a title.

    aside:
        whether they are left out where nothing can be folded, and not shown open.
    """

    title: str
    sections: Sequence[Section]
    aside: bool = False


class Layers(NamedTuple):
    """The rows of a network.

    table:
        as they are shown where nothing can be opened.
    grid:
        all rows with all columns, for where they can be opened, sorted and searched.
    """

    table: Table
    grid: Callable[[], Grid]


class Network(NamedTuple):
    """A network drawn from its data flow.

    drawing:
        None where the flow is not known, as in a report from an older file. Called with `placed=False` by who
        places boxes by itself.
    """

    drawing: Callable[..., Drawing | None]


class Difference(NamedTuple):
    """Two networks drawn side by side, what they have in common opposite each other.

    drawing:
        as of a network.
    """

    drawing: Callable[..., DrawnDiff | None]


class Axis(NamedTuple):
    """What a plot is drawn along.

    text:
        a value as people read it.
    log:
        whether equal steps are equal ratios.
    binary:
        whether round numbers are powers of two, as of bytes.
    """

    title: str
    text: Callable[[float], str]
    log: bool = False
    binary: bool = False


class Point(NamedTuple):
    """A point of a plot, what it is, and the row that it is of."""

    x: float
    y: float
    text: str = ""
    path: str | None = None


class Series(NamedTuple):
    """Points that belong together: "line", "steps" and "area" join them, "dots" and "bars" do not."""

    label: str
    points: Sequence[Point]
    look: Literal["line", "steps", "area", "dots", "bars"] = "line"
    tone: Tone = "accent"


class Mark(NamedTuple):
    """A line across a plot at a value of one axis, and what is there."""

    axis: Literal["x", "y"]
    at: float
    text: str


class Plot(NamedTuple):
    """Series along two axes. `summary` says in a sentence what can be seen."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    marks: Sequence[Mark] = ()
    summary: str = ""


Picture = Network | Difference | Plot
Section = Table | Facts | Bars | Derivations | Listing | Notes | Title | Folded | Layers | Picture


class Records(NamedTuple):
    """The same for programs: rows of raw values under keys."""

    keys: Sequence[str]
    rows: Iterable[Sequence[Any]]
    version: int


class Document(NamedTuple):
    """The same as plain JSON values. The items of `rows`, the name of a list in it, have a line each."""

    values: Mapping[str, Any]
    rows: str


class Comment(NamedTuple):
    """What makes a page a comment on a pull request.

    kind, of:
        by which the next run finds the comment.
    verdict:
        the answer in one sentence, its heading.
    command:
        what makes it again; "" when that was not typed.
    """

    kind: str
    of: str
    verdict: str
    command: str = ""


class Page(NamedTuple):
    """An answer, ready for any format.

    head:
        what was looked at: pieces that dots join, the name first.
    sections, records, document:
        made when a format asks for them: none needs all.
    comment:
        None for a page that is no comment.
    picture:
        which picture a format of one picture shows: "network", "map", "map:params", "curve"; "" for the
        first.
    depth:
        how deep such a network is open; None for as much as one takes in.
    """

    title: str
    head: Sequence[Piece]
    sections: Callable[[], Iterable[Section]]
    records: Callable[[], Records]
    document: Callable[[], Document]
    comment: Comment | None = None
    picture: str = ""
    depth: int | None = None
