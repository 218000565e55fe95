"""The totals of several networks side by side."""
