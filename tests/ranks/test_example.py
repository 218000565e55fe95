"""The llama of examples/parallel, in a process that stands for one rank of many."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import Any

import pytest

from tests.ranks.figures import Llama, tensor_and_data
from tests.ranks.processes import Call, traffic_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/parallel/llama.py"
SMALL = Llama(layers=4, dim=128, heads=8, kv_heads=4, hidden=384, words=1000, texts=1, places=128)
LARGE = Llama(layers=80, dim=8192, heads=64, kv_heads=8, hidden=28672, words=32000, texts=1, places=2048)

# A group that sends nothing, and a real step: what DTensor and FSDP2 call is what they call among many.
STEP = """
import json, runpy, sys, torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.testing._internal.distributed.fake_pg import FakeStore
from tests.ranks.processes import groups_of, watching

def stand_for(rank, dp, tp):
    dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=dp * tp)
    return init_device_mesh("cpu", (dp, tp), mesh_dim_names=("dp", "tp"))

def of(module):
    return {name: (tuple(one.shape), tuple(one.to_local().shape)) for name, one in module.named_parameters()}

factories = runpy.run_path(sys.argv[1])
mesh = stand_for(5, 4, 2)
module = factories["small"](mesh)
module.to_empty(device="cpu")
ids = torch.zeros(1, 128, dtype=torch.long)
module(ids).mean().backward()
with watching(groups_of(mesh)) as seen:
    loss = module(ids).mean()
    seen.phase = "backward"
    loss.backward()
small = of(module), seen.calls, [seen.macs["forward"], seen.macs["backward"]]
dist.destroy_process_group()
print(json.dumps([*small, of(factories["parallelize"](stand_for(255, 32, 8)))]))
"""


@pytest.fixture(scope="module")
def found() -> list[Any]:
    """Of the small one: parameters, whole and here, calls, products. Of the large one: parameters."""
    result = subprocess.run(
        [sys.executable, "-c", STEP, str(EXAMPLE)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def local(shapes: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(here) for name, (_, here) in shapes.items()}


@pytest.mark.slow
def test_the_small_one_does_what_was_worked_out(found: list[Any]):
    figures = tensor_and_data((4, 2), 5, SMALL)
    shapes, calls, macs, _ = found
    assert local(shapes) == figures.shapes
    assert macs == [figures.macs, figures.backward_macs]
    sent = traffic_of(tuple(Call(*one) for one in calls))
    assert sent == tuple(one._replace(wire_bytes=0) for one in figures.traffic)


@pytest.mark.slow
def test_the_large_one_is_llama_2_70b_divided_by_256(found: list[Any]):
    """Published: 68,976,648,192 parameters. All are divided by 256 but the norms, by 32 alone."""
    shapes = found[-1]
    assert sum(prod(whole) for whole, _ in shapes.values()) == 68_976_648_192
    norms = 161 * 8_192
    assert local(shapes) == tensor_and_data((32, 8), 255, LARGE).shapes
    divided = (68_976_648_192 - norms) // 256 + norms // 32
    assert sum(prod(here) for _, here in shapes.values()) == divided


def test_products_of_the_large_one():
    """Each weight but the embedding's and norms' for each of 2,048 places, and the attention's."""
    figures = tensor_and_data((32, 8), 0, LARGE)
    weights = 68_976_648_192 - 32_000 * 8_192 - 161 * 8_192
    assert figures.global_macs == 2_048 * weights + 80 * 2 * 2_048**2 * 8_192 == 146_222_161_592_320
    assert figures.macs * 8 == figures.global_macs


def test_it_is_plain_torch():
    tree = ast.parse(EXAMPLE.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    named = [one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)]
    named += [name.name for one in ast.walk(tree) if isinstance(one, ast.Import) for name in one.names]
    assert {name.partition(".")[0] for name in named} == {"__future__", "torch"}
