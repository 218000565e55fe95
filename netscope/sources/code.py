"""Sources: the user's own code, `package.module:factory` and `path/file.py:factory`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from netscope.base import paths
from netscope.base.arguments import kind_of
from netscope.base.errors import SourceError, UsageError, interrupts
from netscope.sources.common.blueprint import Blueprint, Options
from netscope.sources.common.construct import failed
from netscope.sources.common.options import check_options
from netscope.sources.common.source import Source
from netscope.sources.common.wording import did_you_mean

# Never imported anew, wherever they lie.
_KEPT: Final = frozenset({"__main__", "netscope", "torch"})


def accepts_file(name: str) -> bool:
    """Whether the name is a path, or a path and a factory."""
    path, colon, _ = name.rpartition(":")
    where = path if colon else name
    return where.endswith(".py") or (
        bool(colon) and ("/" in where or os.sep in where or paths.is_file(where))
    )


def accepts_import(name: str) -> bool:
    """Whether the name is a dotted module and a factory in it."""
    return ":" in name


def open_file(name: str, options: Options) -> Blueprint:
    """A factory in a Python file; `options` are its keyword arguments.

    The file is run afresh, under a name of its own, so that two files of the same name can be compared.
    It may import its neighbours, absolutely or relatively.

    Raises:
        SourceError: the file is missing, is not Python, raises when run, or has no such factory.
        UsageError: no factory is named, or it takes no such option.
    """
    path_text, colon, attribute = name.rpartition(":")
    if not colon:
        path_text, attribute = name, ""
    path = paths.expanded(path_text)
    if not paths.is_file(path):
        raise SourceError(f"there is no file {path_text!r}.", hint="write path/file.py:factory")
    surroundings = partial(_importable, path.resolve().parent, forget=True)
    with surroundings():
        module = _run_file(path.resolve(), path_text)
    return _blueprint(name, module, attribute, options, path_text, surroundings)


def open_import(name: str, options: Options) -> Blueprint:
    """A factory in an importable module, the working directory included.

    It is imported once, as everything is; for a rank of many, once for each.

    Raises:
        SourceError: there is no such module, it raises when imported, or has no such factory.
        UsageError: no factory is named, or it takes no such option.
    """
    dotted, _, attribute = name.partition(":")
    surroundings = partial(_importable, Path.cwd(), forget=False)
    if not all(part.isidentifier() for part in dotted.split(".")):
        raise UsageError(f"{dotted!r} is no module name.", hint="write package.module:factory")
    with surroundings():
        try:
            module = _imported(dotted)
        except ModuleNotFoundError as error:
            if error.name is not None and (dotted == error.name or dotted.startswith(f"{error.name}.")):
                raise SourceError(
                    f"there is no module named {error.name!r}.", hint="write package.module:factory"
                ) from error
            raise failed(f"{dotted} could not be imported", error) from error
        except BaseException as error:
            if interrupts(error):
                raise
            raise failed(f"{dotted} could not be imported", error) from error
    return _blueprint(name, module, attribute, options, dotted, surroundings)


def _imported(dotted: str) -> ModuleType:
    """A module; for a rank, imported anew with those beside it: they may have asked for the rank already."""
    from netscope.base.meta.world import stood_in

    world = stood_in()
    folder = None if world is None else _home(dotted.partition(".")[0])
    if world is None or folder is None:
        return importlib.import_module(dotted)
    assert world.ending is not None
    before = _beside(folder)
    world.ending.callback(_put_back, folder, before)
    _put_back(folder, {})
    try:
        module = importlib.import_module(dotted)
    except Exception as error:
        # What registers itself with torch, as operators do, may do so once: then it is as for all ranks.
        known = before if dotted in before else _last.get(folder, {})
        if dotted not in known or "regist" not in str(error).lower():
            raise
        _put_back(folder, known)
        return known[dotted]
    _last[folder] = _beside(folder)
    return module


# What was imported for the last rank, by folder.
_last: dict[Path, dict[str, ModuleType]] = {}


def _home(name: str) -> Path | None:
    """The folder that a module lies in at the top; None for what is not the user's own code."""
    if name in sys.modules:
        return _folder_of(name, sys.modules[name])
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # importing it says more
        return None
    return None if spec is None else _folder(name, spec.submodule_search_locations, spec.origin)


def _folder_of(name: str, module: ModuleType | None) -> Path | None:
    return _folder(name, getattr(module, "__path__", None), getattr(module, "__file__", None))


def _folder(name: str, places: Any, file: Any) -> Path | None:
    """Of a package, by its places, or a module, by its file."""
    place = next(iter(places or ()), file)
    if not isinstance(place, str) or name in _KEPT or name in sys.stdlib_module_names:
        return None
    path = Path(place)
    installed = not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
    return None if installed or not (places or path.suffix == ".py") else path.resolve().parent


def _beside(folder: Path) -> dict[str, ModuleType]:
    """Modules that lie in a folder, or in a package in it."""
    there = dict(sys.modules)
    tops = {name for name, one in there.items() if "." not in name and _folder_of(name, one) == folder}
    return {name: one for name, one in there.items() if name.partition(".")[0] in tops}


def _put_back(folder: Path, modules: dict[str, ModuleType]) -> None:
    """Have these be imported of a folder, and no others."""
    for name in _beside(folder).keys() - modules.keys():
        sys.modules.pop(name, None)
    sys.modules.update(modules)


def _blueprint(
    name: str,
    module: ModuleType,
    attribute: str,
    options: Options,
    where: str,
    surroundings: Callable[[], Any],
) -> Blueprint:
    factory = _find(module, attribute, where)
    from torch import nn

    if isinstance(factory, nn.Module):
        if options:
            raise UsageError(f"{name} is a built network, which takes no options.")
        built = factory
        return Blueprint(factory=lambda: built, source="python", surroundings=surroundings)
    if not callable(factory):
        raise SourceError(f"{name} is {kind_of(factory)}, which builds no network.")
    options = {**_mesh_for(factory, options), **options}
    check_options(name, factory, options)
    summary = (getattr(factory, "__doc__", None) or "").strip().splitlines()
    inherited = isinstance(factory, type) and "__doc__" not in vars(factory)
    line = summary[0].rstrip(".") if summary and not inherited else ""
    return Blueprint(
        factory=partial(factory, **options),
        source="python",
        description=lambda module: line,
        surroundings=surroundings,
    )


def _mesh_for(factory: Callable[..., Any], options: Options) -> Options:
    """The mesh of the world that this process stands in, for a factory that takes one."""
    from netscope.base.meta.world import MESH_NAMES, current

    world = current()
    if world is None:
        return {}
    try:
        taken = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return {}
    name = next((name for name in MESH_NAMES if name in taken and name not in options), None)
    return {} if name is None else {name: world.device_mesh()}


def _find(module: ModuleType, attribute: str, where: str) -> Any:
    members = vars(module).items()
    offered = [name for name, value in members if _is_own_factory(module, name, value)]
    if not attribute:
        names = f", as in {where}:{offered[0]}" if offered else ""
        raise UsageError(f"{where} needs the name of a factory.", hint=f"write {where}:factory{names}")
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            # A package such as torch.nn offers what it imports.
            if not any(_is_network(getattr(module, name)) for name in offered):
                offered = [name for name, value in members if _is_network(value)] + offered
            hint = f"it has {', '.join(offered[:8])}" if offered else "it defines no class or function"
            raise SourceError(
                f"{where} has no {attribute!r}.{did_you_mean(attribute, offered)}", hint=hint
            ) from None
    return found


def _is_network(value: Any) -> bool:
    from torch import nn

    return inspect.isclass(value) and issubclass(value, nn.Module)


def _is_own_factory(module: ModuleType, name: str, value: Any) -> bool:
    """Whether this member is a class or function that the module itself defines for others."""
    own = getattr(value, "__module__", None) == module.__name__
    return own and not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))


def _run_file(path: Path, shown: str) -> ModuleType:
    # A package made up for the folder lets `from .neighbour import X` work without an __init__.py.
    package = _package_name(path.parent)
    parent = ModuleType(package)
    parent.__path__ = [str(path.parent)]
    sys.modules[package] = parent
    name = f"{package}.{path.stem}"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (SyntaxError, UnicodeDecodeError) as error:
        if isinstance(error, SyntaxError) and error.filename not in (None, str(path)):
            raise failed(f"{shown} could not be run", error) from error
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else "it is not text"
        raise SourceError(f"{shown} is not Python ({said}{line}).") from error
    except BaseException as error:
        if interrupts(error):
            raise
        raise failed(f"{shown} could not be run", error) from error
    return module


def _package_name(folder: Path) -> str:
    return f"_netscope_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


@contextmanager
def _importable(folder: Path, *, forget: bool) -> Iterator[None]:
    """While active, modules in `folder` can be imported.

    With `forget`, those that were imported meanwhile leave `sys.modules` again: the neighbours of
    another file may have the same names and must not be taken for these.
    """
    before = set(sys.modules)
    place = str(folder)
    sys.path.insert(0, place)
    try:
        yield
    finally:
        if place in sys.path:
            sys.path.remove(place)
        if forget:
            for name in set(sys.modules) - before:
                if _lies_in(sys.modules[name], folder, name):
                    del sys.modules[name]


def _lies_in(module: ModuleType | None, folder: Path, name: str) -> bool:
    if name.partition(".")[0] == _package_name(folder):
        return True
    file = getattr(module, "__file__", None)
    return file is not None and "site-packages" not in file and Path(file).is_relative_to(folder)


SOURCES: Final = (
    Source(
        title="file",
        form="path/file.py:factory",
        description="a class or function in a file: a module, a Workload or (module, args, kwargs)",
        accepts=accepts_file,
        open=open_file,
        rank=80,
    ),
    Source(
        title="python",
        form="package.module:factory",
        description="the same in a module that can be imported",
        accepts=accepts_import,
        open=open_import,
        rank=90,
    ),
)
