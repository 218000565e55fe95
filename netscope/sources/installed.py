"""Names of the networks in installed libraries, read from their source files.

Importing torchvision takes seconds, timm and transformers more, and torchvision fails to import beside
a CPU-only torch. Their registries are written down in a regular form, though, so the names can be
listed in a fraction of a second without running anything. A test compares each list with what the
library itself says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# @register_model() or @register_model(name="quantized_resnet50"), perhaps other decorators, the function.
_REGISTERED = re.compile(
    r"""^@register_model(?:\((?:name=)?(?:["'](?P<name>\w+)["'])?\))?[ ]*\n
        (?:[@ )].*\n)*
        def\ (?P<function>\w+)""",
    re.MULTILINE | re.VERBOSE,
)


@cache
def torchvision_names() -> tuple[str, ...]:
    """ "torchvision/resnet50", ...; empty when torchvision is not installed."""
    return _registered("torchvision", "**/*.py")


@cache
def timm_names() -> tuple[str, ...]:
    """ "timm/resnet50", ...; empty when timm is not installed."""
    return _registered("timm", "*.py")


@cache
def huggingface_names() -> tuple[str, ...]:
    """ "hf/bert", ...: the model types of transformers; empty when it is not installed."""
    folder = package_folder("transformers")
    if folder is None:
        return ()
    found: set[str] = set()
    for file in ("auto_mappings.py", "configuration_auto.py"):  # in 5.x both, in 4.x the second
        path = folder / "models" / "auto" / file
        if path.is_file():
            found.update(_mapping_keys(path.read_text(encoding="utf-8"), "CONFIG_MAPPING_NAMES"))
    return tuple(sorted(f"hf/{key}" for key in found))


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
        found.update(match["name"] or match["function"] for match in _REGISTERED.finditer(text))
    return tuple(sorted(f"{package}/{name}" for name in found))


def _mapping_keys(source: str, name: str) -> Iterator[str]:
    """The string keys that the statements of a file put into the mapping called `name`.

    They are written as OrderedDict([(key, value), ...]) or as {key: value, ...}.
    """
    for statement in ast.parse(source).body:
        parts = list(ast.walk(statement))
        if not any(isinstance(part, ast.Name) and part.id == name for part in parts):
            continue
        for part in parts:
            match part:
                case ast.Tuple(elts=[ast.Constant(value=str() as key), ast.Constant(value=str())]):
                    yield key
                case ast.Dict(keys=keys):
                    yield from (
                        k.value for k in keys if isinstance(k, ast.Constant) and isinstance(k.value, str)
                    )
