"""Reports that know of a machine: profiles and rooflines, and the curve over batch sizes.

words     the sentences and figures around the rows, the same for every form
terminal  the answer first, then where the time went as bars, then rows
markdown  the same for a pull request or a file
curve     one line a batch, in every form
"""
