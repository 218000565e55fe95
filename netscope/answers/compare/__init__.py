"""The totals of several networks side by side."""

from netscope.answers.compare.variants import Comparison, Variant

__all__ = ["Comparison", "Variant"]
