"""One predicted quantity of the labelled objects: the truth, and all that was answered about it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from starbolt.contract import Spec

ANSWERED = {"sigma": "err"} | {name: name for name in ("mode", "low", "high", "pit", "crps", "cde", "epistemic")}


class Quantity(NamedTuple):
    """Each array [n], in `unit`, and None where the run's predictions have no such column.

    truth; mean, mode and (one) sigma of the predicted distribution; low, high: its interval; pit: the place of the
    truth in that distribution (0 to 1); crps, cde: its scores of each object; epistemic: scatter of members or passes.
    place: which of the results' objects these are, int64 [n].
    """

    name: str
    unit: str
    truth: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray | None = None
    mode: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    pit: np.ndarray | None = None
    crps: np.ndarray | None = None
    cde: np.ndarray | None = None
    epistemic: np.ndarray | None = None
    place: np.ndarray = np.zeros(0, np.int64)

    @property
    def inside(self) -> np.ndarray | None:
        """Whether the truth lies in the interval, bool [n]; None where no interval was predicted."""
        return None if self.low is None or self.high is None else (self.low <= self.truth) & (self.truth <= self.high)


def quantities(table: pa.Table, spec: Spec) -> list[Quantity]:
    """Each predicted quantity, of the objects whose true value is known."""
    target = spec.target
    units = target.units or ("",) * len(target.names)
    triples = zip(target.names, target.columns, units, strict=True)
    return [_quantity(table, spec, name, column, unit) for name, column, unit in triples]


def _quantity(table: pa.Table, spec: Spec, name: str, column: str, unit: str) -> Quantity:
    truth = numbers(table, truth_column(name, spec))
    known = np.flatnonzero(np.isfinite(truth))
    found = {
        field: numbers(table, f"{column}_{ending}")[known]
        for field, ending in ANSWERED.items()
        if f"{column}_{ending}" in table.column_names
    }
    return Quantity(name, unit, truth[known], numbers(table, column)[known], **found, place=known)


def truth_column(name: str, spec: Spec) -> str:
    """Column of predictions.parquet that holds the true value of a target."""
    return "target" if len(spec.target.names) == 1 else f"target_{name}"


def numbers(table: pa.Table, name: str) -> np.ndarray:
    """A column as float64 [n], NaN where empty."""
    return table[name].to_numpy().astype(np.float64)
