"""A step of training or of inference, recorded without data: what is in memory, from when to when."""
