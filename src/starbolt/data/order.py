"""The order of an epoch: one permutation cut into batches, fair and yet kind to disks and to series.

Where the measurements are larger than memory the permutation is of blocks of consecutive rows, and of the rows within a
pool of many blocks: every row comes once, from anywhere, and the disk is read in large pieces. Series are sorted by
length within a pool of batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

POOL = 20  # batches whose series are sorted by length together: little padding, still a fair shuffle
BLOCKS = 64  # blocks whose rows are shuffled together


@dataclass
class Order:
    """rows: int64 [n], catalogue rows to visit. size: of them in a batch. shuffle: a new order each epoch, from `seed`.

    block: consecutive rows that stay in a pool; 0: none do. lengths: int [n], points of each series; None: no series.
    """

    rows: np.ndarray
    size: int
    shuffle: bool = False
    seed: int = 0
    block: int = 0
    lengths: np.ndarray | None = None

    @property
    def pool(self) -> int:
        """Rows that are shuffled together, of blocks; 0: all."""
        return self.block * BLOCKS

    def __len__(self) -> int:
        return -(-len(self.rows) // self.size)

    def __call__(self, epoch: int) -> list[np.ndarray]:
        """The rows of each batch in the given epoch."""
        random = np.random.default_rng([self.seed, epoch])
        index = self._shuffled(random) if self.shuffle else np.arange(len(self.rows))
        if self.lengths is not None:
            index = self._by_length(index, self.lengths)
        visited = self.rows[index]
        batches = [visited[i : i + self.size] for i in range(0, len(index), self.size)]
        if self.shuffle and self.lengths is not None:
            near = POOL if self.block else len(batches)  # of like length, and of a pool
            batches = [batches[i] for i in _within(random, np.arange(len(batches)), near)]
        return batches

    def _shuffled(self, random: np.random.Generator) -> np.ndarray:
        """A permutation of the rows' places; in blocks of consecutive rows, where there are blocks."""
        if not self.block:
            return random.permutation(len(self.rows))
        places = np.argsort(self.rows, kind="stable")
        starts = random.permutation(np.arange(0, len(places), self.block))
        index = np.concatenate([places[start : start + self.block] for start in starts])
        return _within(random, index, self.pool)

    def _by_length(self, index: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        pool = self.size * POOL if self.shuffle or self.block else len(index)
        pieces = [index[i : i + pool] for i in range(0, len(index), max(pool, 1))]
        return np.concatenate([p[np.argsort(lengths[p], kind="stable")] for p in pieces])


def _within(random: np.random.Generator, index: np.ndarray, pool: int) -> np.ndarray:
    """The index [n] with each piece of length `pool` permuted."""
    return np.concatenate([random.permutation(index[i : i + pool]) for i in range(0, len(index), pool)] or [index])
