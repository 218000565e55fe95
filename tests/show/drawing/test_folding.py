from __future__ import annotations

from netscope.show.drawing.folding import Run, Wire, runs_of


def runs(looks: str, pairs: list[tuple[int, int]], blocks: bool = False) -> list[Run]:
    """Of a group whose nodes look like letters, "." like nothing else."""
    found = [None if look == "." else look for look in looks]
    return runs_of(found, [blocks] * len(looks), [""] * len(looks), [Wire(a, b, "x") for a, b in pairs])


def chain(count: int) -> list[tuple[int, int]]:
    return [(node, node + 1) for node in range(count - 1)]


def test_equal_neighbours_in_a_chain() -> None:
    assert runs(".aaa.", chain(5)) == [Run(1, 1, 3)]


def test_two_are_a_run_where_they_open() -> None:
    assert runs(".aa.", chain(4)) == []
    assert runs(".aa.", chain(4), blocks=True) == [Run(1, 1, 2)]


def test_several_nodes_repeat() -> None:
    assert runs(".ababab.", chain(8)) == [Run(1, 2, 3)]
    assert runs(".abab.", chain(6), blocks=True) == []


def test_the_longest_run_is_the_outer_one() -> None:
    # Five of one kind and one of another, three times: the fives are found within.
    assert runs(".aaaabaaaabaaaab.", chain(17)) == [Run(1, 5, 3)]


def test_residuals_within_copies() -> None:
    # in -> a -> +, in -> +: each sum is read by the next copy's a and +.
    pairs = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4), (4, 5), (5, 6), (4, 6), (6, 7)]
    assert runs(".a+a+a+.", pairs) == [Run(1, 2, 3)]


def test_one_node_outside_that_all_copies_read() -> None:
    assert runs("..aaa.", [(0, 2), (2, 3), (3, 4), (4, 5), (1, 2), (1, 3), (1, 4)]) == [Run(2, 1, 3)]


def test_nodes_outside_of_which_each_copy_reads_its_own() -> None:
    pairs = [(0, 3), (3, 4), (4, 5), (5, 6), (0, 3), (1, 4), (2, 5)]
    assert runs("...aaa.", pairs) == []


def test_a_copy_that_is_read_from_outside_is_the_last() -> None:
    pairs = [*chain(8), (3, 7)]
    assert runs(".aaaaaa.", pairs) == [Run(1, 1, 3), Run(4, 1, 3)]


def test_reading_two_copies_back_is_no_run() -> None:
    pairs = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (2, 4), (3, 4), (3, 5), (4, 5), (5, 6)]
    assert runs(".aaaaa.", pairs) == []


def test_the_first_copy_reads_one_value_where_others_read_two() -> None:
    pairs = [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7), (6, 7)]
    assert runs(".ababab.", pairs) == [Run(1, 2, 3)]


def test_the_first_copy_cannot_read_two_values_where_others_read_one() -> None:
    # From the second pair of a and b on both read the same b; in the first each has its own input. So the
    # first a stays outside.
    pairs = [(0, 2), (1, 3), (3, 4), (3, 5), (5, 6), (5, 7), (7, 8), (7, 9), (9, 10)]
    assert runs("..abababab.", pairs) == [Run(3, 2, 3)]


def test_what_is_written_at_wires_is_part_of_it() -> None:
    wires = [Wire(0, 1, "3"), Wire(1, 2, "3"), Wire(2, 3, "4"), Wire(3, 4, "4")]
    assert runs_of([None, "a", "a", "a", None], [False] * 5, [""] * 5, wires) == []


def test_a_run_begins_where_names_belong_together() -> None:
    looks = [None, "relu", "conv", "relu", "conv", "relu", "conv", "relu", None]
    stems = ["", "0", "1", "1", "2", "2", "3", "3", ""]
    wires = [Wire(a, b, "x") for a, b in chain(9)]
    assert runs_of(looks, [False] * 9, stems, wires) == [Run(2, 2, 3)]
    assert runs_of(looks, [False] * 9, [""] * 9, wires) == [Run(1, 2, 3)]


def test_copies_beside_each_other() -> None:
    # Four read one node, and one node reads all four.
    pairs = [(0, node) for node in range(1, 5)] + [(node, 5) for node in range(1, 5)]
    assert runs(".aaaa.", pairs) == [Run(1, 1, 4)]
    # One of them is read by somebody else too: only the last may be.
    assert runs(".aaaa..", [*pairs, (2, 6)]) == []
    assert runs(".aaaa..", [*pairs, (4, 6)]) == [Run(1, 1, 4)]


def test_steps_of_a_loop_that_are_gathered() -> None:
    # Each step reads the one before and an input, and all are read by what gathers them.
    pairs = [(0, 2), (2, 3), (3, 4), *[(1, step) for step in (2, 3, 4)], *[(step, 5) for step in (2, 3, 4)]]
    assert runs("..aaa.", pairs) == [Run(2, 1, 3)]


def test_a_shape_is_written_as_it_was_made_and_as_it_is_read() -> None:
    wire = Wire(0, 1, "a → b", read="8")
    assert (wire.made, wire.text) == ("a → b", "a → b → 8")
    assert wire._replace(read="").text == "a → b"
