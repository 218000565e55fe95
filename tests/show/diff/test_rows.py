from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netscope.answers.diff import Diff, diff
from netscope.answers.diff.everywhere import everywhere
from netscope.answers.diff.figures import figure, total
from netscope.base.errors import UsageError
from netscope.report.layer import Layer, Tensor
from netscope.report.quantities import BY_KEY, Delta
from netscope.report.report import Report
from netscope.show.diff.blocks import blocks
from netscope.show.diff.rows import DiffRow
from netscope.show.diff.selection import build
from tests.nets import chain, head, networks, wide
from tests.reports import alexnet, around, conv, leaf, linear, relu, stack


def rows(before: Report, after: Report, **what: object) -> list[tuple[str, str, str]]:
    """Mark, label and words of every row, followers behind the label."""
    return [(row.mark, *_texts(row)) for row in build(diff(before, after), **what).rows]


def _texts(row: DiffRow) -> tuple[str, str]:
    name = ", ".join([row.label + (f" ×{row.times}" if row.times > 1 else ""), *row.followers])
    return name, f"{row.kind} {row.layers}" if row.kind not in ("layer", "around") else ", ".join(row.words)


def test_blocks_in_which_the_same_changed_are_one() -> None:
    assert rows(wide(32), wide(64)) == [
        ("", "blocks", ""),
        ("", "0-2 ×3", ""),
        ("~", "up ×3, act", "channels out 32→64"),
        ("~", "down ×3", "channels in 32→64"),
        ("=", "last", "same 3"),
    ]


def test_their_figures_are_those_of_all_together() -> None:
    found = build(diff(wide(32), wide(64)))
    up = next(row for row in found.rows if row.label == "up")
    delta = figure(found.diff, up.counted, BY_KEY["params"]).delta
    assert (delta.before, delta.after) == (3 * (16 * 32 + 32), 3 * (16 * 64 + 64))


def test_everything_opens_all_of_it() -> None:
    found = build(diff(wide(32), wide(64)), everything=True)
    assert len(found.rows) == len(wide(32)) - 1  # the root has nothing to tell
    assert not found.folded
    assert build(diff(wide(32), wide(64))).folded


def test_added_blocks_are_a_row() -> None:
    assert rows(stack(2), stack(5)) == [
        ("=", "embed", "same 1"),
        ("", "layers", ""),
        ("=", "0-1", "same 6"),
        ("+", "2-4 ×3", "Block, 3 layers"),
        ("=", "head", "same 1"),
    ]
    assert [mark for mark, *_ in rows(stack(5), stack(2))].count("-") == 1


def test_a_depth_says_how_much_changed_within() -> None:
    assert rows(wide(32), wide(64), depth=1) == [("~", "blocks", "9 of 12 layers changed")]


def test_a_path_makes_a_list() -> None:
    found = rows(wide(32), wide(64), layers="blocks.1.*")
    assert [(mark, name) for mark, name, _ in found] == [
        ("~", "blocks.1.up"),
        ("~", "blocks.1.act"),
        ("~", "blocks.1.down"),
        ("=", "blocks.1.last"),
    ]
    with pytest.raises(UsageError, match=r"has a layer on the path 'block\.\*'"):
        build(diff(wide(32), wide(64)), layers="block.*")


def test_what_differs_everywhere_is_told_once() -> None:
    def halved(whole: Report) -> Report:
        layers = tuple(
            replace(
                layer,
                outputs=tuple(t._replace(dtype="bfloat16") for t in layer.outputs),
                parameters=tuple(
                    p._replace(dtype="bfloat16", stored_bytes=p.stored_bytes // 2) for p in layer.parameters
                ),
            )
            for layer in whole.layers
        )
        return replace(whole, layers=layers, inputs=(Tensor("0", (1, 3, 227, 227), "bfloat16"),))

    change = diff(alexnet(), halved(alexnet()))
    assert {c.what for c in everywhere(change)} == {"dtype", "output_dtype"}
    assert rows(alexnet(), halved(alexnet())) == [("~", "features…classifier", "shared 23")]


def test_an_output_that_only_passes_on_is_no_row() -> None:
    found = rows(head(55), head(57))
    assert ("~", "0, 1 ReLU", "") in found
    assert [row for row in found if row[1].startswith("1")] == []


def test_a_container_around_what_was_there_adds_no_figures() -> None:
    def net(*, wrapped: bool) -> Report:
        def inside(path: str) -> list[Layer]:
            return [conv(f"{path}{n}", (1, 3, 8, 8), (1, 3, 8, 8), 2 * n + 1, padding=n) for n in (1, 2)]

        extra = linear("new.extra", (1, 4), (1, 4))
        rows = around("new", "Block", [*inside("new.conv"), extra]) if wrapped else inside("conv")
        return chain("net", [*rows, linear("fc", (1, 4), (1, 4))])

    found = {row.label: row for row in build(diff(net(wrapped=False), net(wrapped=True))).rows}
    assert found["new"].mark == found["extra"].mark == "+"
    assert found["new"].partial
    assert not found["new"].has_figures
    assert found["extra"].has_figures
    assert found["conv1-2"].kind == "moved"


def test_layers_with_the_one_that_passes_their_change_on_are_one_row() -> None:
    def net(width: int) -> Report:
        shape = (1, width)
        rows = [linear(str(n), shape, shape) if n % 2 == 0 else relu(str(n), shape) for n in range(6)]
        return chain("mlp", rows)

    change = diff(net(4), net(8))
    (row,) = build(change).rows
    assert (row.label, row.times, row.followers) == ("0, 2, 4", 3, ("ReLU",))
    assert figure(change, row.counted, BY_KEY["params"]).delta == Delta(3 * 20, 3 * 72)


def test_a_row_has_the_figures_of_those_that_follow_it() -> None:
    def net(width: int) -> Report:
        shape = (1, width)
        return chain("net", [linear("fc", shape, shape), leaf("act", "Tanh", shape, shape)])

    change = diff(net(4), net(8))
    (row,) = build(change).rows
    assert row.followers == ("act",)
    assert figure(change, row.counted, BY_KEY["output_bytes"]).delta == Delta(2 * 4 * 4, 2 * 8 * 4)
    assert figure(change, row.counted, BY_KEY["output_bytes"]) == total(change, BY_KEY["output_bytes"])


def test_a_thousand_layers_that_pass_a_change_on() -> None:
    def net(side: int) -> Report:
        acts = [relu(f"act{n}", (1, 4, side, side)) for n in range(2_000)]
        return chain("net", [conv("conv", (1, 3, side, side), (1, 4, side, side), 1), *acts])

    (row,) = build(diff(net(8), net(9))).rows
    assert len(row.followers) == 2_000


def test_a_renamed_run_is_a_row_and_one_moved_layer_says_where_from() -> None:
    def named(*names: str) -> Report:
        return chain("net", [linear(name, (1, 4 + n), (1, 5 + n)) for n, name in enumerate(names)])

    assert rows(named("a", "b", "c"), named("x", "y", "c")) == [
        ("~", "a…b → x…y", "renamed 2"),
        ("=", "c", "same 1"),
    ]


def test_columns_are_what_changed() -> None:
    assert [q.key for q in build(diff(wide(32), wide(64))).quantities] == ["params", "macs", "output_bytes"]
    added = chain("net", [linear("fc", (1, 4), (1, 4)), relu("act", (1, 4))])
    plain = chain("net", [linear("fc", (1, 4), (1, 4))])
    assert build(diff(plain, added)).quantities == ()
    chosen = build(diff(plain, added), columns=["flops", "weight_layers", "flops"])
    assert [q.key for q in chosen.quantities] == ["flops"]  # layers have no weight layers
    assert [q.key for q in chosen.totals] == ["flops", "weight_layers"]


def test_totals_leave_out_what_follows_another() -> None:
    keys = [q.key for q in build(diff(stack(2), stack(5))).totals]
    assert {"params", "macs", "output_bytes", "weight_layers"} <= set(keys)
    assert not {"flops", "trainable_params", "param_bytes"} & set(keys)


def test_a_wrong_call() -> None:
    change = diff(wide(32), wide(64))
    with pytest.raises(UsageError, match="there is no quantity 'parms'"):
        build(change, columns=["parms"])
    with pytest.raises(UsageError, match="the depth must be 0 or more"):
        build(change, depth=-1)


def covered(change: Diff) -> Counter[int]:
    """How often each pair is part of a row: a run and an added or removed subtree are of all within."""
    inside: list[list[int]] = [[n] for n in range(len(change.pairs))]
    for number in range(len(change.pairs) - 1, 0, -1):
        inside[change.pairs[number].parent] += inside[number]
    drafts = blocks(change, everywhere(change), ("params", "macs"))
    found: Counter[int] = Counter()
    for draft, following in zip(drafts, [*drafts[1:], None], strict=True):
        leads = following is not None and following.level > draft.level
        for number in draft.pairs:
            found.update([number] if leads else inside[number])
        found.update(draft.followers)
    return found


@given(before=networks(), after=networks())
def test_no_layer_is_lost(before: Report, after: Report) -> None:
    change = diff(before, after)
    assert covered(change) == Counter(range(len(change.pairs)))
    everything = build(change, everything=True)
    assert len(everything.rows) in (len(change), len(change) - 1)


@given(net=networks())
@settings(max_examples=50)
def test_of_a_network_and_itself_there_is_nothing_to_tell(net: Report) -> None:
    assert all(row.mark == "=" for row in build(diff(net, net)).rows)


@given(before=networks(), after=networks(), depth=st.integers(0, 3))
@settings(max_examples=60)
def test_branches_fit_the_depth_of_rows(before: Report, after: Report, depth: int) -> None:
    for everything in (False, True):
        for row in build(diff(before, after), depth=depth, everything=everything).rows:
            assert len(row.lasts) <= max(depth - 1, 0)


def test_unknown_figures_are_bounds() -> None:
    odd = leaf("odd", "Odd", (1, 4), (1, 4), operators={"lib.odd": 1}, unknown={"lib.odd": 1}, macs=None)
    before = chain("net", [linear("fc", (1, 4), (1, 4)), odd])
    after = chain("net", [linear("fc", (1, 4), (1, 8)), odd])
    found = build(diff(before, after), columns=["macs"])
    fc = next(row for row in found.rows if row.label == "fc")
    macs = figure(found.diff, fc.counted, BY_KEY["macs"])
    assert (macs.delta.before, macs.delta.after, macs.bounds) == (16, 32, (False, False))
    whole = total(found.diff, BY_KEY["macs"])
    assert (whole.delta.before, whole.delta.after, whole.bounds) == (16, 32, (True, True))


def test_an_unknown_part_of_a_layer_leaves_a_bound_for_its_vector_operations() -> None:
    def net(width: int) -> Report:
        unknown = {"lib.odd": 1}
        odd = leaf("block.odd", "Odd", (1, 4), (1, width), operators=unknown, unknown=unknown, vector=None)
        return chain("net", around("block", "Block", [relu("block.act", (1, 4)), odd]))

    found = build(diff(net(4), net(8)), columns=["vector"])
    block = next(row for row in found.rows if row.label == "block")
    vector = figure(found.diff, block.counted, BY_KEY["vector"])
    assert vector.bounds == (True, True)
    assert vector.delta == Delta(4, 4)  # those of the ReLU
