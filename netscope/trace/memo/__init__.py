"""The fast ways: what a trace need not do twice."""
