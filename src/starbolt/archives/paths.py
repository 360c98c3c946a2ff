"""Where the file of one object is: a catalogue column or a pattern such as "{field}/{objid}.fits" gives its name."""

from __future__ import annotations

import os
from pathlib import Path
from string import Formatter
from typing import Any

from starbolt.archives.columns import nearest


def columns_of(entry: str) -> list[str]:
    """The columns in a pattern, or the entry itself where it is a column."""
    if "{" not in entry:
        return [entry]
    return [name for _, name, _, _ in Formatter().parse(entry) if name]


def named_file(entry: str, row: dict[str, Any]) -> Any:
    """What the row's column or pattern gives: a file name, or a whole file as bytes.

    ValueError where the row has none.
    """
    empty = [name for name in columns_of(entry) if row[name] is None]
    if empty:
        known = ", ".join(f"{k}={v}" for k, v in row.items() if v is not None and not isinstance(v, bytes))
        raise ValueError(
            f"no file in column '{empty[0]}' of the row {known[:80]}; leave such rows out with data.where="
        )
    return entry.format_map(row) if "{" in entry else row[entry]


def located(name: Any, root: str, entry: str) -> str:
    """The path of a file named in the catalogue, below `root`; FileNotFoundError with the nearest names there."""
    path = Path(root, os.path.expanduser(str(name)))
    if path.exists():
        return str(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {path.parent} for {path.name} (data.file='{entry}'); name it with data.root=FOLDER"
        )
    near = nearest(path.name, sorted(os.listdir(path.parent)))
    raise FileNotFoundError(f"there is no file {path} (data.file='{entry}', data.root='{root}'); {near}")
