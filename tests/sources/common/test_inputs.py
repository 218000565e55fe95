"""What `--input`, `--batch` and `--dtype` make of a network's example call."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from netscope.base.errors import UsageError
from netscope.base.workload import TensorSpec as T
from netscope.sources.common.blueprint import Call
from netscope.sources.common.inputs import Input, Setting, combine


class Net(nn.Module):
    """Takes what the tests name."""

    def forward(self, x: Tensor, y: Tensor | None = None, *, mask: Tensor | None = None) -> Tensor:
        """Return `x`."""
        return x


def call(given: Input, example: Call | None = None, batch: int = 2, dtype: str | None = None) -> Call:
    """The call for a `Net`."""
    return combine(example, given, Setting("net", Net(), batch, dtype))


def test_the_example_is_used_where_nothing_is_given():
    example = Call((T((2, 3)), 7), {"mask": None})
    assert call(None, example) == example


def test_without_example_and_input_the_answer_says_what_to_type():
    with pytest.raises(UsageError, match="net has no example input") as caught:
        call(None)
    assert caught.value.hint == "give one, as in --input 3x224x224"


def test_the_batch_is_put_in_front_of_a_given_input():
    assert call("3x8x8") == Call((T((2, 3, 8, 8)),))
    assert call(T((5,), "int64")) == Call((T((2, 5), "int64"),))
    assert call(["3", "4:bool"]) == Call((T((2, 3)), T((2, 4), "bool")))
    assert call("scalar") == Call((T(()),))


def test_a_given_input_takes_the_dtype_that_the_example_has_there():
    tokens = Call((), {"input_ids": T((2, 128), "int64"), "mask": T((2, 128), "bool")})
    assert call("16", tokens).kwargs == {"input_ids": T((2, 16), "int64"), "mask": T((2, 128), "bool")}
    assert call("16:int32", tokens).kwargs["input_ids"] == T((2, 16), "int32")


def test_a_named_input_goes_where_its_name_says():
    example = Call((T((2, 3)), T((2, 4))))
    assert call("y=9", example) == Call((T((2, 3)), T((2, 9))))
    assert call("mask=5:bool", example).kwargs == {"mask": T((2, 5), "bool")}


@pytest.mark.parametrize("given", [["3", "mask=5:bool"], ["mask=5:bool", "3"]])
def test_named_and_unnamed_inputs_without_an_example(given: list[str]):
    assert call(given) == Call((T((2, 3)),), {"mask": T((2, 5), "bool")})


def test_an_unnamed_input_takes_the_first_place_that_has_no_name():
    tokens = Call((), {"x": T((2, 128), "int64"), "mask": T((2, 128), "bool")})
    assert call(["x=16", "8"], tokens).kwargs == {"x": T((2, 16), "int64"), "mask": T((2, 8), "bool")}


def test_a_name_that_the_forward_does_not_take_is_answered_with_those_it_does():
    with pytest.raises(
        UsageError, match=r"the forward of net takes no 'maks'\. Did you mean mask\?"
    ) as caught:
        call("maks=3")
    assert caught.value.hint == "it takes x, y, mask"


def test_one_input_stands_for_several_alike():
    frames = Call((T((2, 3, 8, 8)), T((2, 3, 8, 8))))
    assert call("3x4x4", frames).args == (T((2, 3, 4, 4)), T((2, 3, 4, 4)))
    assert call("7", Call((T((2, 3)), T((2, 4))))).args == (T((2, 7)), T((2, 4)))


def test_a_list_of_images_stays_a_list_of_images():
    images = Call(([T((3, 8, 8))] * 2,))
    assert call("3x4x4", images).args == ([T((3, 4, 4)), T((3, 4, 4))],)


def test_a_dtype_changes_floating_point_inputs_only():
    example = Call((T((2, 3)), T((2, 3), "int64")), {"mask": torch.zeros(2)})
    changed = call(None, example, dtype="bfloat16")
    assert changed.args == (T((2, 3), "bfloat16"), T((2, 3), "int64"))
    assert changed.kwargs["mask"].dtype == torch.bfloat16
    assert call("3", dtype="float16").args == (T((2, 3), "float16"),)
    assert call("3:float64", dtype="float16").args == (T((2, 3), "float64"),)


def test_a_factorys_own_arguments_have_their_own_batch():
    setting = Setting("net", Net(), 2, fixed_batch=True)
    with pytest.raises(UsageError, match="brings its own arguments"):
        combine(Call((T((1, 3)),)), None, setting)
    assert combine(Call((T((1, 3)),)), "4", setting).args == (T((2, 4)),)


def test_sizes_of_integers_are_sizes():
    assert call((3, 8)) == call([3, 8]) == call("3x8")
    assert call([(3,), (4, 5)]) == call(["3", "4x5"])


def test_sizes_beyond_what_torch_can_count_are_refused():
    for sizes in ("99999999999999999999", "99999999999x99999999", "0x99999999999999999999"):
        with pytest.raises(UsageError, match="no tensor can have the sizes 2x"):
            call(sizes)


def test_a_forward_of_no_arguments_needs_no_input():
    class Alone(nn.Module):
        def forward(self, scale: float = 1.0) -> Tensor:
            return torch.zeros(3) * scale

    assert combine(None, None, Setting("alone", Alone())) == Call()
