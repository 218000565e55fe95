"""Why each number is what it is: a report -> questions and answers, with the layer's numbers put in.

`explain` is the whole of it. One pure function for each family of operators derives what a layer's figures
should be (`table.DERIVATIONS`); every formula is worked out and held against the trace.
"""

from netscope.answers.explain.explain import explain
from netscope.answers.explain.formula import evaluate
from netscope.answers.explain.lines import Explanation, Explanations, Line

__all__ = ["Explanation", "Explanations", "Line", "evaluate", "explain"]
