"""The least time that a network can take on machines that are not here."""

import netscope

for machine in ("a100", "h100", "h200"):
    report = netscope.roofline("torchvision/resnet50", machine, dtype="bf16", batch=64)
    milliseconds, rate = report.bound * 1e3, 64 / report.bound
    print(f"{machine:5} at least {milliseconds:.2f} ms a step, at most {rate:,.0f} images/s")
    assert report.bound > 0

# Of the last machine, what limits each layer: more arithmetic or more bandwidth?
limits = [layer.roof.limited_by for layer in report.layers if layer.calls and layer.roof is not None]
print({limit: limits.count(limit) for limit in sorted(set(filter(None, limits)))})
