"""A network's figures beside those of others who count, and a reason for each difference.

`verify` has the peers run, each in a process of its own, and `settle` holds what they say against a report.
See `peers` for what a reason is.
"""

from netscope.answers.verify.figures import ours_of
from netscope.answers.verify.result import Figure, Opinion, Reason, Verification

__all__ = ["Figure", "Opinion", "Reason", "Verification", "ours_of"]
