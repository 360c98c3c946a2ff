"""Cells of objects along one column: numbers in bins of equal numbers of objects, words as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from starbolt.report.results import Results

BINS = 6
LEAST = 20  # objects in a bin
FEW = 5  # objects below which a word is left out
MOST = 12  # words


class Cell(NamedTuple):
    """Some of the objects: what they share in words, their places int64 [n], and of numbers least, median, greatest."""

    words: str
    places: np.ndarray
    low: float
    middle: float
    high: float


class Slicing(NamedTuple):
    """The cells of a column. unit: "" where it has none. truth: whether the column is what the network should find.

    quantity: which of the results' quantities the objects' places belong to; None for classes.
    """

    column: str
    unit: str
    cells: list[Cell]
    truth: bool = False
    quantity: int | None = None


def slicings(results: Results) -> list[Slicing]:
    """Along each declared column (slices=[...]) and, for quantities, along the true and the predicted value."""
    return [slicing for slicing in _every(results) if len(slicing.cells) > 1]


def _every(results: Results) -> Iterator[Slicing]:
    names = [str(name) for name in results.config.get("slices") or () if str(name) in results.predictions.column_names]
    columns = {name: results.predictions[name].to_numpy() for name in names}
    if results.classes:
        for name, values in columns.items():
            yield Slicing(name, "", cells(values))
    for k, quantity in enumerate(results.quantities if not results.classes else ()):
        yield Slicing(f"true {quantity.name}", quantity.unit, cells(quantity.truth), True, k)
        yield Slicing(f"predicted {quantity.name}", quantity.unit, cells(quantity.mean), False, k)
        for name, values in columns.items():
            yield Slicing(name, "", cells(values[quantity.place]), False, k)


def cells(values: np.ndarray) -> list[Cell]:
    """Of a column [n]; objects without a value are in none."""
    return _bins(values.astype(float)) if values.dtype.kind in "fiu" else _words(values.astype(str))


def _bins(values: np.ndarray) -> list[Cell]:
    known = np.isfinite(values)
    if not known.any():
        return []
    bins, different = int(np.clip(known.sum() // LEAST, 1, BINS)), np.unique(values[known])
    edges = different[1:]
    if len(different) > bins:
        edges = np.unique(np.quantile(values[known], np.arange(1, bins) / bins))
    code = np.where(known, np.searchsorted(edges, values, side="right"), -1)
    found = []
    for place in range(len(edges) + 1):
        mine = np.flatnonzero(code == place)
        if len(mine):
            low, middle, high = np.quantile(values[mine], [0, 0.5, 1]).tolist()
            words = f"{low:.4g} to {high:.4g}" if low < high else f"{low:.4g}"
            found.append(Cell(words, mine, low, middle, high))
    return found


def _words(values: np.ndarray) -> list[Cell]:
    names, counts = np.unique(values, return_counts=True)
    kept = names[np.argsort(-counts, kind="stable")][:MOST]
    found = [Cell(str(name), np.flatnonzero(values == name), np.nan, np.nan, np.nan) for name in sorted(kept)]
    return [cell for cell in found if len(cell.places) >= FEW and cell.words]
