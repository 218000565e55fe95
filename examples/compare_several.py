"""Several networks side by side: as a table, and the best of them by a rule of your own."""

import netscope

models = ["resnet18", "mobilenet_v2", "efficientnet_b0"]
several = netscope.compare([f"torchvision/{name}" for name in models] + ["vgg16"])
print(several)

frame = several.to_pandas()
print("\n", frame[["name", "params", "macs", "output_bytes"]].to_string(index=False), sep="")

reports = [variant.report for variant in several.variants if variant.report is not None]
leanest = min(reports, key=lambda report: report.macs * report.params)
print(f"\nleast MACs times params: {leanest.name}")
assert not several.failed
