from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from netscope.base.cost import FREE, Cost, VectorOps
from netscope.formulas import Uncountable, cost_of, formula, registered, temporary_formulas, vector
from netscope.formulas.registry import _all, _resolve, _spellings
from netscope.formulas.uncounted import UNCOUNTED
from netscope.trace.facts import Operator
from netscope.trace.schema import Schema
from tests.formulas.support import cost, operator, spec

X = spec(2, 3)


def test_an_operator_without_a_formula_is_unknown_never_zero() -> None:
    assert cost_of(operator("mylib.my_op.default", X, out=X)) is None
    # Being elementwise says nothing about how much each element costs.
    assert cost_of(operator("mylib.my_op.default", X, out=X, tags="pointwise inplace")) is None


@pytest.mark.parametrize("tag", ["view", "factory"])
def test_views_and_factories_are_free_by_their_tag(tag: str) -> None:
    assert cost_of(operator("mylib.my_op.default", X, out=X, tags=tag)) is FREE


def test_a_registered_formula_goes_before_a_tag() -> None:
    with temporary_formulas():
        formula("mylib.my_op")(lambda op: vector(5, add=1))
        assert cost("mylib.my_op.default", X, out=X, tags="view").vector.add == 5


def test_third_parties_register_with_the_same_decorator_and_it_is_undone() -> None:
    op = operator("mylib.rotate.default", X, out=X)
    with temporary_formulas():

        @formula("mylib.rotate", "mylib.turn")
        def rotate(op: Operator) -> Cost:
            return vector(op.outputs[0].numel, mul=2, add=1)

        found = cost_of(op)
        assert found == rotate(op)
        assert found is not None
        assert (found.vector.mul, found.vector.add) == (12, 6)
    assert cost_of(op) is None
    assert "mylib.rotate" not in registered()


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (5, "a formula returns contraction(...), vector(...) or None, not int"),
        ("x", "a formula returns contraction(...), vector(...) or None, not str"),
        (Cost("other", 1), "a cost is of kind contraction, vector, free, not 'other'"),  # type: ignore[arg-type]
        (Cost("contraction", -4), "it returned a negative count, -4"),
        (Cost("contraction", 1.5), "'float' object cannot be interpreted as an integer"),  # type: ignore[arg-type]
        (SystemExit(2), "SystemExit: 2"),
        (Mute(), "Mute: (its text cannot be had: ValueError)"),
    ],
    ids=lambda value: f"{value!r:.30}" if not isinstance(value, Mute) else "mute",
)
def test_what_a_formula_may_not_do_is_told_with_its_name(returned: object, says: str) -> None:
    def odd(op: Operator) -> object:
        if isinstance(returned, BaseException):
            raise returned
        return returned

    with temporary_formulas():
        formula("mylib.my_op")(odd)  # type: ignore[type-var]
        with pytest.warns(UserWarning, match="its calls are not counted") as told:
            assert cost_of(operator("mylib.my_op.default", X, out=X)) is None
    (warning,) = told
    assert str(warning.message).startswith("the formula of mylib.my_op.default failed, its calls are not ")
    assert says in str(warning.message)


def test_numpys_integers_are_as_good_as_pythons() -> None:
    made = Cost("contraction", np.int64(7), VectorOps(add=np.int32(2)), np.int64(3))  # type: ignore[arg-type]
    with temporary_formulas():
        formula("mylib.my_op")(lambda op: made)
        found = cost("mylib.my_op.default", X, out=X)
    assert found == Cost("contraction", 7, VectorOps(add=2), 3)
    assert all(type(n) is int for n in (found.macs, found.causal_macs, *found.vector))


def test_an_interruption_is_no_failure_of_a_formula() -> None:
    def interrupted(op: Operator) -> Cost:
        raise KeyboardInterrupt

    with temporary_formulas():
        formula("mylib.my_op")(interrupted)
        with pytest.raises(KeyboardInterrupt):
            cost_of(operator("mylib.my_op.default", X, out=X))


def test_a_registration_replaces_ours_for_as_long_as_it_lasts() -> None:
    ours = cost("aten.relu.default", X, out=X)
    with temporary_formulas():
        formula("aten.relu")(lambda op: vector(1, exp=7))
        assert cost("aten.relu.default", X, out=X).vector.exp == 7
        assert cost("aten.relu_.default", X, out=X).vector.exp == 7
    assert cost("aten.relu.default", X, out=X) == ours


def test_a_full_name_goes_before_its_packet() -> None:
    with temporary_formulas():
        formula("mylib.f")(lambda op: vector(1, add=1))
        formula("mylib.f.special")(lambda op: vector(1, add=2))
        assert cost("mylib.f.default", X).vector.add == 1
        assert cost("mylib.f.special", X).vector.add == 2
        assert cost("mylib.f_.special", X).vector.add == 2  # in place, the same overload


def test_in_place_and_out_forms_are_the_functional_operator() -> None:
    expected = cost("aten.sigmoid.default", X, out=X)
    assert cost("aten.sigmoid_.default", X, out=X) == expected
    assert cost("aten.sigmoid.out", X, out=X) == expected
    # A dunder is a name of its own, and does not lose an underscore.
    assert cost("aten.__iand__.Tensor", X, X, out=X).vector.cmp == 6


def test_a_formula_may_say_that_specs_are_not_enough() -> None:
    with temporary_formulas():

        @formula("mylib.ragged")
        def ragged(op: Operator) -> Cost:
            raise Uncountable("lengths are data")

        assert cost_of(operator("mylib.ragged.default", X)) is None


@pytest.mark.parametrize("name", ["", "aten.", ".add", "aten.add.Tensor.more"])
def test_malformed_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no operator name"):
        formula(name)


def test_the_decorator_without_names_is_refused() -> None:
    with pytest.raises(ValueError, match="wants operator names"):
        formula()
    with pytest.raises(ValueError, match="wants operator names"):
        formula(lambda op: None)  # type: ignore[arg-type]  # @formula without parentheses


def _exists(name: str) -> bool:
    namespace, _, rest = name.partition(".")
    library = getattr(torch.ops, namespace)
    packet = rest.split(".")[0]
    # Some operators exist in place only (`_foreach_zero_`, `fill_` of old).
    return hasattr(library, packet) or hasattr(library, packet + "_")


@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split("+")[0].split(".")[:2])) < (2, 14),
    reason="operators that came later are in the table already",
)
def test_every_name_in_the_table_exists_in_torch() -> None:
    pytest.importorskip("torchvision")
    for module in ("torch.ao.quantization.fx._decomposed", "torch._prims"):  # they register operators
        importlib.import_module(module)
    namespaces = {"aten", "torchvision", "prims", "quantized_decomposed", "profiler"}
    missing = [n for n in registered() if n.partition(".")[0] in namespaces and not _exists(n)]
    assert not missing


def _elementwise_operators() -> Iterator[str]:
    for schema in torch._C._jit_get_all_schemas():
        namespace, _, packet = schema.name.partition("::")
        overload = schema.overload_name or "default"
        if namespace == "aten":
            op = getattr(getattr(torch.ops.aten, packet, None), overload, None)
            if op is not None and torch.Tag.pointwise in op.tags:
                yield f"aten.{packet}.{overload}"


def test_every_elementwise_operator_of_torch_is_counted_or_consciously_unknown() -> None:
    names = set(_elementwise_operators())
    assert len(names) > 500
    assert sorted(name for name in names if _resolve(name, _all()) is None) == []


def test_the_uncounted_are_unknown_and_have_a_reason() -> None:
    for name, reason in UNCOUNTED.items():
        assert cost_of(operator(f"{name}.default", X, X, out=X)) is None
        assert reason


def test_formulas_do_not_import_torch() -> None:
    code = "import sys, netscope.formulas; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_formula_that_fails_leaves_its_operator_unknown_and_is_warned_of() -> None:
    with temporary_formulas():
        formula("mylib.my_op")(lambda op: vector(op.args[7].numel, add=1))
        with pytest.warns(UserWarning, match=r"the formula of mylib\.my_op\.default failed.*IndexError"):
            assert cost_of(operator("mylib.my_op.default", X, out=X)) is None


def test_families_that_come_later_take_nothing_from_those_that_came_first() -> None:
    """Neither an operator, nor a more special name of one, nor a view, which is free by its tag."""
    code = (
        "import netscope.formulas\n"
        "from netscope.formulas.registry import _FORMULAS\n"
        "assert 'netscope.formulas.quantized' not in __import__('sys').modules\n"
        "print(*_FORMULAS)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    first = set(done.stdout.split())
    late = set(registered()) - first
    assert len(first) > 100
    assert len(late) > 100
    assert not [name for name in late if first & set(_spellings(name))]
    assert not [name for name in first if late & set(_spellings(name))]
    for name in late:
        namespace, _, rest = name.partition(".")
        packet, _, overload = rest.partition(".")
        found = getattr(getattr(torch.ops, namespace), packet, None)
        overloads = [overload] if overload else found.overloads() if found is not None else []
        assert not [each for each in overloads if "view" in Schema(getattr(found, each)).tags]


def test_what_somebody_registered_first_stays_when_a_family_comes_later() -> None:
    code = (
        "from netscope.formulas import cost_of, formula, vector\n"
        "from netscope.trace.facts import Operator\n"
        "formula('aten._fft_c2c')(lambda op: vector(7, add=1))\n"
        "assert cost_of(Operator('aten.unheard_of.default', (), {}, (), frozenset())) is None\n"
        "assert cost_of(Operator('aten._fft_c2c.default', (), {}, (), frozenset())).vector.add == 7"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_overloads_of_an_operator_are_of_one_family():
    """Families are imported one after the other until an operator is found: its packet must not hide it."""
    homes = {name: found.__module__ for name, found in _all().items()}
    for name, home in homes.items():
        packet, _, overload = name.rpartition(".")
        if overload and packet in homes:
            assert homes[packet] == home, name
