"""The data flow of a network: which module and which operator reads what which other one made.

It is nested as the module calls are. A `Group` is what ran within one call: calls of submodules and the
operators that the module ran itself, in the order in which they began, and the edges between them. Groups
that look the same are one object, so that the twelve blocks of a transformer are written down once.

Nodes are modules and operators that make something. A view (`reshape`, `transpose`, a slice) makes nothing:
it is part of the edge, which says the shape on either side. Parameters and buffers are part of the node that
reads them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from netscope.report.layer import Shape

MODULE: Final = "module"
OPERATOR: Final = "operator"
INPUT: Final = "input"
OUTPUT: Final = "output"


class FlowNode(NamedTuple):
    """One step within a group.

    kind:
        "module" for a call, "operator" for work that the group's module does itself, "input" and "output" for
        a value that comes from outside, or goes there.
    name:
        of a module its qualified name below that of the group ("conv1"), of an operator torch's name for it
        ("aten.add.Tensor"), of a value its place among the arguments or results ("0", "mask"), "" where it is
        none of these.
    elsewhere:
        whether `name` is the whole qualified name, of a module that is not registered inside the group's.
    inside:
        the index of the group within; None for a node that has nothing inside.
    macs, vector:
        of an operator: its MACs, and its vector operations; None where nothing could count them.
    """

    kind: str
    name: str
    elsewhere: bool = False
    inside: int | None = None
    macs: int | None = None
    vector: int | None = None


class FlowEdge(NamedTuple):
    """A value that one node makes and another reads.

    source, target:
        indices into the group's nodes.
    shape, dtype:
        as it is made; None and "" where it is no tensor.
    read:
        the shape in which it is read, where a view in between made it another one.
    out_port, in_port:
        indices of the output within the source's group, and of the input within the target's; None for a
        node that has nothing inside.
    """

    source: int
    target: int
    shape: Shape | None = None
    dtype: str = ""
    read: Shape | None = None
    out_port: int | None = None
    in_port: int | None = None


class Group(NamedTuple):
    """What ran within one call of a module.

    Inputs come first, outputs last, and every edge leads from a node to a later one.
    """

    nodes: tuple[FlowNode, ...]
    edges: tuple[FlowEdge, ...]


class Flow(NamedTuple):
    """The groups, that of the network itself first.

    unknown:
        values that were read, and came from where nothing was seen.
    """

    groups: tuple[Group, ...]
    unknown: int = 0


def path_of(around: str, node: FlowNode) -> str:
    """The qualified name of a node within the group of that name; an operator has that of the group."""
    if node.kind != MODULE or not node.name:
        return around
    return node.name if node.elsewhere or not around else f"{around}.{node.name}"
