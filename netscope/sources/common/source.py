"""A form of names, and the kind of place that networks of that form come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from netscope.base.errors import UsageError
from netscope.base.meta.world import current
from netscope.base.request import Request
from netscope.base.workload import Workload, parse_dtype
from netscope.sources.common.blueprint import Blueprint, Call, Options
from netscope.sources.common.construct import construct, construct_real
from netscope.sources.common.inputs import Setting, combine


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Form:
    """One way to write the name of a network. Help, `netscope models`, docs and completion are made of these.

    form:
        how its names are written: "torchvision/NAME". What is to be filled in stands in capitals.
    description:
        what it is for, in a few words.
    accepts:
        whether a name is of that form (not whether there is such a network).
    names:
        lists all of its names, quickly: without importing torch or the library itself. For a form that
        stands for whatever people have, nothing.
    describe:
        a line on one of its names.
    example:
        what help texts show in place of the form.
    rank:
        the first form that accepts a name serves it, in the order of ranks, in which they are listed too.
    """

    form: str
    description: str
    accepts: Callable[[str], bool]
    names: Callable[[], Iterable[str]] = tuple
    describe: Callable[[str], str] = lambda name: ""
    example: str = ""
    rank: int = 50

    @property
    def prefix(self) -> str:
        """What stands before the first part that is to be filled in: "torchvision/"."""
        found = re.match("[^A-Z]*", self.form)
        return found[0] if found else ""

    @property
    def listed(self) -> bool:
        """Whether its names can be listed."""
        return self.names is not tuple


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Source(Form):
    """One kind of place that networks come from.

    title:
        what a report's header calls it.
    open:
        finds the network; raises SourceError when there is none of that name.
    """

    title: str
    open: Callable[[str, Options], Blueprint]

    def read(self, name: str, request: Request) -> Workload:
        """Build the network of that name, on meta, with the call that is to be traced.

        Raises:
            UsageError: an input, dtype or option cannot be read or does not fit the network.
            SourceError: there is no such network, or building it failed (then with a `__cause__`).
            MissingExtraError: the library that has it is not installed.
        """
        dtype = None if request.dtype is None else parse_dtype(request.dtype)
        blueprint = self.open(name, dict(request.options or {}))
        made = construct(blueprint, name, dtype)
        if made.pipeline is not None and current() is None:
            raise UsageError(
                f"{name} returns stages of a pipeline, each of which is given what another returns.",
                hint="give the mesh, as in --mesh pp=4: all of them are then looked at",
            )
        if request.args or request.kwargs is not None:
            call = Call(tuple(request.args), dict(request.kwargs or {}))
        else:
            example = blueprint.example(made.module, request.batch) if made.call is None else made.call
            setting = Setting(name, made.module, request.batch, dtype, made.call is not None)
            call = combine(example, request.input, setting)
        return Workload(
            name=name,
            module=made.module,
            args=call.args,
            kwargs=call.kwargs,
            source=blueprint.source,
            description=made.description or blueprint.description(made.module),
            rebuild=partial(construct_real, blueprint, name, dtype),
            pipeline=made.pipeline,
        )
