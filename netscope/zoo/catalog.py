"""The networks that netscope brings along: names, where they are built and what they take.

Nothing here imports torch, so that they can be listed and completed at once.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """One network of the zoo.

    factory:
        "module:function" within `netscope.zoo`. A module is named after the family, since importing it
        makes its name an attribute of the package, where functions are looked up.
    example:
        what it takes, in the form of `--input`: sizes without the batch.
    description:
        one line: who, when, which variant.
    arguments:
        "module:function" within `netscope.zoo`, batch -> the arguments of a call, for a network that
        takes more than one tensor; `example` is then its first.
    """

    factory: str
    example: str
    description: str
    arguments: str = ""


ZOO: Final[dict[str, Entry]] = {
    "alexnet": Entry("alexnets:alexnet", "3x227x227", "Krizhevsky et al. 2012, single stream"),
    "alexnet_224": Entry(
        "alexnets:alexnet_224", "3x224x224", "Krizhevsky et al. 2012, padded for 224 pixels"
    ),
    "alexnet_deconv": Entry(
        "deconvnets:alexnet_deconv",
        "256x13x13",
        "Zeiler and Fergus 2013, AlexNet's maps projected back to pixels",
        "deconvnets:deconv_arguments",
    ),
    "alexnet_grouped": Entry(
        "alexnets:alexnet_grouped", "3x227x227", "Krizhevsky et al. 2012, as on two GPUs"
    ),
    "alexnet_half": Entry("alexnets:alexnet_half", "3x224x224", "Krizhevsky et al. 2012, one GPU's half"),
    "alexnet_switches": Entry(
        "deconvnets:alexnet_switches", "3x227x227", "Zeiler and Fergus 2013, AlexNet that keeps its maps"
    ),
    "basic_block": Entry("resnets:basic_block", "64x56x56", "He et al. 2015, one residual block"),
    "cifar_resnet": Entry("resnets:cifar_resnet", "3x32x32", "He et al. 2015, for small images"),
    "inception_block": Entry("inceptions:inception_block", "192x35x35", "Szegedy et al. 2015, one block"),
    "lenet": Entry("lenets:lenet", "1x28x28", "after LeCun et al. 1998, without activations"),
    "mnist_cnn": Entry("lessons:mnist_cnn", "1x28x28", "a lesson's network for digits, after 2015"),
    "simple_cnn": Entry("lessons:simple_cnn", "3x32x32", "a lesson's network for CIFAR-10 (2009)"),
    "vgg16": Entry("vggs:vgg16", "3x224x224", "Simonyan and Zisserman 2014, configuration D"),
    "zfnet": Entry("zfnets:zfnet", "3x224x224", "Zeiler and Fergus 2013, figure 3"),
    "zfnet_wide": Entry("zfnets:zfnet_wide", "3x224x224", "Zeiler and Fergus 2013, 512-1024-512 maps"),
}
