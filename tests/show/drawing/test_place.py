from __future__ import annotations

from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnGroup, DrawnNode
from netscope.show.drawing.place import Placed, place


def node(
    rank: int, x: float, width: float, height: float, inside: int = -1, kind: str = "module"
) -> DrawnNode:
    return DrawnNode(kind, "n", "", f"{kind}{rank}", False, inside, width, height, rank, x)  # type: ignore[arg-type]


def port(kind: str, rank: int, x: float = 0) -> DrawnNode:
    return node(rank, x, 10, 10, kind=kind)


def drawing(*groups: tuple[list[DrawnNode], list[DrawnEdge]]) -> Drawing:
    return Drawing("net", [DrawnGroup(*group) for group in groups], frozenset(), {})


def corners(placed: Placed) -> list[tuple[float, float]]:
    return [(box.x, box.y) for box in placed.boxes]


def test_a_chain_stands_below_each_other_in_the_middle() -> None:
    placed = place(drawing(([node(0, 0, 60, 24), node(1, 0, 100, 40)], [DrawnEdge(0, 1, "3")])), ())
    assert corners(placed) == [(20, 0), (0, 58)]  # 24 + 34
    assert (placed.width, placed.height) == (100, 98)
    line = placed.lines[0]
    assert line.points == ((50, 24), (50, 24), (50, 58), (50, 58))
    assert (line.text, line.spot) == ("3", (55, 39))


def test_columns_stand_as_far_apart_as_boxes_need() -> None:
    # a and b are neighbours: 30 + 20 + 40 between their middles. c may stand anywhere from a to b.
    nodes = [node(0, 0, 60, 24), node(0, 2, 80, 40), node(1, 1, 100, 40)]
    placed = place(drawing((nodes, [DrawnEdge(0, 2, "")])), ())
    assert corners(placed) == [(0, 8), (80, 0), (25, 74)]  # a in the middle of a line 40 high
    assert placed.width == 160
    # From a down through the rest of its line, then over to c.
    assert placed.lines[0].points == ((30, 32), (30, 40), (75, 74), (75, 74))


def test_no_column_stands_left_of_the_one_before_it() -> None:
    # Columns 0, 1 and 2: c stands 120 right of a, and so does d below, whose neighbour b needs only 50.
    nodes = [node(0, 0, 100, 40), node(0, 1, 100, 40), node(1, 2, 20, 40), node(1, 0, 40, 40)]
    placed = place(drawing((nodes, [])), ())
    assert corners(placed) == [(0, 0), (120, 0), (160, 74), (30, 74)]
    assert placed.width == 220


def test_an_edge_passes_boxes_at_a_distance() -> None:
    nodes = [node(0, 0, 56, 24), node(1, 0, 60, 40), node(2, 0, 56, 24)]
    edges = [DrawnEdge(0, 1, ""), DrawnEdge(1, 2, ""), DrawnEdge(0, 2, "", bends=(1,))]
    placed = place(drawing((nodes, edges)), ())
    assert placed.width == 70  # 30 + 30 + 10: the bend is 0 wide
    assert placed.lines[2].points == ((30, 24), (30, 24), (70, 58), (70, 98), (30, 132), (30, 132))


def test_bends_in_one_column_are_one() -> None:
    nodes = [node(0, 0, 56, 24), node(1, 0, 60, 40), node(2, 0, 60, 40), node(3, 0, 56, 24)]
    edges = [DrawnEdge(0, 2, "", bends=(1,)), DrawnEdge(0, 3, "", bends=(1, 1))]
    assert place(drawing((nodes, edges)), ()).width == 70
    apart = [DrawnEdge(0, 2, "", bends=(1,)), DrawnEdge(0, 3, "", bends=(2, 2))]
    assert place(drawing((nodes, apart)), ()).width == 80


def test_bends_left_of_all_boxes_are_within() -> None:
    nodes = [node(0, 1, 56, 24), node(1, 1, 60, 40), node(2, 1, 56, 24)]
    placed = place(drawing((nodes, [DrawnEdge(0, 2, "", bends=(0,))])), ())
    assert corners(placed) == [(12, 0), (10, 58), (12, 132)]
    assert placed.lines[0].points[2] == (0, 58)


INNER = (
    [port("input", 0), node(1, 0, 100, 40), port("output", 2)],
    [DrawnEdge(0, 1, "a"), DrawnEdge(1, 2, "b")],
)


def test_an_open_box_has_room_for_what_is_inside() -> None:
    nodes = [node(0, 0, 60, 24), node(1, 0, 60, 40, inside=1), node(2, 0, 60, 24)]
    edges = [DrawnEdge(0, 1, "a", in_port=0), DrawnEdge(1, 2, "b", out_port=2)]
    placed = place(drawing((nodes, edges), INNER), {(1,)})
    by_steps = {box.steps: box for box in placed.boxes}
    outer = by_steps[1,]
    # 100 + 2 × 14 wide; 26 + (10 + 34 + 40 + 34 + 10) + 14 high.
    assert (outer.x, outer.y, outer.width, outer.height, outer.open) == (0, 58, 128, 168, True)
    assert (by_steps[1, 1].x, by_steps[1, 1].y) == (14, 58 + 26 + 44)
    assert by_steps[1, 1].path == "module1.module1"
    assert by_steps[2,].y == 58 + 168 + 34
    assert placed.lines[0].points[-1] == (64, 58)
    # What comes in and goes out is written outside.
    assert [(line.steps, line.text) for line in placed.lines] == [
        ((), "a"), ((), "b"), ((1,), ""), ((1,), ""),
    ]  # fmt: skip
    closed = place(drawing((nodes, edges), INNER), ())
    assert closed.height == 24 + 34 + 40 + 34 + 24
    assert all(not box.open for box in closed.boxes)


def test_an_open_box_may_be_wider_than_what_is_inside() -> None:
    nodes = [node(0, 0, 200, 40, inside=1)]
    placed = place(drawing((nodes, []), INNER), {(0,)})
    assert placed.boxes[0].width == 200
    assert placed.boxes[2].x == 50


def test_edges_end_at_the_ports_of_open_boxes() -> None:
    inner = ([port("input", 0, 0), port("input", 0, 1), node(1, 0, 10, 40)], [DrawnEdge(0, 2, "")])
    nodes = [node(0, 0, 60, 24), node(1, 0, 20, 40, inside=1)]
    placed = place(drawing((nodes, [DrawnEdge(0, 1, "", in_port=1)]), inner), {(1,)})
    # Ports are 10 wide and 20 apart: their middles at 5 and 35, 14 from the box's left.
    assert placed.boxes[1].width == 40 + 28
    assert placed.lines[0].points[-1] == (14 + 35, 58)


def test_a_box_within_a_closed_one_is_not_seen() -> None:
    nodes = [node(0, 0, 60, 40, inside=1)]
    assert len(place(drawing((nodes, []), INNER), {(0, 1), (5,), (0, 0, 0)}).boxes) == 1


def test_a_value_is_told_once_and_another_reading_of_it_where_it_is_read() -> None:
    nodes = [node(0, 1, 60, 24), node(1, 0, 60, 24), node(1, 1, 60, 24), node(1, 2, 60, 24)]
    edges = [DrawnEdge(0, 1, "4"), DrawnEdge(0, 2, "4"), DrawnEdge(0, 3, "4 → 2×2")]
    lines = place(drawing((nodes, edges)), ()).lines
    assert [line.text for line in lines] == ["4", "", "4 → 2×2"]
    assert lines[2].spot == (190 + 5, 58 - 8)


def test_many_boxes_stand_below_each_other() -> None:
    count = 20_000
    nodes = [node(rank, 0, 60, 40) for rank in range(count)]
    big = drawing((nodes, [DrawnEdge(rank, rank + 1, "") for rank in range(count - 1)]))
    assert place(big, ()).height == count * 74 - 34
