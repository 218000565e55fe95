"""The verbs as Python functions, and a model's name read once."""
