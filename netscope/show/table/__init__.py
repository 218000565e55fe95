"""A report as a table: `build` says which rows and columns of it to show, a renderer turns them into text."""

from netscope.show.table.rows import Cell, Row, Table
from netscope.show.table.selection import build, rows_of_all

__all__ = ["Cell", "Row", "Table", "build", "rows_of_all"]
