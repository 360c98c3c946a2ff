"""Where the file of one object is: a catalogue column or a pattern such as "{field}/{objid}.fits" gives its name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any

import pyarrow as pa

from starbolt.archives.base import PART
from starbolt.archives.reading.columns import nearest


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


def files_named(entries: Sequence[str], roots: Mapping[str, str], catalogue: pa.Table) -> list[str]:
    """The paths that the entries name in every row, below the root of the row's part; rows without one are left out."""
    columns = dict.fromkeys(name for entry in entries for name in columns_of(entry))
    wanted = [name for name in (*columns, PART) if name in catalogue.column_names]
    wanted = [name for name in wanted if not pa.types.is_binary(catalogue.schema.field(name).type)]
    if wanted == list(entries) and pa.types.is_string(catalogue.schema.field(wanted[0]).type):  # by far the commonest
        names, root = catalogue[wanted[0]].drop_null().to_pylist(), os.path.join(roots["train"], "")
        return [root + name if name[:1] not in "~/" else os.path.expanduser(name) for name in names]
    paths = []
    for row in catalogue.select(wanted).to_pylist():
        root = roots[row.get(PART) or "train"]
        known = [entry for entry in entries if all(row.get(name) is not None for name in columns_of(entry))]
        paths += [os.path.join(root, os.path.expanduser(str(named_file(entry, row)))) for entry in known]
    return paths
