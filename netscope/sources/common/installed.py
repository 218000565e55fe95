"""Names of the networks in installed libraries, read from their source files.

Importing torchvision takes seconds, timm and transformers more, and torchvision fails to import beside
a CPU-only torch. Their registries are written down in a regular form, though, so the names can be
listed in a fraction of a second without running anything. A test compares each list with what the
library itself says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

# Which of a network's heads to build when a configuration of transformers names no architecture: the first
# of these tables that has the model type. Encoders are in the causal table too, so masked language models
# come before it; whisper's decoder alone is there, so speech comes first.
HEADS: Final = (
    *(
        f"MODEL_FOR_{head}_MAPPING_NAMES"
        for head in (
            *("SPEECH_SEQ_2_SEQ", "MASKED_LM", "CAUSAL_LM", "SEQ_TO_SEQ_CAUSAL_LM", "IMAGE_TEXT_TO_TEXT"),
            *("ZERO_SHOT_IMAGE_CLASSIFICATION", "IMAGE_CLASSIFICATION", "OBJECT_DETECTION"),
            *("SEMANTIC_SEGMENTATION", "VIDEO_CLASSIFICATION", "CTC", "AUDIO_CLASSIFICATION"),
        )
    ),
    "MODEL_MAPPING_NAMES",
    "MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES",  # of those whose decoder alone is in the tables before
)

# Model types of transformers for which no call can be made from the type alone, with the reason. Those that
# want another package are there once it is installed. A test holds these against what happens.
_IN_PARTS: Final = "only its parts are called, one after another"
_SESSION: Final = "its forward goes on with a session in which a video's frames are kept"
_ASSISTS: Final = "its layers read the keys and values of the network that it assists"
_ROUTED: Final = "which rows its experts take, one expert after another, is decided by values"
WITHOUT_CALL: Final[dict[str, str]] = {
    **dict.fromkeys(("bark", "glm_image_vqmodel", "qwen2_5_omni", "qwen3_omni_moe"), _IN_PARTS),
    "voxtral_realtime_text": "transformers names a class for it that it does not have",
    **dict.fromkeys(("edgetam_video", "sam2_video", "sam3_tracker_video", "sam3_video"), _SESSION),
    **dict.fromkeys(("gemma4_assistant", "gemma4_unified_assistant"), _ASSISTS),
    **dict.fromkeys(("jetmoe", "longcat_flash", "nllb-moe", "step3p7"), _ROUTED),
    **dict.fromkeys(("glm5_next", "glm5_next_text"), "which of its keys are kept is decided by values"),
    "blt": "where its text is cut into patches is decided by values",
}
NEEDED_PACKAGES: Final = {
    "dinat": "natten",
    "layoutlmv2": "detectron2",
    "higgs_audio_v2_tokenizer": "torchaudio",
}

# @register_model() or @register_model(name="quantized_resnet50"), perhaps other decorators, the function.
_REGISTERED: Final = r"""(?mx)
    ^@register_model(?:\((?:name=)?(?:["'](?P<name>\w+)["'])?\))?[ ]*\n
    (?:[@ )].*\n)*
    def\ (?P<function>\w+)"""


@cache
def torchvision_names() -> tuple[str, ...]:
    """ "torchvision/resnet50", ...; empty when torchvision is not installed."""
    return _registered("torchvision", "**/*.py")


@cache
def timm_names() -> tuple[str, ...]:
    """ "timm/resnet50", ...; empty when timm is not installed."""
    return _registered("timm", "*.py")


@cache
def huggingface_types() -> tuple[str, ...]:
    """ "hf/bert", ...: the model types of transformers; empty when it is not installed."""
    # In 5.x both files have some of them, in 4.x the second has all.
    files = ("auto_mappings.py", "configuration_auto.py")
    return tuple(sorted({f"hf/{key}" for file in files for key in _auto(file, "CONFIG_MAPPING_NAMES")}))


@cache
def huggingface_names() -> tuple[str, ...]:
    """Those of them that have a network of their own, of which a call can be made from the type alone."""
    built = _auto("modeling_auto.py", *HEADS)
    return tuple(
        name
        for name in huggingface_types()
        if name.removeprefix("hf/") in built and without_call(name.removeprefix("hf/")) is None
    )


def without_call(model_type: str) -> tuple[str, str | None] | None:
    """Why no call can be made of a model type of transformers alone, and the package that would help.

    Returns:
        None where one can.
    """
    if model_type in WITHOUT_CALL:
        return WITHOUT_CALL[model_type], None
    package = NEEDED_PACKAGES.get(model_type)
    if package is None or package_folder(package) is not None:
        return None
    return f"it needs the package {package}", package


@cache
def huggingface_architectures() -> dict[str, str]:
    """The model type of each architecture of transformers: "BertForMaskedLM" -> "bert"."""
    found: dict[str, str] = {}
    for model_type, architecture in _auto_pairs("modeling_auto.py"):
        # Some architectures serve several types; the one that they are called after is theirs.
        if architecture.lower().startswith(re.sub("[-_]", "", model_type)):
            found[architecture] = model_type
        else:
            found.setdefault(architecture, model_type)
    return found


def package_folder(package: str) -> Path | None:
    """Where a top-level package is installed, without importing it; None when it is not."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    places = spec.submodule_search_locations if spec is not None else None
    return Path(places[0]) if places else None


def _registered(package: str, pattern: str) -> tuple[str, ...]:
    folder = package_folder(package)
    if folder is None:
        return ()
    found: set[str] = set()
    for path in (folder / "models").glob(pattern):
        text = path.read_text(encoding="utf-8")
        found.update(match["name"] or match["function"] for match in re.finditer(_REGISTERED, text))
    return tuple(sorted(f"{package}/{name}" for name in found))


def _auto(file: str, *mappings: str) -> set[str]:
    """The keys of mappings in one of the files in which transformers says which class is for what."""
    folder = package_folder("transformers")
    path = None if folder is None else folder / "models" / "auto" / file
    return (
        set(_mapping_keys(path.read_text(encoding="utf-8"), mappings)) if path and path.is_file() else set()
    )


def _auto_pairs(file: str) -> Iterator[tuple[str, str]]:
    """(key, class) of all mappings in such a file; a key with several classes several times."""
    folder = package_folder("transformers")
    path = None if folder is None else folder / "models" / "auto" / file
    if path is None or not path.is_file():
        return
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        for part in ast.walk(statement):
            match part:
                case ast.Tuple(elts=[ast.Constant(value=str() as key), ast.Constant(value=str() as name)]):
                    yield key, name
                case ast.Tuple(elts=[ast.Constant(value=str() as key), ast.Tuple(elts=names)]):
                    yield from (
                        (key, n.value)
                        for n in names
                        if isinstance(n, ast.Constant) and isinstance(n.value, str)
                    )


def _mapping_keys(source: str, names: Collection[str]) -> Iterator[str]:
    """The string keys that the statements of a file put into the mappings called so.

    They are written as OrderedDict([(key, value), ...]) or as {key: value, ...}.
    """
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=mapping)]):
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=mapping)))):  # NAME.update(...)
                pass
            case _:
                continue
        if mapping not in names:
            continue
        for part in ast.walk(statement):
            match part:
                case ast.Tuple(elts=[ast.Constant(value=str() as key), ast.Constant() | ast.Tuple()]):
                    yield key
                case ast.Dict(keys=keys):
                    yield from (
                        k.value for k in keys if isinstance(k, ast.Constant) and isinstance(k.value, str)
                    )
