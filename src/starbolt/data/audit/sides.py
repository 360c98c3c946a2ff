"""The sides of a split: which object stands where, and which objects that ought to be one stand on two sides."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial import cKDTree

from starbolt.data.module import ObjectDataModule

MIX, SPREAD = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)  # Weyl's constant and a shift, as in SplitMix64
BLOCK = 100_000  # numbers hashed at once [0.8 MB]: they stay in a core's cache
PARTNERS = 2  # nearest objects looked at on the other side


@dataclass(frozen=True)
class Sides:
    """The n objects of a split.

    rows: int64 [n], catalogue rows. part: int8 [n], index into `parts`, the names of the parts that hold objects.
    ids: of the whole catalogue.
    """

    rows: np.ndarray
    part: np.ndarray
    parts: tuple[str, ...]
    ids: np.ndarray

    @classmethod
    def of(cls, data: ObjectDataModule) -> Sides:
        """The sides of an opened data module."""
        held = {name: rows for name, rows in data.parts.items() if len(rows)}
        part = np.repeat(np.arange(len(held), dtype=np.int8), [len(rows) for rows in held.values()])
        return cls(np.concatenate(list(held.values())), part, tuple(held), data.ids)

    def only(self, chosen: np.ndarray) -> Sides:
        """The sides of some of the objects, bool [n]."""
        return Sides(self.rows[chosen], self.part[chosen], self.parts, self.ids)

    def name(self, i: int) -> str:
        """The id of object number i, with its part."""
        return f"{self.ids[self.rows[i]]} ({self.parts[self.part[i]]})"

    def pairs(self, pairs: np.ndarray, most: int) -> tuple[tuple[str, str], ...]:
        """The first pairs [m, 2] by name."""
        return tuple((self.name(i), self.name(j)) for i, j in pairs[:most].tolist())

    def shared(self, keys: np.ndarray) -> np.ndarray:
        """A pair of objects [m, 2] on two sides for each of the keys [n] that stand on two sides or more."""
        order = np.lexsort((self.part, keys))
        same = keys[order[1:]] == keys[order[:-1]]
        crosses = np.flatnonzero(same & (self.part[order[1:]] != self.part[order[:-1]]))
        pairs = np.stack([order[crosses], order[crosses + 1]], 1)
        first = np.unique(keys[pairs[:, 0]], return_index=True)[1]
        return pairs[np.sort(first)]

    def near(
        self, points: np.ndarray, asked: np.ndarray, radius: float, slack: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pairs [m, 2] of objects on two sides nearer than `radius`, nearest first, and the view [m] that came so near.

        points: [n, D]. asked: views of each object [n, V, D], any of which may be near a point of the other side.
        slack: pairs farther apart than radius / (1 + slack) may be missed, which is much faster among thousands alike.
        """
        pairs, views, distances = [np.empty((0, 2), int)], [np.empty(0, int)], [np.empty(0)]
        members = [np.flatnonzero(self.part == p) for p in range(len(self.parts))]
        members = sorted((rows for rows in members if len(rows)), key=len, reverse=True)
        trees = [_tree(points, rows) for rows in members[:-1]]
        for large, small in combinations(range(len(members)), 2):
            tree, owners = trees[large]
            distance, found, view = _nearest(tree, asked[members[small]], radius, slack)
            i, k = np.nonzero(np.isfinite(distance))
            pairs.append(np.stack([owners[found[i, k]], members[small][i]], 1))
            views.append(view[i, k])
            distances.append(distance[i, k])
        order = np.argsort(np.concatenate(distances), kind="stable")
        return np.concatenate(pairs)[order], np.concatenate(views)[order]


def hashed_rows(values: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each row of numbers [n, ...]; every NaN is the same, and so are 0 and -0."""
    flat = values.reshape(len(values), -1)
    step = max(1, BLOCK // max(flat.shape[1], 1))
    blocks = [_hashed(flat[start : start + step]) for start in range(0, len(flat), step)]
    return np.concatenate([np.empty(0, np.uint64), *blocks])


def hashed_words(words: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each string [n]."""
    return hashed_rows(np.ascontiguousarray(words.astype(str)).view(np.uint32).reshape(len(words), -1))


def mixed(values: np.ndarray) -> np.ndarray:
    """Each number as 64 well mixed bits."""
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nan, values.astype(np.float64) + 0.0).view(np.uint64)
    bits = values.astype(np.uint64)
    bits = (bits ^ (bits >> np.uint64(32))) * MIX
    return bits ^ (bits >> SPREAD)


def weights(n: int) -> np.ndarray:
    """n odd 64-bit numbers, the same in every run."""
    return np.random.default_rng(0).integers(0, 2**63, n, np.uint64) * np.uint64(2) + np.uint64(1)


def _hashed(values: np.ndarray) -> np.ndarray:
    return (mixed(values) * weights(values.shape[1])).sum(1, dtype=np.uint64)


def _tree(points: np.ndarray, rows: np.ndarray) -> tuple[cKDTree, np.ndarray]:
    """A tree of the different points among some, and the object that owns each: copies in plenty would stall it."""
    first = np.unique(hashed_rows(points[rows]), return_index=True)[1]
    owners = rows[first]
    return cKDTree(points[owners], balanced_tree=False, compact_nodes=False), owners


def _nearest(
    tree: cKDTree, asked: np.ndarray, radius: float, slack: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each object's views [m, V, D] the nearest points: distance (infinite beyond `radius`), point and view."""
    distance, found = tree.query(asked, k=PARTNERS, eps=slack, distance_upper_bound=radius)
    distance, found = distance.reshape(len(asked), -1), found.reshape(len(asked), -1)
    best = np.argsort(distance, axis=1)[:, :PARTNERS]
    return np.take_along_axis(distance, best, 1), np.take_along_axis(found, best, 1), best // PARTNERS
