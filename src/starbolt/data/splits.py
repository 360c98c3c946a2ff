"""Splitters: which objects train, validate, calibrate and test.

Parts that a file or column does not give are carved from the training part in the order of a hash of the id, class by
class, so that a catalogue in any row order splits alike. Rows of one group always stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

PARTS = ("train", "val", "cal", "test")
SPELLINGS = {"training": "train", "valid": "val", "validation": "val", "calibration": "cal", "testing": "test"}


@dataclass(frozen=True)
class Candidates:
    """What a splitter may look at, for the N objects that can be trained on or scored.

    ids: strings [N]. strata: int [N], class, or 0 for quantities. group: strings [N] or None.
    part: "train" or "test" [N] where separate files said so, or None. column: reads a catalogue column as strings [N].
    """

    ids: np.ndarray
    strata: np.ndarray
    group: np.ndarray | None
    part: np.ndarray | None
    column: Callable[[str], np.ndarray]


class Splitter(Protocol):
    """Candidates -> the part ("train", "val", "cal", "test" or "") of each of them, as strings [N]."""

    def __call__(self, candidates: Candidates) -> np.ndarray: ...


@dataclass(frozen=True)
class Stratified:
    """Each class is cut by the same fractions, in the order of the hashed ids.

    fractions: of train, val and test, of all objects. cal: fraction of the training part set apart for calibration.
    """

    fractions: Sequence[float] = (0.7, 0.15, 0.15)
    cal: float = 0.1
    seed: int = 0

    def __call__(self, candidates: Candidates) -> np.ndarray:
        train, val, test = _three(self.fractions)
        if candidates.part is not None:
            return _carve(candidates.part, candidates, val=val / (train + val), cal=self.cal, seed=self.seed)
        parts = _by_rank(candidates, {"test": test}, self.seed)
        return _carve(parts, candidates, val=val / (train + val), cal=self.cal, seed=self.seed)


@dataclass(frozen=True)
class Hash:
    """Each id's own hash decides, so that a growing catalogue moves no object from one part to another.

    fractions: of train, val and test. cal: fraction of the training part set apart for calibration.
    """

    fractions: Sequence[float] = (0.7, 0.15, 0.15)
    cal: float = 0.1
    seed: int = 0

    def __call__(self, candidates: Candidates) -> np.ndarray:
        train, val, test = _three(self.fractions)
        given = candidates.part is not None
        keys = candidates.ids if candidates.group is None else candidates.group
        where = hashed(keys, self.seed) * (train + val if given else 1) + (test if given else 0)
        edges = np.cumsum([test, val, train * self.cal])
        parts = np.select([where < edge for edge in edges], ["test", "val", "cal"], "train")
        return np.where(candidates.part == "test", "test", parts) if given else parts


@dataclass(frozen=True)
class Column:
    """A catalogue column names the part of each object: train, val, cal or test; what it lacks is carved from train.

    val, cal: fractions of the training part to carve where the column names none.
    """

    column: str = "split"
    val: float = 0.15
    cal: float = 0.1
    seed: int = 0

    def __call__(self, candidates: Candidates) -> np.ndarray:
        words = np.char.lower(np.char.strip(candidates.column(self.column)))
        parts = np.array([SPELLINGS.get(word, word) for word in words])
        strange = sorted(set(parts) - set(PARTS) - {""})
        if strange:
            raise ValueError(f"column {self.column!r} says {str(strange[0])!r}; split=column reads {', '.join(PARTS)}")
        return _carve(parts, candidates, val=self.val, cal=self.cal, seed=self.seed)


@dataclass(frozen=True)
class KFold:
    """k folds of equal size, stratified by class; fold number `fold` is the test part.

    val, cal: fractions of the other folds to carve.
    """

    k: int = 5
    fold: int = 0
    val: float = 0.15
    cal: float = 0.1
    seed: int = 0

    def __call__(self, candidates: Candidates) -> np.ndarray:
        if not 0 <= self.fold < self.k:
            raise ValueError(f"split.fold={self.fold} is outside 0 to {self.k - 1} (split.k={self.k})")
        if candidates.part is not None:
            raise ValueError("split=kfold makes its own test part; leave out the separate test file")
        edges = {f"fold{i}": 1 / self.k for i in range(self.k)}
        folds = _by_rank(candidates, edges, self.seed)
        parts = np.where(folds == f"fold{self.fold}", "test", "train")
        return _carve(parts, candidates, val=self.val, cal=self.cal, seed=self.seed)


def hashed(keys: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for each string [N], the same on every machine and in every row order."""
    salt = str(seed).encode()
    unique, inverse = np.unique(keys.astype(str), return_inverse=True)
    digests = b"".join(hashlib.blake2b(key.encode(), digest_size=8, key=salt).digest() for key in unique)
    return (np.frombuffer(digests, ">u8").astype(np.float64) / 2.0**64)[inverse]


def split_fingerprint(ids: np.ndarray, parts: np.ndarray) -> str:
    """16 hexadecimal digits for who is where, whatever the order of the rows."""
    lines = sorted(f"{name} {part}" for name, part in zip(ids, parts, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _three(fractions: Sequence[float]) -> tuple[float, float, float]:
    values = tuple(float(f) for f in fractions)
    if len(values) != 3 or min(values) < 0 or abs(sum(values) - 1) > 1e-6:
        raise ValueError(f"split.fractions={list(fractions)} must be three numbers (train, val, test) that add to 1")
    return values


def _carve(parts: np.ndarray, candidates: Candidates, *, val: float, cal: float, seed: int) -> np.ndarray:
    """Take val and cal, each where `parts` has none, from train."""
    wanted = {name: f for name, f in (("val", val), ("cal", cal)) if not (parts == name).any()}
    if "val" in wanted and "cal" in wanted:
        wanted["cal"] = cal * (1 - val)
    train = parts == "train"
    group = None if candidates.group is None else candidates.group[train]
    inner = Candidates(candidates.ids[train], candidates.strata[train], group, None, candidates.column)
    result = parts.astype("<U5")
    result[train] = _by_rank(inner, wanted, seed)
    return result


def _by_rank(candidates: Candidates, fractions: dict[str, float], seed: int) -> np.ndarray:
    """In each class, units (objects or groups) in the order of their hash are dealt to the named parts; rest: train."""
    keys = candidates.ids if candidates.group is None else candidates.group
    units, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    where, strata = hashed(units, seed), candidates.strata[first]
    names = [*fractions, "train"]
    result = np.zeros(len(units), int)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        members = members[np.argsort(where[members], kind="stable")]
        edges = np.round(np.cumsum(list(fractions.values())) * len(members))
        result[members] = np.searchsorted(edges, np.arange(len(members)), side="right")
    return np.array(names)[result][inverse]
