"""The smallest change by which a configuration that contradicts itself or leaves something out can be built.

Default configurations of transformers are often of no network at all: 14 heads of a width of 1152, a number
of experts that is None. What is wrong is found from the error that building raises: from the field that the
line which failed reads, and from what such a field means in every configuration. What was given by the user
is never changed. What the error cannot tell stands in `_DECLARED`, each with its reason.
"""

from __future__ import annotations

import dis
import inspect
import linecache
import math
import re
from collections.abc import Callable, Iterator, Sequence
from types import FrameType, TracebackType
from typing import Any, Final, NamedTuple

from netscope.base.errors import text_of

# Fields that have the width of what is split among heads, and the number of these.
_WIDTHS: Final = ("hidden_size", "d_model", "embed_dim", "n_embd", "dim")
_HEADS: Final = ("num_attention_heads", "num_heads", "n_head", "encoder_attention_heads")
# Lines before a `raise` in which its condition is looked for.
_CONDITION: Final = 6

_UNSET: Final = object()


class Change(NamedTuple):
    """A field of a configuration that was changed: `vision: 14 -> 16 heads`.

    part:
        where in the configuration: "vision_config", "" for the whole.
    before:
        None for what was not set.
    """

    part: str
    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        where = re.sub("_config$", "", self.part.rpartition(".")[2])
        noun = "heads" if self.field in _HEADS else self.field.removeprefix("num_")
        plain = isinstance(self.before, (int, float)) and not isinstance(self.before, bool)
        told = (
            f"{self.before} -> {_short(self.after)} {noun}"
            if plain
            else f"{self.field} {_short(self.before)} -> {_short(self.after)}"
        )
        return f"{where}: {told}" if where else told


def _short(value: Any) -> str:
    """A value in few letters."""
    if value is None:
        return "unset"
    if isinstance(value, (list, tuple)) and len(value) > 4 and len(set(map(str, value))) == 1:
        return f"{len(value)} x {value[0]}"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def text_config(config: Any) -> Any:
    """The part of a configuration that is for text; the whole where there are several."""
    try:
        return config.get_text_config()
    except ValueError:
        return config


def parts(config: Any) -> dict[str, Any]:
    """A configuration and those in it, by their place: {"": whole, "vision_config": part}."""
    found: dict[str, Any] = {}

    def visit(part: Any, place: str) -> None:
        if any(part is other for other in found.values()):
            return
        found[place] = part
        for name, value in vars(part).items():
            if hasattr(value, "to_dict") and hasattr(value, "model_type"):
                visit(value, f"{place}.{name}".lstrip("."))

    visit(config, "")
    return found


def mend(config: Any, attempt: Any, given: dict[str, Any], error: BaseException) -> list[Change]:
    """Change the configuration in view of the error that building `attempt`, a copy of it, raised.

    Returns:
        what was changed; nothing where the error tells of nothing that could be.
    """
    for part, field in _culprits(error):
        place = _place(part, attempt)
        own = None if place is None else parts(config).get(place)
        if place is None or own is None or _is_given(given, place, own, field):
            continue
        changed = _changed(own, place, field)
        if changed:
            return changed
    return []


def _is_given(given: dict[str, Any], place: str, part: Any, field: str) -> bool:
    """Whether the user gave that field of a part a value, by any of its names."""
    values: Any = given
    for name in filter(None, place.split(".")):
        values = values.get(name) if isinstance(values, dict) else None
    if not isinstance(values, dict):
        return False
    proper = getattr(part, "attribute_map", {})
    meant = proper.get(field, field)
    return any(value is not None and proper.get(key, key) == meant for key, value in values.items())


def _place(part: Any, attempt: Any) -> str | None:
    """Where in a configuration a part of it is, or the one that it was copied from."""
    known = parts(attempt)
    same = [place for place, other in known.items() if other is part]
    alike = [place for place, other in known.items() if type(other) is type(part)]
    return next(iter(same + alike), None)


def _changed(part: Any, place: str, field: str) -> list[Change]:
    """Set a field that is unset to what it means, or make the heads divide the width."""
    before = _value(part, field)
    if before is None or before is _UNSET or field == "rope_parameters":
        meaning = _MEANINGS.get(field)
        after = _UNSET if meaning is None else meaning(part)
    else:
        after = _fitting_heads(part, before) if field in _HEADS else _UNSET
    if after is _UNSET or (after is None and before is None):
        return []
    if after is None:  # unset is what it means, but then it has to be there
        setattr(part, field, None)
        return [Change(place, field, "missing", None)]
    return _set(part, place, field, after)


def _value(part: Any, field: str) -> Any:
    try:
        return getattr(part, field)
    except Exception:  # noqa: BLE001 - some fields are computed, of others that contradict each other
        return _UNSET


def _first(part: Any, fields: tuple[str, ...]) -> Any:
    return next((v for v in (_value(part, field) for field in fields) if isinstance(v, int) and v), None)


def _fitting_heads(part: Any, heads: int) -> int:
    """The nearest number of heads that divides the width; of two as near, the larger."""
    width = _first(part, _WIDTHS)
    if not width or width % heads == 0:
        return heads
    divisors = [n for n in range(1, width + 1) if width % n == 0]
    return min(divisors, key=lambda n: (abs(n - heads), -n))


# What is unset -> what it then means, as most of the networks that have such a field take it.


def _head_dim(part: Any) -> Any:
    width, heads = _first(part, _WIDTHS), _first(part, _HEADS)
    return width // heads if width and heads else _UNSET


def _heads(part: Any) -> Any:
    return _first(part, _HEADS) or _UNSET


def _layers(kind: str) -> Callable[[Any], Any]:
    def layers(part: Any) -> Any:
        count = _first(part, ("num_hidden_layers", "num_layers", "n_layer"))
        return [kind] * count if count else _UNSET

    return layers


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda part: value


def _share_of_dense(part: Any) -> Any:
    """The width by which a token's experts cost as much together as the dense layer that they replace."""
    width = _first(part, ("intermediate_size",))
    return width // _EXPERTS_PER_TOKEN if width else _UNSET


def _horizon(part: Any) -> Any:
    return _first(part, ("prediction_length",)) or _UNSET


def _image_token(part: Any) -> Any:
    """A vocabulary in which the last token stands for images."""
    size = _first(text_config(part), ("vocab_size",))
    return {"<image>": size - 1} if size else _UNSET


def _rope(part: Any) -> Any:
    """The same rotary embedding in layers of every kind."""
    kinds, rope = _value(part, "layer_types"), _value(part, "rope_parameters")
    if not isinstance(kinds, list) or not isinstance(rope, dict) or set(kinds) & set(rope):
        return _UNSET
    one = {"rope_type": "default", "rope_theta": 10_000.0, **rope}
    return {kind: dict(one) for kind in dict.fromkeys(kinds)}


_EXPERTS_PER_TOKEN: Final = 8
_MEANINGS: Final[dict[str, Callable[[Any], Any]]] = {
    "head_dim": _head_dim,
    "attention_head_dim": _head_dim,
    "num_key_value_heads": _heads,
    "layer_types": _layers("full_attention"),
    "mlp_layer_types": _layers("dense"),
    "rope_parameters": _rope,
    # Mixtures of experts as DeepSeek made them usual.
    **dict.fromkeys(("num_experts", "n_routed_experts", "num_local_experts"), _constant(64)),
    **dict.fromkeys(("num_experts_per_tok", "top_k_experts"), _constant(_EXPERTS_PER_TOKEN)),
    "n_shared_experts": _constant(1),
    "moe_intermediate_size": _share_of_dense,
    # Token ids that are nowhere: no padding, no placeholder.
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), _constant(None)),
    "vocabulary_map": _image_token,
    # Letters, as of wav2vec2's own vocabulary.
    "vocab_size": _constant(32),
    # A day of hours, foreseen from as many.
    "prediction_length": _constant(24),
    "context_length": _horizon,
    "rope_theta": _constant(10_000.0),
    "backbone": _constant("resnet50"),
    "deepstack_layer_map": _constant([]),
    "downsample_rate": _constant("1/2"),
    **dict.fromkeys(("dropout", "dropout_rate", "attention_dropout", "hidden_dropout"), _constant(0.0)),
}


# From an error to the fields that the lines which raised it had read.


def _culprits(error: BaseException) -> Iterator[tuple[Any, str]]:
    """(a configuration, one of its fields), the likeliest first."""
    if isinstance(error, AttributeError) and _is_config(error.obj):
        yield error.obj, str(error.name)
    frames = list(_frames(error.__traceback__))
    if isinstance(error, KeyError):
        yield from (
            (config, "rope_parameters") for frame, _ in reversed(frames) for config in _configs(frame)
        )
    for frame, line in reversed(frames):
        yield from _read_by(frame, line)
    if "divisible" in text_of(error) or "multiple of" in text_of(error):
        for frame, _ in reversed(frames):
            for config in _configs(frame):
                yield from ((config, field) for field in _HEADS)


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _is_config(value: Any) -> bool:
    return hasattr(value, "to_diff_dict") and hasattr(value, "model_type")


def _configs(frame: FrameType) -> list[Any]:
    """The configurations that a frame has at hand."""
    own = frame.f_locals.get("self")
    at_hand = [*frame.f_locals.values(), *(vars(own).values() if hasattr(own, "__dict__") else ())]
    return list({id(value): value for value in at_hand if _is_config(value)}.values())


def _read_by(frame: FrameType, line: int) -> Iterator[tuple[Any, str]]:
    """Fields that a frame's statement reads and that are unset."""
    text = _statement(frame, line)
    configs = _configs(frame)
    names = [dotted.split(".") for dotted in re.findall(r"\w+(?:\.\w+)+", text)]
    for owner, field in ((".".join(name[:n]), name[n]) for name in names for n in range(1, len(name))):
        held = _evaluated(frame, owner)
        if _is_config(held):
            if _value(held, field) in (None, _UNSET):
                yield held, field
        elif held is not None and _value(held, field) is None:  # self.head_dim, read from it before
            named = dict.fromkeys([*_sources(type(held), field), field])
            yield from ((c, name) for c in configs for name in named if _value(c, name) in (None, _UNSET))
    for name in re.findall(r"\b\w+\b", text):
        if frame.f_locals.get(name, _UNSET) is None:
            yield from ((config, name) for config in configs if _value(config, name) in (None, _UNSET))


def _sources(cls: Any, field: str) -> list[str]:
    """The fields of a configuration that a module's attribute is read from when it is made."""
    try:
        source = inspect.getsource(cls.__init__)
    except (OSError, TypeError):
        return []
    return re.findall(rf"self\.{field} = \w*config\.(\w+)", source)


def _evaluated(frame: FrameType, dotted: str) -> Any:
    first, *rest = dotted.split(".")
    value = frame.f_locals.get(first)
    for name in rest:
        value = getattr(value, name, None)
    return value


def _statement(frame: FrameType, line: int) -> str:
    """The lines of the statement that a frame is in; of a `raise`, with the condition before it."""
    code = frame.f_code
    starts = sorted({start for _, start in dis.findlinestarts(code)} - {None})
    first = max((start for start in starts if start <= line), default=line)
    until = min((start for start in starts if start > line), default=line + 1)
    text = [linecache.getline(code.co_filename, n) for n in range(first, min(until, first + 12))]
    if text and text[0].lstrip().startswith("raise"):
        text = [linecache.getline(code.co_filename, n) for n in range(first - _CONDITION, first)] + text
    return "".join(text)


# What a forward would find out: rules of all configurations, and what is of one type.


def declare(config: Any, given: dict[str, Any]) -> list[Change]:
    """Change what no error of building leads to, since the forward alone would raise one."""
    changes = []
    for place, part in parts(config).items():
        for field, after in (*_DECLARED.get(part.model_type, {}).items(), *_contradictions(part)):
            inner, _, name = field.rpartition(".")
            where = f"{place}.{inner}".strip(".")
            own = parts(config).get(where)
            if own is not None and not _is_given(given, where, own, name):
                changes += _set(own, where, name, after)
    return changes


def _set(part: Any, place: str, field: str, after: Any) -> list[Change]:
    before = _value(part, field)
    if isinstance(after, dict) and "model_type" in after:  # another part
        if getattr(before, "model_type", None) == after["model_type"]:
            return []
        from transformers import AutoConfig

        setattr(part, field, AutoConfig.for_model(**after))
        return [Change(place, field, getattr(before, "model_type", None), after["model_type"])]
    if before == after:
        return []
    setattr(part, field, after)
    return [Change(place, field, None if before is _UNSET else before, after)]


def _contradictions(part: Any) -> Iterator[tuple[str, Any]]:
    """Fields of a configuration that others of it make impossible, with what they can be."""
    kinds = _value(part, "layer_types")
    if isinstance(kinds, list) and "sliding_attention" in kinds and _value(part, "sliding_window") is None:
        yield "sliding_window", 4096
    if _first(part, ("num_experts", "n_routed_experts")):
        for field in ("num_experts_per_tok", "top_k_experts"):
            if _value(part, field) is None:
                yield field, _EXPERTS_PER_TOKEN
    vision: Any = getattr(part, "vision_config", None)
    tokens = _first(part, ("mm_tokens_per_image",))
    if tokens and _first(vision, ("image_size",)) and _first(vision, ("patch_size",)):
        side = vision.image_size // vision.patch_size
        if math.isqrt(tokens) > side:
            yield "mm_tokens_per_image", side * side
    if hasattr(part, "num_query_tokens") and vision is not None:
        last = _first(text_config(part), ("vocab_size",))
        for field in ("image_token_index", "video_token_index"):
            if last and _value(part, field) is None:
                yield field, last - 1
    for field, each in (("class_thresholds", lambda n: 0.5), ("class_order", lambda n: n)):
        if _value(part, field) is None:
            yield field, [each(n) for n in range(part.num_labels)]


_LONG_STRIPS: Final = {
    f"{name}_{ratio}ratio": kernel
    for name, kernels in {
        "vertical_long_to_small_conv": ([7, 1], [5, 1], [3, 1]),
        "horizontal_small_to_long_conv": ([1, 7], [1, 5], [1, 3]),
        "symmetric_conv_long": ([7, 7], [5, 5], [3, 3]),
    }.items()
    for ratio, kernel in zip(("long", "mid", "short"), kernels, strict=True)
}
_STRIPS: Final = {
    "intraclass_block_config": {
        "reduce_channel": [1, 1, 0],
        "return_channel": [1, 1, 0],
        **{name: [kernel, [1, 1], [size // 2 for size in kernel]] for name, kernel in _LONG_STRIPS.items()},
    },
    "kernel_list": [3, 2, 2],
    "scale_factor_list": [1, 2, 4, 8],
}
# By the type of the configuration or of a part: what follows from none of its other fields. Each is as in the
# configuration that was published, for the reason that stands before it.
_DECLARED: Final[dict[str, dict[str, Any]]] = {
    # Clamps its queries to a bound that is None.
    "dbrx": {"attn_config.clip_qkv": 8.0},
    # Names no alphabet at all.
    "esm": {"vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32},
    # Misspells the name of its backbone, and so has another.
    "edgetam_vision_model": {"backbone_config.architecture": "repvit_m1"},
    # Its pyramid has no level.
    "lw_detr": {"projector_scale_factors": [1.0], "num_feature_levels": 1},
    # No kernel multiplies groups of 1407 columns.
    "deepseek_v2": {"moe_intermediate_size": 1408},
    # Masks with a window that it does not have.
    "step3p5": {"sliding_window": 512},
    # Joins six stages, of which its backbone returns the last.
    "uvdoc": {"backbone_config.out_features": [f"stage{n}" for n in range(1, 7)]},
    # Lose the backbone that they name, since they name it twice.
    "pp_ocrv6_small_det": {
        "backbone_config": {
            "model_type": "pp_lcnet_v3",
            "scale": 0.75,
            "divisor": 16,
            "out_features": ["stage2", "stage3", "stage4", "stage5"],
        },
        "layer_list_out_channels": [48, 96, 192, 384],
    },
    "pp_ocrv6_medium_det": {
        "backbone_config": {
            "model_type": "hgnet_v2",
            "arch": "L",
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
        **_STRIPS,
    },
    # Says nothing of its kernels.
    "pp_ocrv5_server_det": _STRIPS,
    # Says nothing of its head.
    "sapiens2": {
        "head_config.upsample_out_channels": [768] * 4,
        "head_config.upsample_kernel_sizes": [4] * 4,
        "head_config.conv_out_channels": [768] * 2,
        "head_config.conv_kernel_sizes": [1] * 2,
    },
    # Reads the width of its vision tower from arguments of timm's that are not there.
    "perception_lm": {
        "vision_config.architecture": "vit_pe_core_large_patch14_336",
        "vision_config.model_args": {"embed_dim": 1024, "global_pool": ""},
    },
    # Says nothing of the indexer that its attention has.
    "qwen4_exp_text": {
        "indexer_n_heads": 16,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 256,
        "indexer_budget": 2048,
        "indexer_compress_ratio": 4,
    },
}


def seen(module: Any, config: Any, given: dict[str, Any]) -> list[Change]:
    """Change what a built network shows to be wrong: sections of a rotary embedding that are not its size."""
    for layer in module.modules():
        changed = _odd_heads(layer, module, config, given)
        if changed:
            return changed
        part: Any = getattr(layer, "config", None)
        section: Any = getattr(layer, "mrope_section", _UNSET)
        frequencies = getattr(layer, "inv_freq", None)
        if part is None or section is _UNSET or frequencies is None:
            continue
        size = int(frequencies.shape[-1])
        place = _place(part, module.config)
        if (section is not None and sum(section) == size) or place is None:
            continue
        found = parts(config).get(place)
        if found is None or _is_given(given, place, found, "rope_parameters"):
            continue
        fitting = _in_proportion(section or (1, 1, 1), size)
        rope = {**(found.rope_parameters or {}), "mrope_section": fitting}
        if found.rope_parameters == rope:
            continue
        found.rope_parameters = rope
        return [Change(place, "mrope_section", section, fitting)]
    return []


def _odd_heads(layer: Any, module: Any, config: Any, given: dict[str, Any]) -> list[Change]:
    """Have heads that are turned in pairs of numbers be of an even width."""
    part, width = getattr(layer, "config", None), getattr(layer, "head_dim", None)
    if not isinstance(width, int) or width % 2 == 0 or _value(part, "head_dim") not in (None, _UNSET):
        return []
    place = _place(part, module.config)
    own = None if place is None else parts(config).get(place)
    if place is None or own is None or not hasattr(own, "rope_parameters"):
        return []
    for field in _HEADS:
        if isinstance(_value(own, field), int) and not _is_given(given, place, own, field):
            return _changed(own, place, field)
    return []


def _in_proportion(section: Sequence[int], size: int) -> list[int]:
    """As large sections as these are to each other, of that size together."""
    ends = [round(size * sum(section[: n + 1]) / sum(section)) for n in range(len(section))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]
