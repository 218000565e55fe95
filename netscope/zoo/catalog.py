"""The networks that netscope brings along: names, where they are built and what they take.

Nothing here imports torch, so that they can be listed and completed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """One network of the zoo.

    factory:
        "module:function" within `netscope.zoo`. A module is named after the family, since importing it
        makes its name an attribute of the package, where functions are looked up.
    example:
        what it takes, in the form of `--input`: sizes without the batch.
    description:
        one line: who, when, which variant.
    """

    factory: str
    example: str
    description: str


ZOO: Final[dict[str, Entry]] = {
    "alexnet": Entry("alexnets:alexnet", "3x227x227", "Krizhevsky et al. 2012, single stream"),
    "lenet": Entry("lenets:lenet", "1x28x28", "after LeCun et al. 1998, without activations"),
    "vgg16": Entry("vggs:vgg16", "3x224x224", "Simonyan and Zisserman 2014, configuration D"),
    "zfnet": Entry("zfnets:zfnet", "3x224x224", "Zeiler and Fergus 2013, figure 3"),
    "zfnet_wide": Entry("zfnets:zfnet_wide", "3x224x224", "Zeiler and Fergus 2013, 512-1024-512 maps"),
}
