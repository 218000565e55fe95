"""The fast ways: what is remembered so that it need not be done again, and what each of them buys.

Without any of them networks are constructed by torch, every module is called and every operator is run by
torch's meta kernel; the report is the same, which is a test. `NETSCOPE_PLAIN=1` turns all off, and
`NETSCOPE_PLAIN=rules,modules` some; in Python that is `netscope.base.plain.plain`.

How much longer a call of `netscope.summary("torchvision/...")` takes without: the first in a process that has
imported everything, and a later one. CPU time, medians over 15 pairs of processes in turns, by
`python -m tools.fastways resnet50 vit_b_16` with torch 2.14 on two busy cores of an AMD EPYC.

                resnet50         vit_b_16
    way         first   later    first   later    what it saves doing
    templates   +14%    +20%     +0%     +3%      asking of each attribute of a layer what it is
    fills       +69%    +111%    +38%    +52%     initialising what has no values
    rules       +67%    +103%    +28%    +32%     torch's meta kernels, many of them in Python
    operators   +0%     +0%      +15%    +23%     inferring again what an operator makes of equal arguments
    modules     +7%     +17%     +1%     +2%      torch's way from a module of torch.nn to its operators
    modes       +1%     +4%      +0%     +2%      setting the mode of each module through its setters
    collector   +626%   +4%      +4%     +5%      looking for cycles among all objects of torch
    all         +944%   +474%    +867%   +463%

Where they are: templates and fills in `netscope.base.meta`, rules in `netscope.trace.shapes`, operators
and modules here, modes in `netscope.trace.rungs`, the collector in `netscope.base.collector`. Of
modules, those that differ in sizes alone are worth 9% of a first call of resnet50 and 12% of a later one.

The entry points: `OperatorMemo.recall`, `made` and `keep`, which the recorder calls; `ModuleMemo.pure`,
`apply` and `keep`, which the calls of modules do. Neither memo is there where it is turned off.

No fast ways, since the report would be another without: composites are recorded whole, constants keep their
values, layers that netscope built itself keep their tensors. Nor is what is done late (receptive fields,
which would be 60% of a first call) or kept for one recording (an operator's schema, equal layouts).
"""
