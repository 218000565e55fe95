"""Which layers are meant, and what the face hands out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import netscope
from netscope.answers.explain.table import DERIVATIONS
from netscope.report.layer import Layer, Tensor
from netscope.report.report import Report
from tests.report.store.test_store import VALUE


def paths(pattern: str | None) -> list[str]:
    return [e.path for e in netscope.explain("lenet", pattern)]


def test_a_layer_is_named_by_path_by_its_last_part_or_by_a_glob():
    assert paths("features.conv1") == paths("conv1") == ["features.conv1"]
    assert paths("features.*") == [f"features.{name}" for name in ("conv1", "pool1", "conv2", "pool2")]
    assert paths("*conv?") == paths("conv?") == ["features.conv1", "features.conv2"]
    assert paths("") == [""]
    assert paths(None) == [layer.path for layer in netscope.summary("lenet")]


def test_a_wrong_name_is_told_the_nearest():
    with pytest.raises(netscope.UsageError, match="'lenet' has no layer 'conv9'") as caught:
        netscope.explain("lenet", "conv9")
    assert "features.conv1" in str(caught.value.hint)
    with pytest.raises(netscope.UsageError) as caught:
        netscope.explain("lenet", "zzzzzz")
    assert (
        caught.value.hint
        == "it has features, features.conv1, features.pool1, features.conv2, features.pool2, flatten, ..."
    )
    with pytest.raises(netscope.UsageError) as caught:
        netscope.explain(nn.Linear(2, 2), "weight", input="2")
    assert caught.value.hint == "it is one layer: leave the name out"


def test_it_takes_a_report_a_module_or_a_name():
    report = netscope.summary("lenet")
    for model in (report, "lenet"):
        assert netscope.explain(model, "conv1")[0]["params"].formula == "(3*3*1 + 1)*6"
    said = netscope.explain(nn.Conv2d(1, 6, 3), input="1x28x28", batch=2)
    assert said[0]["macs"].formula == "2 * 3*3*1 * 6 * 26*26"
    assert said.report.name == "Conv2d"


def test_explanations_are_found_by_path_and_lines_by_key():
    said = netscope.explain("lenet")
    assert said["features.conv1"] is said[2]
    assert len(said) == len(said.report)
    assert "params" in said[2]
    assert len(said[2]) == len(list(said[2]))
    with pytest.raises(KeyError, match="'conv1' is not among the explained layers"):
        said["conv1"]
    with pytest.raises(KeyError, match=r"no line 'parms'; there are output_side, maps"):
        said[2]["parms"]


def test_a_saved_report_explains_itself_the_same(tmp_path):
    netscope.summary("lenet").to_json(tmp_path / "lenet.json")
    assert (
        str(netscope.explain(tmp_path / "lenet.json", "conv2")).partition("\n\n")[2]
        == str(netscope.explain("lenet", "conv2")).partition("\n\n")[2]
    )


def test_explanations_go_elsewhere():
    said = netscope.explain("lenet", "conv1")
    assert "(3*3*1 + 1)*6 = 60" in str(said)
    assert "`(3*3*1 + 1)*6` | 60 |" in said.to_markdown()
    assert "features.conv1,Conv2d,params,params,(3*3*1 + 1)*6,60" in said.to_csv()
    assert json.loads(said.to_json())["layers"][0]["path"] == "features.conv1"


KEYS = (
    "kernel_size stride padding dilation groups in_channels out_channels ceil_mode in_features out_features "
    "embed_dim num_heads hidden_size input_size num_layers scale_factor start_dim output_padding"
).split()


@given(
    base=st.sampled_from(sorted(DERIVATIONS)),
    hyper=st.dictionaries(st.sampled_from(KEYS), VALUE | st.integers(-2, 3) | st.tuples(st.integers(0, 3))),
    shape=st.tuples() | st.tuples(*[st.integers(0, 5)] * 2) | st.tuples(*[st.integers(0, 5)] * 4),
)
def test_no_hyperparameter_breaks_a_derivation(base: str, hyper: dict[str, object], shape: tuple[int, ...]):
    tensors = (Tensor("", shape, "float32"),)
    layer = Layer(path="", type=base, base=base, hyperparameters=hyper, inputs=tensors, outputs=tensors)
    said = netscope.explain(Report(name="net", source="python", layers=(layer,)))
    assert "params" in said[0]
    assert str(said)
