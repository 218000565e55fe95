"""The benchmark: what netscope promises, measured on the machine at hand. `python -m bench`, or `make bench`.

Six parts, each a module with one function `measure(pairs) -> Part`, each to be run alone as well
(`python -m bench speed`):

correctness  torchvision's networks against really built ones and against what torchvision publishes
speed        the first call in a process, against torchinfo on the CPU and on the meta device
coldstart    whole processes, against `import torch` and `import torchvision`
size         memory and CPU time that the largest networks take
diffing      what a diff takes, of long networks and of two saved reports
timing       measured steps against torch.utils.benchmark, whose time they were, and what intervals cover

Whatever is timed runs in a fresh process, steps aside, and what is compared runs in turns, so that a busy
machine slows both sides. Targets are judged and never asserted: nothing here fails because a machine is slow.
"""
