"""Several processes that are measured together, one rank each.

together      how they agree on how many steps to take, begin these at once, and gather what they found
watch         a thread that sees when one dies, raises or hangs, and ends them all with a line
collectives   a pass of its own: each collective from its call until it is over
matched       the same collective on all of its ranks: what it takes, and who waited for whom
"""
