"""Configurations that were published with models, as files and folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netscope.base.errors import SourceError
from netscope.sources import resolve
from netscope.sources.common import installed
from tests.sources.huggingface.published import PUBLISHED

pytest.importorskip("transformers")


def write(folder: Path, values: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(values))
    return path


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_configuration_has_the_published_number_of_parameters(name: str, tmp_path: Path) -> None:
    values, count = PUBLISHED[name]
    write(tmp_path, values)
    workload = resolve(f"hf/{tmp_path}")
    parameters = list(workload.module.parameters())
    assert type(workload.module).__name__ == values["architectures"][0]
    assert sum(p.numel() for p in parameters) == count
    assert all(p.is_meta for p in parameters)
    assert "->" not in workload.description
    dtype = values.get("torch_dtype")
    assert dtype is None or {str(p.dtype) for p in parameters} == {f"torch.{dtype}"}


def test_a_folder_is_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, {**PUBLISHED["t5-small"][0], "num_layers": 1})
    for name in (f"hf/{tmp_path}", f"hf/{path}"):
        assert len(resolve(name).module.encoder.block) == 1  # type: ignore[union-attr, arg-type]


def test_how_weights_are_stored_is_left_out_of_account_and_said_to_be(tmp_path: Path) -> None:
    write(tmp_path, PUBLISHED["llama-2-7b-gptq"][0])
    assert "gptq quantization ignored" in resolve(f"hf/{tmp_path}").description


def test_a_network_with_code_of_its_own_is_told_apart(tmp_path: Path) -> None:
    code = {"AutoConfig": "configuration_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnLM"}
    write(tmp_path, {"model_type": "own", "architectures": ["OwnLM"], "auto_map": code})
    with pytest.raises(SourceError, match=r"code of its own \(configuration_own\.py\)") as caught:
        resolve(f"hf/{tmp_path}")
    assert caught.value.hint == "name a factory in that code: netscope summary path/file.py:factory"


def test_an_architecture_stands_for_a_type_that_is_missing(tmp_path: Path) -> None:
    write(tmp_path, {"architectures": ["BertForMaskedLM"], "num_hidden_layers": 1})
    assert type(resolve(f"hf/{tmp_path}").module).__name__ == "BertForMaskedLM"


def test_an_architecture_that_is_not_known_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"architectures": ["NoSuchNet"]})
    with pytest.raises(SourceError, match="NoSuchNet is no architecture of transformers"):
        resolve(f"hf/{tmp_path}")


def test_a_part_of_a_composite_can_be_a_file_of_its_own(tmp_path: Path) -> None:
    values = {**PUBLISHED["clip-vit-large-patch14"][0]["vision_config"], "num_hidden_layers": 1}
    write(tmp_path, values)
    assert type(resolve(f"hf/{tmp_path}").module).__name__ == "CLIPVisionModel"


def test_architectures_are_those_of_the_type_that_they_are_called_after() -> None:
    found = installed.huggingface_architectures()
    assert found["LlamaForCausalLM"] == "llama"
    assert found["BertForMaskedLM"] == "bert"
    assert found["Qwen2VLForConditionalGeneration"] == "qwen2_vl"
