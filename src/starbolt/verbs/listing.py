"""Tables for the eye: ruled in a terminal, plain aligned text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from starbolt.messages import say


def show(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = (), title: str = "") -> None:
    """Print a table under its title; columns named in `right` are aligned there."""
    if sys.stdout.isatty():
        _ruled(header, rows, right, title)
        return
    if title:
        say(title)
    for line in aligned(header, rows, right):
        say(f"  {line}".rstrip())


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> list[str]:
    """The table as lines of text whose columns stand below each other."""
    widths = [max(map(len, cells)) for cells in zip(header, *rows, strict=True)]
    sides = [">" if name in right else "<" for name in header]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        for row in (header, *rows)
    ]


def _ruled(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    for name in header:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # Text: brackets in a column's name are no markup
    Console().print(table)
