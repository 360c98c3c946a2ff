"""Files of a run folder, each empty where there is none."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.contract import Spec
from starbolt.report.quantity import numbers, truth_column


def plain(path: Path, otherwise: Any = None) -> Any:
    """What a JSON file holds; `otherwise`, or {}, where there is none."""
    nothing: Any = {} if otherwise is None else otherwise
    return json.loads(path.read_text()) if path.is_file() else nothing


def arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an NPZ file."""
    if not path.is_file():
        return {}
    with np.load(path) as found:
        return dict(found)


def read_history(folder: Path) -> dict[str, np.ndarray]:
    """history.csv as column -> float64 [epochs], NaN where a cell is empty; empty where nothing was trained."""
    if not (folder / "history.csv").is_file():
        return {}
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = rows[0].keys() if rows else ()
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


def labelled(table: pa.Table, spec: Spec) -> dict[str, pa.Table]:
    """Of each part the objects that have a label, which are those that were scored."""
    parts = table["part"].to_numpy().astype(str)
    known: np.ndarray
    if spec.target.classes:
        known = np.isin(table["target"].to_numpy().astype(str), spec.target.classes)
    else:
        truths = np.array([numbers(table, truth_column(name, spec)) for name in spec.target.names])
        known = np.asarray(np.isfinite(truths).any(0))
    return {part: table.filter(pa.array(known & (parts == part))) for part in np.unique(parts).tolist()}
