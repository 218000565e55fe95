"""What a network takes on a machine, measured so that the figure can be trusted.

Passes are separate and never mixed. In the order in which a profile uses them:

    weights, inputs, kept    a network with values, its arguments, and a twin of the user's module
    steps                    one inference or training step, in phases
    meter, measure           rounds of samples until their interval is narrow: no hook, no profiler
    samples, intervals       raw samples; median, quartiles, interval and the ratio of two measurements
    remarks                  what makes a figure doubtful, as sentences
    scopes, events           another pass: what ran, when, and in which layer
    attribution, breakdown   events -> seconds of each layer, of none, idle; reconciled with the first pass
    devices, roofline        what machines can do at most, and the least that an operation takes on one
    curve                    batch sizes and the knee
    chrome                   events as a trace that Perfetto opens

Machines are behind one protocol (`backend`), one class each (`backends`). Nothing here imports torch before
it is needed, except the modules that cannot do without: weights, inputs, kept, steps, scopes and backends.
"""
