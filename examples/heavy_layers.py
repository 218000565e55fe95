"""Where a network's work and memory are, with pandas."""

import netscope

report = netscope.summary("torchvision/resnet50")
frame = report.to_pandas()

# `own_` columns are what belongs to a row and to no other: they add up to the totals.
assert frame["own_macs"].sum() == report.macs

heaviest = frame.sort_values("own_macs", ascending=False).head(5)
print(heaviest[["path", "type", "own_macs", "own_params"]].to_string(index=False))

by_type = frame.groupby("type")[["own_macs", "own_params", "own_output_bytes"]].sum()
shares = (by_type / by_type.sum()).sort_values("own_macs", ascending=False)
print(f"\n{shares.head(4).map('{:.1%}'.format)}")

stage = frame["path"].str.partition(".")[0].rename("stage")
print(f"\n{frame.groupby(stage)['own_macs'].sum().nlargest(5).to_string()}")
