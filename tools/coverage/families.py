"""Families of networks: what each is called, which there are, and how one is built without weights.

A family is a library, netscope's zoo, or a third-party package with a file in `packages`. Listing one imports
its library, so it is for the processes of `server`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from netscope.base.workload import Workload

PACKAGES: Final = Path(__file__).parent / "packages"

# Packages that were tried and cannot be had beside this torch, and why.
UNFIT: Final[dict[str, str]] = {
    "compressai 1.2.8": "needs numpy < 2",
    "dynamic-network-architectures 0.4.4": "needs timm < 1.0.23",
    "effdet 0.4.1": "cannot be imported: torch.jit does not compile its detection bench",
    "enformer-pytorch 0.8.12": "needs transformers 4.56.2",
    "escnn 1.0.11": "py3nj, which it needs, is built with a compiler of Fortran",
    "facenet-pytorch 2.6.0": "needs numpy < 2",
    "mace-torch 0.3.16": "needs e3nn 0.4.4, which cannot read its own constants with this torch",
    "nnunetv2 2.8.1": "needs timm < 1.0.23",
    "pytorch-forecasting 1.8.0": "needs pandas < 3.1",
    "schnetpack 2.2.0": "needs Python 3.12",
    "torchscale 0.3.0": "needs timm 0.6.13",
}


@dataclass(frozen=True, slots=True)
class Family:
    """Networks that come from one place.

    title:
        the first part of its networks' keys: "timm" of "timm/resnet50".
    distributions:
        what it is installed as; several, where one file has small packages of a kind.
    names:
        lists its networks; imports the library.
    read:
        builds the network of that name, on meta.
    """

    title: str
    distributions: tuple[str, ...]
    names: Callable[[], list[str]]
    read: Callable[[str], Workload]

    @property
    def version(self) -> str:
        """Of what is installed; with the names, where that is more than one."""
        found = [(name, _version(name)) for name in self.distributions]
        return found[0][1] if len(found) == 1 else ", ".join(map(" ".join, found))


def _version(distribution: str) -> str:
    """ "" where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def titles() -> list[str]:
    """All families, in the order in which they are measured: the one that takes longest is the last."""
    return [*_LIBRARIES[:-1], *package_titles(), _LIBRARIES[-1]]


def package_titles() -> list[str]:
    """The third-party packages that have a file."""
    return sorted(path.stem.removeprefix("of_") for path in PACKAGES.glob("of_*.py"))


def family(title: str) -> Family:
    """The family of that title. A package's file is imported, and so is the package."""
    match title:
        case "torchvision":
            return Family(title, ("torchvision",), _torchvision, partial(_by_name, "torchvision/"))
        case "timm":
            return Family(title, ("timm",), _timm, partial(_by_name, "timm/"))
        case "hf":
            return Family(title, ("transformers",), _transformers, partial(_by_name, "hf/"))
        case "zoo":
            return Family(title, ("netscope",), _zoo, partial(_by_name, ""))
    module = importlib.import_module(f"tools.coverage.packages.of_{title}")
    networks: dict[str, Callable[[], Any]] = module.NETWORKS
    return Family(title, module.DISTRIBUTIONS, lambda: list(networks), partial(_made, title, networks))


_LIBRARIES: Final = ("torchvision", "zoo", "timm", "hf")


def _torchvision() -> list[str]:
    from torchvision.models import list_models

    return list(list_models())


def _timm() -> list[str]:
    import timm

    return list(timm.list_models())


def _transformers() -> list[str]:
    import transformers  # noqa: F401 - once for all forks

    return _listed("hf/")


def _zoo() -> list[str]:
    return _listed("")


def _listed(prefix: str) -> list[str]:
    """What `netscope models` lists under a prefix; the zoo has none."""
    import netscope

    names = [model.name for model in netscope.models()]
    return [
        name.removeprefix(prefix)
        for name in names
        if name.startswith(prefix) and bool(prefix) == ("/" in name)
    ]


def _by_name(prefix: str, name: str) -> Workload:
    from netscope.api.reading import read
    from netscope.base.workload import Workload

    found = read(f"{prefix}{name}")
    assert isinstance(found, Workload)
    return found


def _made(title: str, networks: dict[str, Callable[[], Any]], name: str) -> Workload:
    """What a factory of a package's file makes, built as `netscope summary file.py:factory` would."""
    from netscope.base.request import Request
    from netscope.sources.common.blueprint import Blueprint
    from netscope.sources.common.source import Source

    source = Source(
        title=title,
        form=f"{title}/NAME",
        description="",
        accepts=lambda name: True,
        open=lambda _, options: Blueprint(factory=networks[name], source="python"),
    )
    return source.read(f"{title}/{name}", Request())
