"""Assertions about networks for a test suite, and golden files.

from netscope.testing import assert_shapes
"""

from netscope.testing.assertions import assert_budget, assert_macs, assert_params, assert_shapes, report_of

__all__ = ["assert_budget", "assert_macs", "assert_params", "assert_shapes", "report_of"]
