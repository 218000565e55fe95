"""Profiles: a network's report, and how long it takes on a machine, layer by layer.

    run       a workload and settings -> a report with `timing`, or a curve over batch sizes
    passes    the measurements of one network on one machine, one after the other
    held      the network with values on the machine; of the user's a twin
    traffic   a trace -> the bytes that each row must move
    join      times and bounds -> the rows of a report
    curve     batch sizes, what they bring, and where memory ends; `document` is its form as JSON

What is measured, and how, is `netscope.machine.timing`; what comes of it is
`netscope.report.measured`. Nothing is imported here, so that a saved profile is read without torch.
"""
