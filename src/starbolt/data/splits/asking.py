"""What a splitter may look at, from the catalogue: labels, groups, parts of separate files, times and positions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from starbolt.archives.base import PART
from starbolt.archives.points.times import times
from starbolt.archives.reading.columns import TableError, numbers
from starbolt.data.labels import class_words
from starbolt.data.splits.dealing import Candidates


def candidates_of(
    catalogue: pa.Table,
    ids: np.ndarray,
    y: np.ndarray,
    rows: np.ndarray,
    *,
    group: str | None = None,
    ra: str | None = None,
    dec: str | None = None,
    note: Callable[[str], None],
) -> Candidates:
    """The Candidates of the given catalogue rows [n]; ids and y are those of all N. group, ra, dec: columns."""

    def words(name: str) -> np.ndarray:
        return class_words(catalogue, name)[rows]

    groups = words(group) if group else None
    return Candidates(
        ids[rows],
        y[rows] if y.dtype == np.int64 else np.zeros(len(rows), int),
        None if groups is None else np.where(groups == "", ids[rows], groups),  # without a group: its own
        words(PART) if PART in catalogue.column_names else None,
        column=lambda name: _parts(catalogue, name)[rows],
        time=lambda name: _times(catalogue, name)[rows],
        sky=_positions(catalogue, ra, dec, rows),
        note=note,
    )


def _parts(catalogue: pa.Table, name: str) -> np.ndarray:
    try:
        return class_words(catalogue, name)
    except TableError as error:
        raise ValueError(f"{error}; split.column= names the column of the parts") from None


def _times(catalogue: pa.Table, name: str) -> np.ndarray:
    try:
        return times(catalogue, name)[0]
    except TableError as error:
        told = str(error).removesuffix(" (data.time= names the column)")
        raise ValueError(f"{told}; split.column= names the column of times") from None


def _positions(catalogue: pa.Table, ra: str | None, dec: str | None, rows: np.ndarray) -> np.ndarray | None:
    """ra and dec [deg], float64 [n, 2]; None where the catalogue has none."""
    if ra is None or dec is None or not {ra, dec} <= set(catalogue.column_names):
        return None
    return np.stack([numbers(catalogue, name)[rows] for name in (ra, dec)], axis=1)
