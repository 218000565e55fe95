"""The lessons that people come with, on the text that they see."""

from __future__ import annotations

import re
from typing import Any

import pytest
from torch import nn

import netscope
from netscope import show
from netscope.report.report import SCHEMA_VERSION
from tests.cli.test_doors import run


def said(model: str, layer: str, **how: Any) -> list[str]:
    """The lines that `netscope explain` shows, blanks between words made one."""
    return read(show.text(netscope.explain(model, layer, **how), "table", width=160))


def read(shown: str) -> list[str]:
    return [" ".join(line.split()) for line in shown.splitlines()]


def test_conv1_at_227():
    lines = said("alexnet", "conv1")
    assert "output side floor((227 + 2*0 - 1*(11-1) - 1)/4) + 1 = 55" in lines
    assert "params (11*11*3 + 1)*96 = 34,944" in lines
    assert "maps 96 one from each kernel" in lines
    assert "kernel depth 3 the maps of the input" in lines
    assert "tiling (227 - 11) % 4 = 0 the windows tile exactly: nothing is left over at the end" in lines


def test_pool3_leaves_6_and_not_5():
    lines = said("alexnet", "pool5")
    assert "output side floor((13 - 3)/2) + 1 = 6" in lines
    assert "params 0 a pool has no weights" in lines


def test_224_without_padding_gives_54_and_leaves_one_row_and_column_unread():
    result = run("explain", "alexnet", "conv1", "--input", "3x224x224")
    lines = read(result.stdout)
    assert "output side floor((224 + 2*0 - 1*(11-1) - 1)/4) + 1 = 54" in lines
    assert "tiling (224 - 11) % 4 = 1 1 row and 1 column at the end of the input are never read" in lines
    assert result.stderr.startswith("netscope: alexnet: the forward failed in classifier.fc6: ")
    assert result.returncode == 3


def test_224_with_a_padding_of_2_gives_55_and_leaves_one_unread():
    lines = said("alexnet_224", "conv1")
    assert "output side floor((224 + 2*2 - 1*(11-1) - 1)/4) + 1 = 55" in lines
    assert "tiling (224 + 2*2 - 11) % 4 = 1 1 row and 1 column of padding are never read" in lines


def test_padding_one_side_more_makes_224_tile():
    lines = said("alexnet_half", "*", options={"asymmetric": True})
    assert "output side 224 + 1 + 2 = 227" in lines
    assert "tiling (227 - 11) % 4 = 0 the windows tile exactly: nothing is left over at the end" in lines


def test_the_first_pool_absorbs_the_difference_of_224_and_227():
    blocks = [
        str(netscope.explain("torchvision/alexnet", input=f"3x{side}x{side}")).split("\n\n")[1:]
        for side in (224, 227)
    ]
    small, large = ({block.partition(" ")[0]: block for block in one} for one in blocks)
    assert "floor((55 - 3)/2) + 1 = 27" in small["features.2"]
    assert "floor((56 - 3)/2) + 1 = 27" in large["features.2"]
    behind = list(small)[list(small).index("features.3") :]
    assert len(behind) == 19
    for path in behind:
        # Behind a linear, all is seen: 224 pixels or 227.
        assert re.sub(r"sees +22[47] pixels", "", small[path]) == re.sub(
            r"sees +22[47] pixels", "", large[path]
        )


def test_alexnet_has_8_weight_layers():
    assert "weight layers 5 + 3 = 8 5 convolutions and 3 linears" in said("alexnet", "(root)")


def test_three_stacked_3x3_convolutions_see_7x7():
    stack = nn.Sequential(*[nn.Conv2d(4, 4, 3) for _ in range(3)])
    text = str(netscope.explain(stack, "2", input="4x32x32"))
    assert "5 + (3 - 1)*1 = 7 pixels" in text
    assert "8 + (3 - 1)*2" not in text
    vgg = said("vgg16", "conv1_?")
    assert "sees 3 + (3 - 1)*1 = 5 pixels of the network's input" in vgg


def test_what_parameter_sharing_saves():
    text = " ".join(str(netscope.explain(nn.Conv2d(10, 32, 3, padding=1), input="10x20x20")).split())
    assert "weights 3*3*10*32 = 2,880 shared by all places of a map" in text
    assert "without sharing 20*20*32 * 3*3*10 = 1,152,000 if each of the 12,800 outputs had" in text


@pytest.mark.whole
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["lenet", "conv9"],
            2,
            "netscope: 'lenet' has no layer 'conv9'.\n          did you mean features.conv",
        ),
        (["lenett"], 3, "netscope: no model is named 'lenett'. Did you mean lenet"),
        (["lenet", "-f", "xml"], 2, "netscope: there is no format 'xml'."),
        (
            ["lenet", "-o", "absent/x.md"],
            3,
            "netscope: cannot write absent/x.md: there is no folder absent.\n",
        ),
        (
            ["absent.json", "-b", "2"],
            2,
            "netscope: absent.json is a saved report, which has its input already.\n",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_call_ends_in_one_or_two_lines(arguments: list[str], code: int, message: str, tmp_path):
    result = run("explain", *arguments, cwd=tmp_path)
    assert result.stderr.casefold().startswith(message.casefold())
    assert result.stderr.count("\n") <= 2
    assert (result.returncode, result.stdout) == (code, "")


@pytest.mark.whole
def test_a_file_takes_the_form_that_its_name_asks_for(tmp_path):
    assert run("explain", "lenet", "conv?", "-o", "x.csv", cwd=tmp_path).stdout == ""
    text = (tmp_path / "x.csv").read_text(encoding="utf-8")
    assert text.startswith(
        f"schema_version,path,type,key,label,formula,value,unit,note\n{SCHEMA_VERSION},features.conv1,Conv2d,"
    )


def test_a_network_brings_its_options_and_its_batch():
    whole = netscope.explain("alexnet_224", "fc8", batch=2, options={"num_classes": 5})
    assert whole[0]["params"].formula == "(4096 + 1)*5"
    assert whole[0]["macs"].formula == "2 * 4096*5"
