"""How objects are dealt to parts: in the order of a hash of the id, class by class, groups whole.

What decides is the id and never the row, so that a catalogue in any order is dealt alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PIECE = 65_536  # names that are hashed at once
PARTS = ("train", "val", "cal", "test")
STRICTEST = ("test", "val", "cal", "train")  # where rows that belong together disagree, the first of these wins


def three(fractions: Sequence[float]) -> tuple[float, float, float]:
    """The fractions of train, val and test; ValueError where they are none."""
    values = tuple(float(f) for f in fractions)
    if len(values) != 3 or min(values) < 0 or abs(sum(values) - 1) > 1e-6:
        raise ValueError(f"split.fractions={list(fractions)} must be three numbers (train, val, test) that add to 1")
    return values


def _silent(note: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Candidates:
    """What a splitter may look at, for the N objects that can be trained on or scored.

    ids: strings [N], all different. strata: int [N], class, or 0 for quantities. group: strings [N] or None.
    part: "train" or "test" [N] where separate files said so, or None. column: reads a catalogue column as strings [N].
    time: reads one as times, float64 [N], dates as MJD [d], NaN where missing. sky: ra and dec [deg], float64 [N, 2],
    NaN where missing, or None where data.ra and data.dec name none. note: tells the user.
    """

    ids: np.ndarray
    strata: np.ndarray
    group: np.ndarray | None
    part: np.ndarray | None
    column: Callable[[str], np.ndarray]
    time: Callable[[str], np.ndarray]
    sky: np.ndarray | None = None
    note: Callable[[str], None] = _silent


class Units(NamedTuple):
    """What is dealt as one, objects or groups: hash [U] in [0, 1), class [U], and the unit of each row [N]."""

    where: np.ndarray
    strata: np.ndarray
    of: np.ndarray

    @classmethod
    def made(cls, candidates: Candidates, seed: int) -> Units:
        """Units of the candidates; a group has the class of its first row."""
        if candidates.group is None:
            return cls(_hashed(candidates.ids, seed), candidates.strata, np.arange(len(candidates.ids)))
        names, of = distinct(candidates.group)
        return cls(_hashed(names, seed), _first(candidates.strata, of, len(names)), of)

    @classmethod
    def unhashed(cls, candidates: Candidates) -> Units:
        """The same where nothing is dealt by the hash, which is 0."""
        count = len(candidates.ids)
        names, of = (candidates.ids, np.arange(count)) if candidates.group is None else distinct(candidates.group)
        return cls(np.zeros(len(names)), np.zeros(len(names), int), of)

    def within(self, rows: np.ndarray, strata: np.ndarray) -> Units:
        """The units of some of the rows (bool [N])."""
        here, of = np.unique(self.of[rows], return_inverse=True)
        return Units(self.where[here], _first(strata[rows], of, len(here)), of)


def deal(units: Units, fractions: Mapping[str, float], kept: np.ndarray | None = None) -> np.ndarray:
    """Names of the parts of the rows, strings [N]: in each class `fractions` of the units, the rest to "train".

    kept: the parts [N] that rows have already, "" for new ones; these fill up what a part lacks.
    """
    names = (*fractions, "train")
    old = np.full(len(units.where), len(names)) if kept is None else _part_of_units(kept, names, units)
    result = old.copy()
    for members in _class_by_class(units):
        new = members[old[members] == len(names)]
        edges = np.round(np.cumsum(list(fractions.values())) * len(members))
        wanted = np.diff([0, *edges, len(members)])
        short = np.maximum(wanted - np.bincount(old[members], minlength=len(names) + 1)[:-1], 0)
        edges = np.round(np.cumsum(short) / max(short.sum(), 1) * len(new))[:-1]
        result[new] = np.searchsorted(edges, np.arange(len(new)), side="right")
    return np.array(names)[result][units.of]


def carve(
    parts: np.ndarray, candidates: Candidates, units: Units, kept: np.ndarray | None, *, val: float, cal: float
) -> np.ndarray:
    """Take the fractions val and cal, each where `parts` [N] has none, from train."""
    wanted = {name: f for name, f in (("val", val), ("cal", cal)) if not (parts == name).any()}
    if "val" in wanted and "cal" in wanted:
        wanted["cal"] = cal * (1 - val)
    train = parts == "train"
    inner = units.within(train, candidates.strata)
    result = parts.astype("<U5")
    old = None if kept is None else np.where(kept == "test", "", kept)[train]
    result[train] = deal(inner, wanted, old)
    return result


def keep(parts: np.ndarray, kept: np.ndarray | None, units: Units) -> np.ndarray:
    """Parts [N], those of units that have one already being what they were."""
    if kept is None:
        return parts
    old = _part_of_units(kept, STRICTEST, units)[units.of]
    return np.where(old < len(STRICTEST), np.array([*STRICTEST, ""])[old], parts)


def keep_rows(parts: np.ndarray, kept: np.ndarray | None, units: Units) -> np.ndarray:
    """Parts [N], rows that have one keeping it; others of their group are left out ("") where theirs is another."""
    if kept is None:
        return parts
    old = np.array([*STRICTEST, ""])[_part_of_units(kept, STRICTEST, units)[units.of]]
    return np.where(kept != "", kept, np.where((old == "") | (old == parts), parts, ""))


def one_side(parts: np.ndarray, units: Units) -> np.ndarray:
    """Parts [N] without ("") the rows of a group that has other rows in a stricter part."""
    strictest = _part_of_units(parts, STRICTEST, units)[units.of]
    return np.where(np.array([*STRICTEST, ""])[strictest] == parts, parts, "")


def by_hash(where: np.ndarray, fractions: Sequence[float], cal: float, *, given: np.ndarray | None) -> np.ndarray:
    """Parts [N] by hashes [N]; where separate files give the test part, among the others."""
    train, val, test = three(fractions)
    if given is not None:
        where = where * (train + val) + test
    edges = np.cumsum([test, val, train * cal])
    parts = np.select([where < edge for edge in edges], ["test", "val", "cal"], "train")
    return parts if given is None else np.where(given == "test", "test", parts)


def hashed(keys: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for each string [N], the same on every machine and in every row order."""
    names, of = distinct(keys)
    return _hashed(names, seed)[of]


def distinct(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different strings [U], in the order in which they appear, and which of them each word is, int [N]."""
    coded = pa.array(words, pa.large_string()).dictionary_encode()
    return coded.dictionary.to_numpy(zero_copy_only=False).astype(str), coded.indices.to_numpy().astype(np.int64)


def split_fingerprint(ids: np.ndarray, parts: np.ndarray) -> str:
    """16 hexadecimal digits for who is where, whatever the order of the rows."""
    blank, end = (pa.scalar(sign, pa.large_string()) for sign in (" ", "\n"))
    columns = [pa.array(words, pa.large_string()) for words in (ids, parts)]
    lines = pc.binary_join_element_wise(*columns, blank)
    lines = lines.take(pc.sort_indices(lines))
    whole = pc.binary_join(pa.LargeListArray.from_arrays([0, len(lines)], lines), end)[0]
    return hashlib.sha256(whole.as_buffer()).hexdigest()[:16]


def _hashed(names: np.ndarray, seed: int) -> np.ndarray:
    salted = hashlib.blake2b(digest_size=8, key=str(seed).encode())

    def digest(name: str) -> bytes:
        one = salted.copy()
        one.update(name.encode())
        return one.digest()

    where = np.empty(len(names))
    for start in range(0, len(names), PIECE):  # as Python's strings, all names would be several times their size
        piece = names[start : start + PIECE].astype(str).tolist()
        where[start : start + PIECE] = np.frombuffer(b"".join(map(digest, piece)), ">u8")
    return where / 2.0**64


def _first(values: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
    """The value [U] of the first row of each unit."""
    result = np.zeros(count, values.dtype)
    result[of[::-1]] = values[::-1]  # the last one written stays
    return result


def _part_of_units(parts: np.ndarray, names: tuple[str, ...], units: Units) -> np.ndarray:
    """The place in `names` [U] of the first of them that a row of the unit is in; len(names) where none is.

    A part that `names` lacks counts as the last of them.
    """
    words, of = distinct(parts)
    place = {name: code for code, name in enumerate(names)} | {"": len(names)}
    codes = np.array([place.get(str(word), len(names) - 1) for word in words], np.int64)[of]
    result = np.full(len(units.where), len(names))
    np.minimum.at(result, units.of, codes)
    return result


def _class_by_class(units: Units) -> Iterator[np.ndarray]:
    """The units of each class, in the order of their hash."""
    order = np.argsort(units.where)
    classes, codes = np.unique(units.strata, return_inverse=True)
    narrow = codes.astype(np.int16) if len(classes) < 2**15 else codes  # int16 is sorted by radix
    order = order[np.argsort(narrow[order], kind="stable")]
    yield from np.split(order, np.cumsum(np.bincount(codes))[:-1])
