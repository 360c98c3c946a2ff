"""The same object on two sides of a split, as its name, its group or its place on the sky tell."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.columns import numbers
from starbolt.data.audit.findings import FIRST, Finding
from starbolt.data.audit.sides import Sides, hashed_words
from starbolt.data.labels import class_words
from starbolt.data.splits.sky import directions

ARCSEC = np.pi / 180 / 3600


def ids(sides: Sides) -> Finding | None:
    """The same id in two parts."""
    pairs = sides.shared(hashed_words(sides.ids[sides.rows]))
    if not len(pairs):
        return None
    return Finding(
        "ids",
        f"{_some(len(pairs), 'id stands', 'ids stand')} in two parts of the split",
        len(pairs),
        "drop the repeated objects (data.where=), or name the column that tells objects apart with data.id=",
        sides.pairs(pairs, FIRST),
    )


def groups(sides: Sides, catalogue: pa.Table, name: str) -> Finding | None:
    """The same value of the group column in two parts; objects without a value are groups of their own."""
    words = class_words(catalogue, name)[sides.rows]
    inside = sides.only(words != "")
    pairs = inside.shared(hashed_words(words[words != ""]))
    if not len(pairs):
        return None
    return Finding(
        "groups",
        f"{_some(len(pairs), 'group', 'groups')} of {name!r} are in two parts of the split",
        len(pairs),
        "let the groups be kept together by split=stratified, hash or kfold, or mend the split's column or files",
        inside.pairs(pairs, FIRST),
    )


def positions(sides: Sides, catalogue: pa.Table, ra: str, dec: str, radius: float) -> Finding | None:
    """Two objects in two parts nearer on the sky than radius [arcsec]; unknown positions are passed over."""
    places = directions(np.stack([numbers(catalogue, name)[sides.rows] for name in (ra, dec)], 1))
    known = np.isfinite(places).all(1)
    inside, places = sides.only(known), places[known]
    pairs, _ = inside.near(places, places[:, None], 2 * np.sin(radius * ARCSEC / 2))
    if not len(pairs):
        return None
    return Finding(
        "positions",
        f"{_some(len(pairs), 'pair', 'pairs')} of objects less than {radius:g} arcsec apart are in two parts of the "
        "split",
        len(pairs),
        "name a column that is the same for one object with data.group=, or split by the sky (split=sky)",
        inside.pairs(pairs, FIRST),
    )


def _some(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
