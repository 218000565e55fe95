"""Whether a step of training fits, whose memory it is at the worst moment, and what to change. Nothing is run."""

from torch import nn

import netscope

model = nn.Sequential(
    *(nn.Sequential(nn.Linear(256, 1024), nn.GELU(), nn.Linear(1024, 256)) for _ in range(4)),
    nn.Linear(256, 10),
)
report = netscope.memory(model, input=(256,), batch=64, train=True, optimizer="adamw", device="cpu")
print(report)

# What the first activation keeps for the backward: its input, 64 rows of 1,024 numbers of 4 bytes.
assert report["0.1"].saved == 64 * 1024 * 4
assert report.memory.training.at.part in ("backward", "optimizer")

# Computed again in the backward, the blocks keep what they are given and no more.
again = netscope.memory(
    model,
    input=(256,),
    batch=64,
    train=True,
    optimizer="adamw",
    device="cpu",
    checkpoint=["0", "1", "2", "3"],
)
print(
    f"\nsaved {report.saved_for_backward:,} bytes; with the blocks computed again {again.saved_for_backward:,}"
)
assert again.saved_for_backward < report.saved_for_backward / 5
