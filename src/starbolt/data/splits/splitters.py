"""Splitters: which objects train, validate, calibrate and test.

Parts that a file or column does not give are carved from the training part in the order of a hash of the id, class by
class, so that a catalogue in any row order splits alike. Rows of one group never stand on two sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from starbolt.data.splits.dates import by_dates, dates_between, number_of
from starbolt.data.splits.dealing import (
    PARTS,
    Candidates,
    Units,
    by_hash,
    carve,
    deal,
    distinct,
    hashed,
    keep,
    keep_rows,
    one_side,
    split_fingerprint,
    three,
)
from starbolt.data.splits.earlier import kept_folds, kept_parts
from starbolt.data.splits.sky import cells, checked, order_of, shielded

__all__ = [
    "PARTS", "Candidates", "Column", "Hash", "KFold", "Sky", "Splitter", "Stratified", "Time", "hashed",
    "split_fingerprint",
]  # fmt: skip

SPELLINGS = {"training": "train", "valid": "val", "validation": "val", "calibration": "cal", "testing": "test"}
FEW = 30  # occupied cells below which fractions of cells are rough


class Splitter(Protocol):
    """Candidates -> the part ("train", "val", "cal", "test", or "" for none) of each of them, as strings [N]."""

    def __call__(self, candidates: Candidates) -> np.ndarray: ...


@dataclass(frozen=True)
class Stratified:
    """Each class is cut by the same fractions, in the order of the hashed ids.

    fractions: of train, val and test, of all objects. cal: fraction of the training part set apart for calibration.
    like: run folder or split file; the objects that it knows keep their part.
    """

    fractions: Sequence[float] = (0.7, 0.15, 0.15)
    cal: float = 0.1
    seed: int = 0
    like: str | None = None

    def __call__(self, candidates: Candidates) -> np.ndarray:
        train, val, test = three(self.fractions)
        units, kept = Units.made(candidates, self.seed), kept_parts(self.like, candidates)
        parts = deal(units, {"test": test}, kept) if candidates.part is None else candidates.part
        return carve(parts, candidates, units, kept, val=val / (train + val), cal=self.cal)


@dataclass(frozen=True)
class Hash:
    """Each id's own hash decides, so that a growing catalogue moves no object from one part to another.

    fractions: of train, val and test. cal: fraction of the training part set apart for calibration.
    like: run folder or split file; the objects that it knows keep their part.
    """

    fractions: Sequence[float] = (0.7, 0.15, 0.15)
    cal: float = 0.1
    seed: int = 0
    like: str | None = None

    def __call__(self, candidates: Candidates) -> np.ndarray:
        units, kept = Units.made(candidates, self.seed), kept_parts(self.like, candidates)
        parts = by_hash(units.where[units.of], self.fractions, self.cal, given=candidates.part)
        return _with_test_files(keep(parts, kept, units), candidates)


@dataclass(frozen=True)
class Sky:
    """HEALPix cells (nested) of data.ra and data.dec, each in one part by its hash: neighbours stay together.

    cell: size of a cell [deg]; the nearest HEALPix order is taken. radius: exclusion radius [arcsec]; an object nearer
    than that to one of a stricter part (test, then val, then cal, then train) is left out. fractions: of the cells, for
    train, val and test. cal: fraction of the training part set apart for calibration. like: run folder or split file;
    the objects that it knows keep their part. A growing catalogue moves no object between train and test.
    Górski et al. 2005, https://doi.org/10.1086/427976
    """

    cell: float = 1.0
    radius: float = 10.0
    fractions: Sequence[float] = (0.7, 0.15, 0.15)
    cal: float = 0.1
    seed: int = 0
    like: str | None = None

    def __call__(self, candidates: Candidates) -> np.ndarray:
        sky, there = checked(candidates.sky)
        units, kept = Units.unhashed(candidates), kept_parts(self.like, candidates)
        number, of = np.unique(cells(sky[there], order_of(self.cell)), return_inverse=True)
        if len(number) < FEW:
            candidates.note(
                f"split=sky: {len(number)} cells of {self.cell:g} deg hold all; fractions are rough, see split.cell"
            )
        parts = np.full(len(sky), "", "<U5")
        given = None if candidates.part is None else candidates.part[there]
        parts[there] = by_hash(hashed(number.astype(str), self.seed)[of], self.fractions, self.cal, given=given)
        parts = _with_test_files(keep_rows(parts, kept, units), candidates)
        apart = shielded(one_side(parts, units), sky, self.radius)
        _note_left_out(candidates, "split=sky", (apart == "") & ~there, "without a position")
        _note_left_out(candidates, "split=sky", (apart == "") & there, "close to another part, or of its group")
        return apart


@dataclass(frozen=True)
class Time:
    """The past trains, the future tests.

    column: catalogue column with numbers (such as MJD) or dates. dates: [D] trains before D and tests from D on; [V, D]
    validates between V and D. Numbers as in the column, or ISO dates. Without dates they follow from the fractions of
    train, val and test. val, cal: fractions of the training part to carve, val where it has no date of its own. like:
    run folder or split file; the objects that it knows keep their part. A group with rows on both sides tests, its
    rows before are left out. Growing moves no object between train and test where dates are given.
    """

    column: str = "mjd"
    dates: Sequence[float | str] = ()
    fractions: Sequence[float] = (0.7, 0.15, 0.15)
    val: float = 0.15
    cal: float = 0.1
    seed: int = 0
    like: str | None = None

    def __call__(self, candidates: Candidates) -> np.ndarray:
        if candidates.part is not None:
            raise ValueError("split=time makes its own test part; leave out the separate test file")
        time, kept = candidates.time(self.column), kept_parts(self.like, candidates)
        units = Units.made(candidates, self.seed)
        named = [number_of(date) for date in self.dates]
        if named:
            parts = by_dates(time, named, self.column)
        else:
            parts = by_dates(time, dates_between(time, three(self.fractions), kept, self.column), self.column)
            parts = keep_rows(parts, kept, units)
        apart = one_side(parts, units)
        unknown = np.isnan(time)
        _note_left_out(candidates, "split=time", (apart == "") & unknown, f"without a time in column {self.column!r}")
        _note_left_out(candidates, "split=time", (apart == "") & ~unknown, "of a group with later rows")
        return carve(apart, candidates, units, kept, val=self.val, cal=self.cal)


@dataclass(frozen=True)
class Column:
    """A catalogue column names the part of each object: train, val, cal or test; what it lacks is carved from train.

    val, cal: fractions of the training part to carve where the column names none. like: run folder or split file; of
    the carved parts, the objects that it knows keep theirs.
    """

    column: str = "split"
    val: float = 0.15
    cal: float = 0.1
    seed: int = 0
    like: str | None = None

    def __call__(self, candidates: Candidates) -> np.ndarray:
        words, of = distinct(candidates.column(self.column))
        read = [SPELLINGS.get(word, word) for word in (str(word).strip().lower() for word in words)]
        strange = sorted(set(read) - set(PARTS) - {""})
        if strange:
            raise ValueError(f"column {self.column!r} says {strange[0]!r}; split=column reads {', '.join(PARTS)}")
        units, kept = Units.made(candidates, self.seed), kept_parts(self.like, candidates)
        return carve(np.array(read, "<U5")[of], candidates, units, kept, val=self.val, cal=self.cal)


@dataclass(frozen=True)
class KFold:
    """k folds of equal size, stratified by class; fold number `fold` is the test part.

    val, cal: fractions of the other folds to carve. like: run folder or split file of any of the folds; the objects
    that it knows keep their fold.
    """

    k: int = 5
    fold: int = 0
    val: float = 0.15
    cal: float = 0.1
    seed: int = 0
    like: str | None = None

    def __call__(self, candidates: Candidates) -> np.ndarray:
        if not 0 <= self.fold < self.k:
            raise ValueError(f"split.fold={self.fold} is outside 0 to {self.k - 1} (split.k={self.k})")
        if candidates.part is not None:
            raise ValueError("split=kfold makes its own test part; leave out the separate test file")
        units = Units.made(candidates, self.seed)
        parts = np.where(self._folds(candidates, units) == self.fold, "test", "train")
        kept = kept_parts(self.like, candidates, fold=self.fold)
        return carve(parts, candidates, units, kept, val=self.val, cal=self.cal)

    def folds(self, candidates: Candidates) -> np.ndarray:
        """The number of the fold of each object, int [N]."""
        return self._folds(candidates, Units.made(candidates, self.seed))

    def _folds(self, candidates: Candidates, units: Units) -> np.ndarray:
        names, kept = [f"fold{i}" for i in range(self.k)], kept_folds(self.like, candidates, self.k)
        dealt = deal(units, dict.fromkeys(names, 1 / self.k), kept)
        words, of = distinct(dealt)
        return np.array([names.index(str(word)) for word in words], np.int64)[of]


def _with_test_files(parts: np.ndarray, candidates: Candidates) -> np.ndarray:
    return parts if candidates.part is None else np.where(candidates.part == "test", "test", parts)


def _note_left_out(candidates: Candidates, split: str, rows: np.ndarray, why: str) -> None:
    if rows.any():
        candidates.note(f"{split} leaves out {int(rows.sum())} object{'' if rows.sum() == 1 else 's'} {why}")
