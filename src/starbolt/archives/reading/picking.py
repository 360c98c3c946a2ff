"""Which of the tables in a file: by name, by number, or the only one."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from starbolt.archives.reading.columns import TableError, nearest

T = TypeVar("T")


def pick(tables: dict[str, T], table: str | int | None, path: Path) -> T:
    """The table that was asked for, by name (in any case) or by number from 0, or the only one.

    TableError with the names there are.
    """
    names = list(tables)
    if isinstance(table, int) and 0 <= table < len(names):
        return tables[names[table]]
    if not names:
        raise TableError(f"{path} holds no table")
    if table is None:
        if len(names) == 1:
            return tables[names[0]]
        raise TableError(f"{path} holds {len(names)} tables; choose with data.table= one of {', '.join(names[:12])}")
    wanted = str(table).strip("/").lower() or "/"
    found = [name for name in names if name.lower() == wanted]
    if not found:
        raise TableError(f"{path} holds no table {table!r}; {nearest(str(table), names)}")
    return tables[found[0]]
