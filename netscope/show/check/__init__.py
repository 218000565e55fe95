"""The page of `netscope check`, and what is told to machines that run checks (`ci`)."""

from netscope.show.check.page import page as page
