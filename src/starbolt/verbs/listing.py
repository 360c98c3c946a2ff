"""Tables for the eye: ruled in a terminal, plain aligned text in a pipe; columns of numbers stand at the right."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from starbolt.messages import say

NUMBER = re.compile(r"(-?[\d.]+(e[+-]?\d+)?%?)?")


def show(header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print a table under its title."""
    if sys.stdout.isatty():
        _ruled(header, rows, title)
        return
    if title:
        say(title)
    for line in aligned(header, rows):
        say(f"  {line}")


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The table as lines of text whose columns stand below each other."""
    widths = [max(map(len, cells)) for cells in zip(header, *rows, strict=True)]
    sides = [">" if numeric else "<" for numeric in _numeric(rows)]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]


def _ruled(header: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title.strip() or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name, numeric in zip(header, _numeric(rows), strict=True):
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # Text: brackets in a column's name are no markup
    Console().print(table)


def _numeric(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Of each column, whether all its cells are numbers or empty."""
    return [any(cells) and all(map(NUMBER.fullmatch, cells)) for cells in zip(*rows, strict=True)]
