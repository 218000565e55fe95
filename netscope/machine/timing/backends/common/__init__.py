"""What backends share: the profiler behind torch, a driver, precision."""
