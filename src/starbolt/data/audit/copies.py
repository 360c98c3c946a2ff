"""The same measurements on two sides of a split: identical table rows and identical light curves.

Tables of few or coarse values hold equal rows by nature. A row counts as a copy where chance would give it less than a
hundredth of a partner: among N objects N sqrt(p1 p2 ...), each p the share of objects with that value in that channel.
The square root allows for channels that go together, as magnitudes and colours do.
"""

from __future__ import annotations

import numpy as np

from starbolt.archives import Dense, Ragged
from starbolt.data.audit.findings import FIRST, Finding
from starbolt.data.audit.sides import Sides, hashed_rows, mixed, weights
from starbolt.data.sources import Source

CHANCE = 0.01  # partners by chance that a copy may be expected to have
RAREST = 1e-6  # share of the rarest value; a sample cannot tell rarer ones apart
SAMPLE = 20_000  # objects or points from which the shares are taken
MOST = 10_000  # pairs judged


def rows(sides: Sides, name: str, source: Source) -> Finding | None:
    """Identical rows of a table in two parts; unmeasured rows have no copies."""
    data = source.modality.data
    assert isinstance(data, Dense)
    places = places_of(source, sides.rows)
    keys = hashed_rows(data.x)[np.maximum(places, 0)]
    inside = sides.only(places >= 0)
    pairs = inside.shared(keys[places >= 0])[:MOST]
    x = data.x[places[places >= 0][pairs[:, 0]]]
    everywhere = data.x[places[places >= 0][_some_of(len(inside.rows), SAMPLE)]]
    pairs = pairs[partners(x, everywhere, len(inside.rows)) < CHANCE]
    return _finding("rows", f"identical rows of the input {name!r}", inside, pairs)


def series(sides: Sides, name: str, source: Source) -> Finding | None:
    """Series with identical values in two parts, whatever their times."""
    data = source.modality.data
    assert isinstance(data, Ragged)
    places = places_of(source, sides.rows)
    keys = hashed_series(data)[np.maximum(places, 0)]
    inside = sides.only(places >= 0)
    pairs = inside.shared(keys[places >= 0])[:MOST]
    everywhere = data.x[_some_of(len(data.x), SAMPLE)]
    spans = [slice(*data.offsets[place : place + 2]) for place in places[places >= 0][pairs[:, 0]]]
    expected = [_partners_of_series(data.x[span], everywhere, len(inside.rows)) for span in spans]
    return _finding("series", f"identical values of the input {name!r}", inside, pairs[np.array(expected) < CHANCE])


def places_of(source: Source, rows: np.ndarray) -> np.ndarray:
    """Where the store keeps the objects of catalogue rows [n]; -1 where they lack this modality."""
    return rows if source.rows is None else source.rows[rows]


def hashed_series(data: Ragged) -> np.ndarray:
    """A 64-bit hash of the values of each series [N], in their order."""
    step = np.arange(len(data.x)) - np.repeat(data.offsets[:-1], np.diff(data.offsets))
    points = hashed_rows(data.x) * weights(int(step.max(initial=0)) + 1)[step]
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed(points), dtype=np.uint64)])
    return total[data.offsets[1:]] - total[data.offsets[:-1]]


def partners(x: np.ndarray, everywhere: np.ndarray, n: int) -> np.ndarray:
    """How many of n objects chance would make equal to each row of x [m, C], its values as rare as `everywhere`."""
    return n * np.exp(0.5 * _log_shares(x, everywhere).sum(1))


def _partners_of_series(x: np.ndarray, everywhere: np.ndarray, n: int) -> float:
    return float(n * np.exp(0.5 * _log_shares(x, everywhere).sum()))


def _log_shares(x: np.ndarray, everywhere: np.ndarray) -> np.ndarray:
    """The logarithm of the share of each value of x [m, C] among those of its channel; 0 where unmeasured."""
    logs = np.zeros(x.shape)
    for c, values in enumerate(np.sort(everywhere, axis=0).T):
        values = values[np.isfinite(values)]
        equal = np.searchsorted(values, x[:, c], "right") - np.searchsorted(values, x[:, c], "left")
        logs[:, c] = np.log(np.maximum(equal / len(everywhere), RAREST))
    return np.where(np.isfinite(x), logs, 0.0)


def _some_of(n: int, most: int) -> np.ndarray:
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(0).integers(0, n, most))


def _finding(name: str, what: str, sides: Sides, pairs: np.ndarray) -> Finding | None:
    if not len(pairs):
        return None
    return Finding(
        name,
        f"{len(pairs):,} pair{'s' * (len(pairs) > 1)} of objects in two parts of the split have {what}",
        len(pairs),
        "drop the copies, or keep them on one side with data.group=COLUMN",
        sides.pairs(pairs, FIRST),
    )
