"""Which class is built of a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from netscope.base.errors import SourceError, said
from netscope.sources.common.installed import HEADS

if TYPE_CHECKING:
    from torch import nn

_WRITERS: Final = ("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",)


def network_class(name: str, config: Any, model_type: str) -> type[nn.Module]:
    """The class that the configuration names, else the head that its model type is mostly used with.

    Raises:
        SourceError: transformers has none, or one that is not called as a whole.
    """
    named = [str(architecture) for architecture in config.architectures or ()]
    candidates = named[:1] or list(dict.fromkeys(_heads(config, model_type)))
    if not candidates:
        raise SourceError(
            f"transformers has no network for {name}, only a configuration.",
            hint="`netscope models 'hf/*'` has those with one; else -k \"architectures=['CLASS']\"",
        )
    found = [_found(name) for name in candidates if len(candidates) == 1 or _exists(name)]
    # A language model's table has the decoder of a composite too, which wants a part of the configuration.
    fitting = [cls for cls in found if isinstance(config, _configured_by(cls))]
    network: Any = (fitting or found)[0]
    if network.forward is _torch_forward():
        raise SourceError(
            f"{network.__name__} has no forward: only its parts are called.",
            hint="name a part, with its own configuration in a file: hf/config.json",
        )
    return network  # type: ignore[no-any-return]


def _heads(config: Any, model_type: str) -> Iterator[str]:
    """The classes that transformers' tables have for a model type, the first choice first."""
    from transformers.models.auto import modeling_auto

    for table in (*(_WRITERS if getattr(config, "is_encoder_decoder", False) else ()), *HEADS):
        found = getattr(modeling_auto, table, {}).get(model_type)
        if found is not None:
            yield found if isinstance(found, str) else str(found[0])


def _exists(architecture: str) -> bool:
    import transformers

    return hasattr(transformers, architecture)


def _found(architecture: str) -> Any:
    import transformers

    try:
        return getattr(transformers, architecture)
    except AttributeError:
        raise SourceError(
            f"transformers {transformers.__version__} has no class {architecture!r}.",
            hint="name another: -k \"architectures=['BertModel']\"",
        ) from None
    except Exception as error:  # its module cannot be imported
        raise SourceError(f"{architecture} cannot be imported: {said(error)}") from error


def _configured_by(cls: Any) -> Any:
    return getattr(cls, "config_class", None) or ()


def _torch_forward() -> Any:
    from torch import nn

    return nn.Module.forward
