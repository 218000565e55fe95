"""Names -> workloads, from netscope's zoo and from the libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from netscope.base.errors import MissingExtraError, SourceError, UsageError
from netscope.base.workload import TensorSpec
from netscope.sources import SOURCES, resolve


def params(name: str, **options: object) -> int:
    """Parameters of the network of that name."""
    return sum(parameter.numel() for parameter in resolve(name, options=options).module.parameters())


def image(*shape: int) -> tuple[TensorSpec]:
    """The arguments of a network that takes one float32 tensor."""
    return (TensorSpec(shape),)


def test_the_zoo():
    workload = resolve("alexnet", batch=4, dtype="bf16")
    assert workload.args == (TensorSpec((4, 3, 227, 227), "bfloat16"),)
    assert all(p.is_meta and p.dtype == torch.bfloat16 for p in workload.module.parameters())
    assert (workload.name, workload.source) == ("alexnet", "zoo")
    assert workload.description == "Krizhevsky et al. 2012, single stream"
    assert resolve("lenet", options={"in_channels": 3}).args == image(1, 3, 28, 28)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("resnet50", image(1, 3, 224, 224)),
        ("inception_v3", image(1, 3, 299, 299)),
        ("efficientnet_b4", image(1, 3, 380, 380)),
        ("vit_b_16", image(1, 3, 224, 224)),
        ("vit_h_14", image(1, 3, 224, 224)),  # its weights' crop is 518, the network built here takes 224
        ("fcn_resnet50", image(1, 3, 520, 520)),
        ("r3d_18", image(1, 3, 16, 112, 112)),
        ("mvit_v2_s", image(1, 3, 16, 224, 224)),
        ("raft_small", image(1, 3, 512, 512) * 2),
        ("ssd300_vgg16", ([TensorSpec((3, 300, 300))],)),
        ("fasterrcnn_resnet50_fpn", ([TensorSpec((3, 800, 800))],)),
        ("quantized_resnet18", image(1, 3, 224, 224)),
    ],
)
def test_torchvision_networks_come_with_the_published_input(name: str, args: tuple[object, ...]):
    workload = resolve(f"torchvision/{name}")
    assert workload.args == args
    assert all(parameter.is_meta for parameter in workload.module.parameters())


def test_a_batch_of_detection_is_a_list_of_images():
    assert resolve("torchvision/ssd300_vgg16", batch=3).args == ([TensorSpec((3, 300, 300))] * 3,)


@pytest.mark.whole
@pytest.mark.parametrize(
    "name", ["googlenet", "inception_v3", "regnet_y_400mf", "swin_t", "shufflenet_v2_x0_5"]
)
def test_torchvision_networks_have_the_parameters_of_really_built_ones(name: str):
    from torchvision.models import get_model

    real = get_model(
        name, weights=None, **({"init_weights": False} if name in ("googlenet", "inception_v3") else {})
    )
    built = resolve(f"torchvision/{name}").module
    assert {n: (p.shape, p.dtype, p.requires_grad) for n, p in built.named_parameters()} == {
        n: (p.shape, p.dtype, p.requires_grad) for n, p in real.named_parameters()
    }
    assert all(
        torch.equal(ours, theirs) for ours, theirs in zip(built.buffers(), real.buffers(), strict=True)
    )


def test_options_reach_torchvision():
    assert resolve("torchvision/vit_b_16", options={"image_size": 384}).args == image(1, 3, 384, 384)
    assert params("torchvision/resnet18", num_classes=5) == 11_179_077
    with pytest.raises(UsageError, match="torchvision/resnet18 has no option 'num_clases'"):
        resolve("torchvision/resnet18", options={"num_clases": 5})
    with pytest.raises(UsageError, match="never downloads"):
        resolve("torchvision/resnet18", options={"weights": "DEFAULT"})


@pytest.mark.slow
def test_every_torchvision_network_resolves():
    from torchvision.models import list_models

    for name in list_models():
        assert resolve(f"torchvision/{name}").args


def test_timm():
    pytest.importorskip("timm")
    assert resolve("timm/resnet18").args == image(1, 3, 224, 224)
    assert resolve("timm/vit_tiny_patch16_384", batch=2).args == image(2, 3, 384, 384)
    assert resolve("timm/vit_tiny_patch16_224", options={"img_size": 160}).args == image(1, 3, 160, 160)
    assert resolve("timm/resnet18", options={"in_chans": 1}).args == image(1, 1, 224, 224)
    assert params("timm/resnet18") == 11_689_512


@pytest.mark.parametrize(
    ("name", "built", "inputs", "count"),
    [
        ("bert", "BertForMaskedLM", {"input_ids": ((1, 128), "int64")}, 109_514_298),
        ("gpt2", "GPT2LMHeadModel", {"input_ids": ((1, 128), "int64")}, 124_439_808),
        ("vit", "ViTForImageClassification", {"pixel_values": ((1, 3, 224, 224), "float32")}, 85_800_194),
        (
            "clip",
            "CLIPModel",
            {"input_ids": ((1, 77), "int64"), "pixel_values": ((1, 3, 224, 224), "float32")},
            151_277_313,
        ),
        (
            "whisper",
            "WhisperForConditionalGeneration",
            {"input_features": ((1, 80, 3000), "float32"), "decoder_input_ids": ((1, 128), "int64")},
            37_760_640,
        ),
    ],
)
def test_transformers(name: str, built: str, inputs: dict[str, tuple[tuple[int, ...], str]], count: int):
    pytest.importorskip("transformers")
    workload = resolve(f"hf/{name}")
    assert type(workload.module).__name__ == built
    assert workload.args == ()
    assert workload.kwargs == {key: TensorSpec(*value) for key, value in inputs.items()}
    assert sum(parameter.numel() for parameter in workload.module.parameters()) == count
    assert all(parameter.is_meta for parameter in workload.module.parameters())


def test_a_configuration_file_and_the_process_after_it(tmp_path: Path):
    # The class is imported ahead, since what its import does to the environment is torch's own affair.
    assert pytest.importorskip("transformers").LlamaForCausalLM
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps(
            {
                "model_type": "llama",
                "architectures": ["LlamaForCausalLM"],
                "hidden_size": 64,
                "intermediate_size": 128,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "vocab_size": 100,
                "max_position_embeddings": 32,
                "dtype": "bfloat16",
            }
        )
    )
    environment, dtype, rng = dict(os.environ), torch.get_default_dtype(), torch.get_rng_state()
    workload = resolve(f"hf/{path}", options={"num_hidden_layers": 1})
    assert workload.kwargs == {"input_ids": TensorSpec((1, 32), "int64")}
    assert {parameter.dtype for parameter in workload.module.parameters()} == {torch.bfloat16}
    assert len(workload.module.model.layers) == 1
    assert (dict(os.environ), torch.get_default_dtype()) == (environment, dtype)
    assert torch.equal(torch.get_rng_state(), rng)
    assert resolve(f"hf/{path}", input="2048").kwargs == {"input_ids": TensorSpec((1, 2048), "int64")}


def test_a_network_that_describes_images_gets_both_inputs():
    pytest.importorskip("transformers")
    assert set(resolve("hf/blip").kwargs) == {"input_ids", "pixel_values"}


def test_a_network_that_is_only_called_in_parts_is_told_so():
    pytest.importorskip("transformers")
    with pytest.raises(SourceError, match="only its parts are called"):
        resolve("hf/bark")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "could not be read"),
        ("{", "is not JSON"),
        ("[]", "names no model_type"),
        ('{"a": 1}', "no model_type"),
    ],
)
def test_a_configuration_that_cannot_be_used(tmp_path: Path, content: str | None, says: str):
    pytest.importorskip("transformers")
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SourceError, match=says):
        resolve(f"hf/{path}")


def test_wrong_names_are_answered_with_the_nearest_right_ones():
    total = sum(len(list(source.names())) for source in SOURCES)
    with pytest.raises(SourceError) as caught:
        resolve("alexnext")
    assert caught.value.message.startswith("no model is named 'alexnext'. Did you mean alexnet, ")
    assert caught.value.hint == f"`netscope models` lists all {total:,}."
    with pytest.raises(SourceError, match="Did you mean torchvision/resnet50"):
        resolve("resnet50")
    with pytest.raises(
        SourceError, match=r"no model is named 'torchvision/resnet5'\. Did you mean torchvision/"
    ):
        resolve("torchvision/resnet5")


def test_a_hub_name_is_not_downloaded():
    pytest.importorskip("transformers")
    with pytest.raises(SourceError, match="netscope downloads nothing") as caught:
        resolve("hf/meta-llama/Llama-3-8B")
    assert caught.value.hint == "save the model's config.json and write hf/path/config.json"


@pytest.mark.parametrize(("batch", "dtype"), [(-1, None), (1, "float33"), (1, "int64")])
def test_a_senseless_batch_or_dtype(batch: int, dtype: str | None):
    with pytest.raises(UsageError):
        resolve("lenet", batch=batch, dtype=dtype)


@pytest.mark.parametrize(("name", "extra"), [("timm/resnet18", "timm"), ("hf/bert", "hf")])
def test_a_missing_library_says_how_to_install_it(name: str, extra: str, monkeypatch: pytest.MonkeyPatch):
    for module in ("timm", "huggingface.opening"):
        monkeypatch.setattr(f"netscope.sources.{module}.package_folder", lambda package: None)
    with pytest.raises(MissingExtraError) as caught:
        resolve(name)
    assert caught.value.hint == f"pip install 'netscope[{extra}]'"


@pytest.mark.whole
def test_a_torchvision_that_does_not_fit_torch_is_one_clear_line_and_the_zoo_still_works(tmp_path: Path):
    broken = tmp_path / "torchvision"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    code = textwrap.dedent(
        """
        from netscope.base.errors import SourceError
        from netscope.sources import resolve
        resolve("lenet")
        try:
            resolve("torchvision/resnet18")
        except SourceError as error:
            print(error.message)
        """
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert result.stdout.strip() == (
        "torchvision is installed but cannot be imported "
        "(RuntimeError: operator torchvision::nms does not exist)."
    )


def test_codecs_take_channels():
    pytest.importorskip("transformers")
    assert resolve("hf/encodec").kwargs["input_values"].shape == (1, 1, 16_000)


def test_several_texts_in_a_configuration_are_no_crash():
    from netscope.sources.huggingface.repair import text_config

    class Twofold:
        def get_text_config(self) -> None:
            raise ValueError("ambiguous")

    config = Twofold()
    assert text_config(config) is config
