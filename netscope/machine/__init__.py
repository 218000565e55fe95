"""What a network takes on a machine: `profiling` is the verb, `timing` its clocks."""
