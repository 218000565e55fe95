"""The page of a diff: `selection` says which rows and columns, `page` how they read."""

from netscope.show.diff.page import page as page
