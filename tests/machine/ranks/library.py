"""`netscope.profile` called on every rank of somebody else's group; what came of it as JSON, by the first.

With an argument the second rank dies in the middle: the first says what was raised.
"""

from __future__ import annotations

import json
import signal
import sys

import torch
import torch.distributed as dist

import netscope
from tests.machine.ranks.networks import MLP, WIDTH, Failing

HOW = {"input": f"{WIDTH}", "max_time": 0.2, "warmup": 0.0, "device_spec": "none"}


def sharded() -> torch.nn.Module:
    from torch.distributed.fsdp import fully_shard

    module = MLP()
    for part in (module.up, module.down, module):
        fully_shard(part)
    return module


def state(module: torch.nn.Module) -> list[object]:
    values = [parameter.to_local().tolist() for parameter in module.parameters()]
    return [values, [type(part).__name__ for part in module.modules()], module.training]


def main() -> dict[str, object]:
    if sys.argv[1:]:
        # The launcher ends this one too, and it has something to say before.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            netscope.profile(Failing(1, sys.argv[1], 20), **HOW)
        except netscope.NetscopeError as error:
            return {"raised": str(error)}
        return {}
    module = sharded()
    before, groups = state(module), dist.group.WORLD
    found = {}
    for train in (False, True):
        ranks = netscope.profile(module, train=train, **HOW).timing.ranks
        found[str(train)] = [[row.collective, row.phase, row.calls] for row in ranks.collectives]
    kept = state(module) == before and all(p.grad is None for p in module.parameters())
    module(torch.ones(1, WIDTH)).sum().backward()  # the owner goes on
    return {**found, "kept": kept, "group": dist.group.WORLD is groups, "ranks": len(ranks.ranks)}


if __name__ == "__main__":
    dist.init_process_group("gloo")
    result = main()
    if dist.get_rank() == 0:
        print(json.dumps(result), flush=True)
    if not sys.argv[1:]:
        dist.destroy_process_group()
