"""The page of what can be named."""
