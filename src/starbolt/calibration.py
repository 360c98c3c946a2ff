"""How a network was calibrated, and for which groups of objects: plain values that its checkpoint carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from starbolt.tasks.calibration import Calibration, as_plain, from_plain

FEW_WORDS = 20  # different values up to which a column's words (or whole numbers) are groups as they are


@dataclass(frozen=True)
class Groups:
    """Cells of catalogue columns, such as bins of a magnitude: each object is of one group, or of none (-1).

    edges: column of numbers -> inner edges of its bins. words: column of words -> its values. With several columns a
    group is a combination; where an object's value is unknown or new, it is of no group.
    """

    edges: dict[str, tuple[float, ...]]
    words: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, values: Mapping[str, np.ndarray], bins: int) -> Groups:
        """From columns [n] of the calibration objects: `bins` bins of equal numbers, or the words that occur."""
        edges, words = {}, {}
        for name, column in values.items():
            if column.dtype.kind in "fiu" and not _few_whole(column):
                inner = np.nanquantile(column.astype(float), np.arange(1, bins) / bins)
                edges[name] = tuple(float(edge) for edge in np.unique(inner))
            else:
                words[name] = tuple(sorted({str(value) for value in column}))
        return cls(edges, words)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.edges, *self.words)

    @property
    def names(self) -> tuple[str, ...]:
        """Of each group in words, such as "mag_r < 17.2"."""
        told = [""]
        for column in self.columns:
            told = [f"{a}{', ' if a else ''}{b}" for a in told for b in self._cells(column)]
        return tuple(told) if self.columns else ()

    def codes(self, values: Mapping[str, np.ndarray]) -> Tensor | None:
        """Code of each object's group int64 [n]; None without groups."""
        if not self.columns:
            return None
        code: np.ndarray | int = 0
        unknown: np.ndarray | bool = False
        for column in self.columns:
            mine = self._code(column, values[column])
            code, unknown = code * len(self._cells(column)) + mine, unknown | (mine < 0)
        return torch.from_numpy(np.where(unknown, -1, code).astype(np.int64))

    def _cells(self, column: str) -> list[str]:
        if column in self.words:
            return [f"{column} = {word}" for word in self.words[column]]
        edges = [f"{edge:.4g}" for edge in self.edges[column]]
        if not edges:
            return [column]
        inner = [f"{a} <= {column} < {b}" for a, b in pairwise(edges)]
        return [f"{column} < {edges[0]}", *inner, f"{column} >= {edges[-1]}"]

    def _code(self, column: str, values: np.ndarray) -> np.ndarray:
        if column in self.edges:
            values = values.astype(float)
            return np.where(np.isfinite(values), np.searchsorted(self.edges[column], values, side="right"), -1)
        place = {word: i for i, word in enumerate(self.words[column])}
        return np.array([place.get(str(value), -1) for value in values], np.int64)


@dataclass(frozen=True)
class Calibrated:
    """What was fitted to the calibration objects, and the groups that have thresholds of their own."""

    fit: Calibration
    groups: Groups

    def to_dict(self) -> dict[str, Any]:
        """Plain values: numbers, strings, tuples and dicts."""
        return {"fit": as_plain(self.fit), "edges": dict(self.groups.edges), "words": dict(self.groups.words)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any] | None) -> Calibrated | None:
        """The inverse of `to_dict`; None for None, as of a network that was never calibrated."""
        if state is None:
            return None
        edges = {name: tuple(values) for name, values in state["edges"].items()}
        return cls(from_plain(state["fit"]), Groups(edges, {n: tuple(v) for n, v in state["words"].items()}))


def _few_whole(column: np.ndarray) -> bool:
    """Whether numbers are words: whole, and of few different values."""
    known = np.unique(column[np.isfinite(column.astype(float))])
    return len(known) <= FEW_WORDS and bool((known == np.round(known)).all())


def column_values(catalogue: Any, names: Sequence[str], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a catalogue (pa.Table) at the given rows, each [n]; ValueError where it lacks one."""
    for name in names:
        if name not in catalogue.column_names:
            raise ValueError(
                f"there is no column {name!r} with one value per object; there are {', '.join(catalogue.column_names)}"
            )
    return {name: _plain(catalogue[name].take(rows)) for name in names}


def _plain(column: Any) -> np.ndarray:
    values = column.to_numpy()
    return values.astype(str) if values.dtype == object else values
