"""What breaks every peer must work here: numbered as in the list, with hand-computed figures."""

from __future__ import annotations

import copy
import re
import sys
from typing import Any

import pytest
import torch
from markdown_it import MarkdownIt
from torch import nn

import netscope.testing  # noqa: F401 - imported as a user's tests would
from netscope import TensorSpec, summary
from netscope.base.errors import TraceError
from netscope.report.report import Report
from tests import models as m


def of(module: nn.Module, *args: Any, **kwargs: Any) -> Report:
    """The report of one call; the third run must equal the first."""
    first, _, third = (summary(module, args=args, kwargs=kwargs) for _ in range(3))
    assert first.layers == third.layers
    assert sum(layer.own_macs for layer in first.layers) == first.counted_macs
    assert sum(layer.own_params for layer in first.layers) == first.params
    assert sum(layer.own_output_bytes for layer in first.layers) == first.output_bytes
    assert first.unknown == {}
    return first


def test_1_fused_encoder_layer() -> None:
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True).eval()
    report = of(layer, torch.randn(2, 16, 64))
    # 32 tokens: qkv 3*64*64, output 64*64, feed-forward 2*64*128; attention 2 * 2*4*16*16*16.
    assert report.macs == 32 * (4 * 64 * 64 + 2 * 64 * 128) + 2 * (2 * 4 * 16 * 16 * 16) == 1_114_112
    assert {"self_attn", "linear1", "linear2", "norm1"} <= {layer.path for layer in report.layers}


def test_2_attention() -> None:
    assert of(m.Attention(), torch.randn(1, 12, 64, 64)).macs == 2 * 12 * 64 * 64 * 64 == 6_291_456


def test_3_grouped_query_attention() -> None:
    report = of(m.GroupedQueryAttention(), torch.randn(1, 8, 16, 8), torch.randn(1, 2, 16, 8))
    assert report.macs == 2 * 8 * 16 * 16 * 8 == 32_768


def test_4_tied_embedding() -> None:
    report = of(m.TiedEmbedding(), torch.randint(0, 100, (2, 7)))
    assert report.params == 1_600
    assert report.macs == 2 * 7 * 16 * 100 == 22_400
    assert report["head"].parameters[0].shared_with == "embed.weight"
    assert report["head"].own_params == 0


def test_5_shared_linear() -> None:
    report = of(m.shared_linear(), torch.randn(1, 10))
    assert (report.params, report.macs) == (110, 200)
    assert report["1.0"].shared_with == "0.0"
    assert report["0.0"].calls == report["1.0"].calls == 1


def test_5_the_same_layer_twice_in_one_container() -> None:
    layer = nn.Linear(10, 10)
    report = of(nn.Sequential(layer, layer), torch.randn(1, 10))
    assert [x.path for x in report.layers] == ["", "0", "1"]
    assert (report.params, report.macs) == (110, 200)


def test_5_parameters_that_are_views_of_one_storage() -> None:
    pair = nn.Sequential(nn.Linear(10, 10, bias=False), nn.Linear(10, 10, bias=False))
    pair[1].weight = nn.Parameter(pair[0].weight.data)
    report = of(pair, torch.randn(1, 10))
    assert (report.params, report.macs) == (100, 200)


def test_6_recurrent() -> None:
    packed = nn.utils.rnn.pack_sequence([torch.randn(n, 4) for n in (7, 3, 1)])
    # 11 steps of four gates on 4 inputs and 6 hidden units.
    assert of(m.PackedLSTM(), packed).macs == 11 * 4 * 6 * (4 + 6) == 2_640
    assert of(nn.LSTM(10, 20), torch.randn(5, 3, 10)).macs == 15 * 4 * 20 * (10 + 20) == 36_000


def test_7_grouped_transposed_convolution() -> None:
    layer = nn.ConvTranspose2d(4, 4, 3, 2, 1, 1, groups=4)
    # Each of the 4 * 8 * 8 inputs is multiplied with a 3x3 kernel, for two samples.
    assert of(layer, torch.randn(2, 4, 8, 8)).macs == 2 * 4 * 8 * 8 * 9 == 4_608


@pytest.mark.parametrize("inference", [False, True])
def test_8_parametrized_weight(inference: bool) -> None:
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    with torch.inference_mode(inference):
        report = of(conv, torch.randn(1, 3, 8, 8))
    assert report.macs == 4 * 6 * 6 * 27 == 3_888
    assert report.params == 4 * 27 + 4 + 4 == 116


def test_9_a_forward_that_raises() -> None:
    model = m.Raises()
    with pytest.raises(TraceError) as caught:
        summary(model, args=(torch.randn(2, 4),))
    error = caught.value
    assert isinstance(error.__cause__, RuntimeError)
    assert "mat1 and mat2 shapes cannot be multiplied" in str(error.__cause__)
    assert error.path == "broken"
    assert error.report is not None
    assert error.report["first"].output_shape == (2, 8)
    assert error.report["first"].macs == 2 * 4 * 8
    assert not error.report["broken"].completed
    assert error.report["never"].calls == 0
    assert not hasattr(model, "left_behind")


def test_10_modes_stay_mixed() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for train in (False, True):
        summary(model, args=(torch.randn(2, 3, 8, 8),), train=train)
        assert [m.training for m in model.modules()] == [True, True, False]
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_11_outputs() -> None:
    x = torch.randn(2, 4)
    root = of(m.Outputs("dict"), x).root
    assert [(t.place, t.shape, t.opaque) for t in root.outputs] == [
        ("a", (2, 3), None),
        ("b.0", (2, 3), None),
        ("b.1", None, "None"),
        ("n", None, "int"),
    ]
    root = of(m.Outputs("dataclass"), x).root
    assert [t.place for t in root.outputs] == ["logits", "hidden.0", "hidden.1"]
    root = of(m.Outputs("distribution"), x).root
    assert root.output_shapes == ()
    assert root.outputs[0].opaque == "Categorical"


def test_12_modules_that_are_not_registered() -> None:
    report = of(m.PlainList(), torch.randn(1, 4))
    assert report.macs == 16 + 16 + 8
    assert report["layers.0"].registered is False
    assert report["last"].registered
    assert report.params == 20 + 20 + 10


def test_12_a_forward_that_replaces_its_layer() -> None:
    model = m.ReplacesItself()
    layer = model.l
    report = of(model, torch.randn(1, 4))
    assert report.macs == 32
    assert report.params == 40
    assert model.l is layer


def test_13_scripted_child() -> None:
    eager = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    scripted = nn.Sequential(torch.jit.script(nn.Linear(4, 8)), nn.ReLU())
    x = torch.randn(2, 4)
    one, other = of(eager, x), of(scripted, x)
    assert (one.params, one.macs, one.output_bytes) == (other.params, other.macs, other.output_bytes)
    assert other["0"].type == "Linear"


@pytest.mark.whole
def test_13_compiled() -> None:
    eager = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    compiled = torch.compile(eager, backend="eager")
    x = torch.randn(2, 4)
    compiled(x)
    report = of(compiled, x)
    assert (report.params, report.macs) == (40, 64)
    assert report.weight_layers == 1


def test_14_quantized() -> None:
    if not torch.backends.quantized.supported_engines:
        pytest.skip("this build of torch has no quantised kernels")
    with pytest.warns(DeprecationWarning, match="torch.ao.quantization"):
        model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4)))
    report = of(model, torch.randn(1, 4))
    assert report.params == 20
    assert report.macs == 16
    assert report.param_bytes == 16 * 1 + 4 * 4
    assert report["0"].parameters[0].packed


def test_14_lazy() -> None:
    model = nn.Sequential(nn.LazyLinear(5), nn.ReLU())
    report = of(model, torch.randn(2, 4))
    assert (report.params, report.macs) == (25, 40)
    assert isinstance(model[0], nn.LazyLinear)
    assert isinstance(model[0].weight, nn.parameter.UninitializedParameter)


def test_15_small_things() -> None:
    assert of(m.TotalOps(), torch.randn(1, 8)).macs == 64
    assert of(m.Dot(), torch.randn(8)).macs == 8
    bare = of(nn.Conv2d(3, 3, 3), torch.randn(1, 3, 3, 3))
    assert (bare.macs, bare.params, bare.root.path) == (81, 84, "")


def test_16_both_outputs_of_a_pool() -> None:
    report = of(m.Unpool(), torch.randn(1, 2, 4, 4))
    assert report["pool"].output_shapes == ((1, 2, 2, 2), (1, 2, 2, 2))
    assert report["pool"].outputs[1].dtype == "int64"
    assert report["unpool"].output_shape == (1, 2, 4, 4)


def test_17_all_kinds_of_arguments() -> None:
    extra = {"bias": torch.randn(4)}
    report = of(
        m.ManyArguments(),
        x=torch.randn(2, 4),
        times=3,
        mode="sum",
        mask=None,
        extra=extra,
        options=m.Options(torch.randn(())),
    )
    assert report.macs == 3 * 2 * 16
    assert report["linear"].calls == 3
    assert {t.place for t in report.inputs} == {"x", "extra.bias", "options.scale"}


def test_18_long_and_deep() -> None:
    chain = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(1000)))
    assert of(chain, torch.randn(1, 4)).macs == 16_000
    # Python 3.12 alone bounds calls from C, whatever limit is set; a forward of torch's own ends there too.
    depth = 150 if sys.version_info[:2] == (3, 12) else 300
    report = of(m.Nested(depth), torch.randn(1, 4))
    assert report.macs == 16
    assert max(layer.depth for layer in report.layers) == depth
    deep: nn.Module = nn.Linear(4, 4)
    for _ in range(150 if sys.version_info[:2] == (3, 12) else 1000):
        deep = nn.Sequential(deep)
    assert of(deep, torch.randn(1, 4)).macs == 16


def test_18_nothing_to_count() -> None:
    report = of(m.NoParameters(), torch.randn(3, 4))
    assert (report.params, report.macs) == (0, 0)
    assert report.root.output_shape == ()
    assert report.vector is not None
    assert report.vector.cmp == 12
    empty = of(nn.Linear(4, 3), torch.randn(0, 4))
    assert (empty.macs, empty.root.output_shape) == (0, (0, 3))


def test_19_frozen() -> None:
    report = of(m.LoRA(), torch.randn(1, 32))
    assert report.params == 1024 + 256
    assert report.trainable_params == 256
    assert report.frozen_params == 1024
    assert report["base"].trainable_params == 0


def test_20_checkpoint() -> None:
    assert of(m.Checkpointed(), torch.randn(2, 8)).macs == 2 * 2 * 64


def test_20_data_parallel() -> None:
    assert of(nn.DataParallel(nn.Linear(8, 8)), torch.randn(2, 8)).macs == 128


def test_20_functional_call() -> None:
    report = of(m.FunctionalCall(), torch.randn(2, 8))
    assert (report.macs, report.params) == (128, 72)


def test_20_vmap() -> None:
    report = of(m.Mapped(), torch.randn(5, 8))
    assert (report.macs, report.params) == (5 * 64, 72)


def test_21_odd_names() -> None:
    report = of(m.OddNames(), torch.randn(1, 4))
    assert [layer.path for layer in report.layers[1:]] == list(m.OddNames.NAMES)
    text = str(report)
    assert "\x1b[31m" not in text
    assert "x" * 200 not in text
    markdown = report.to_markdown()
    html = MarkdownIt("gfm-like", {"linkify": False}).render(markdown)
    assert "<script>" not in html
    assert "\x1b" not in html
    columns, rows = len(re.findall("<th[ >]", html)), len(re.findall("<tr[ >]", html)) - 1
    assert rows == len(report.layers) - 1
    assert len(re.findall("<td[ >]", html)) == columns * rows
    assert summary(m.OddNames(), args=(TensorSpec((1, 4)),)).to_csv().count("x" * 10_000) >= 1


@pytest.mark.parametrize("module", [nn.Linear(4, 3), nn.Conv1d(4, 3, 1)], ids=["linear", "convolution"])
def test_a_wrong_dtype_is_refused_as_for_real(module: nn.Module) -> None:
    x = torch.ones(2, 4, 4, dtype=torch.int64)
    with pytest.raises(RuntimeError):
        module(x)
    with pytest.raises(TraceError):
        summary(module, args=(x,))
    with pytest.raises(TraceError, match="same"):
        summary(copy.deepcopy(module).to("meta"), args=(TensorSpec((2, 4, 4), "int64"),))
