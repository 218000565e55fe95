"""AlexNet at 224 and at 227 pixels: where the difference goes, and why the paper's number does not fit."""

import netscope

# torchvision's takes both. One pool absorbs the difference, and nothing behind it differs.
change = netscope.diff("torchvision/alexnet", input="3x224x224", input_b="3x227x227")
print(change)
assert change.absorbed.path == "features.2"

# The paper's, without padding: at 224 a row and a column are never read, and the first linear does not fit.
for side in (227, 224):
    try:
        report = netscope.summary("alexnet", input=f"3x{side}x{side}")
    except netscope.TraceError as error:
        print(f"\n{side}: fails in {error.path}")
        report = error.report
    else:
        print(f"\n{side}: runs")
    lines = netscope.explain(report, "conv1")[0]
    print(f"  side of conv1: {lines['output_side'].formula} = {lines['output_side'].value}")
    print(f"  left over:     {lines['unread'].formula} = {lines['unread'].value}")
