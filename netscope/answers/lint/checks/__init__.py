"""The checks, a file each, which are found by being here: nothing else has to name them.

A file is called as its check is: `untiled_windows.py` is "untiled-windows". Its docstring is the page about
the check in the documentation and the answer of `netscope lint --explain`; `netscope.answers.lint.docstrings`
says how it is written. Its one function is registered under the check's code:

    @check("NS101", "warning")
    def untiled_windows(look: Look) -> Iterator[Remark]:
        ...

NS1 is about windows, NS2 about parameters and channels, NS3 about what is connected to what, NS4 about
training against evaluation, NS5 about networks that are divided among ranks. Tests run every check on the
example in its docstring.
"""
