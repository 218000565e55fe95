"""What a step of training takes of memory, whose it is at the worst moment, and what to change."""

from torch import nn

import netscope

model = nn.Sequential(
    *(nn.Sequential(nn.Linear(256, 1024), nn.GELU(), nn.Linear(1024, 256)) for _ in range(4)),
    nn.Linear(256, 10),
)
# Nothing is run: a twin without data goes through forward, backward and the optimizer's step.
report = netscope.memory(model, input=(256,), batch=64, train=True, optimizer="adamw", device="cpu")
print(report)

# What the first activation keeps for the backward: its input, 64 rows of 1,024 numbers of 4 bytes.
assert report["0.1"].saved == 64 * 1024 * 4

# Computed again in the backward, the blocks keep what they are given and no more.
blocks = ["0", "1", "2", "3"]
again = netscope.memory(model, input=(256,), batch=64, train=True, device="cpu", checkpoint=blocks)
print(f"\nsaved {report.saved_for_backward:,} bytes, {again.saved_for_backward:,} with the blocks done again")
assert again.saved_for_backward < report.saved_for_backward / 5
