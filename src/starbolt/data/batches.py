"""Batches: an epoch is one permutation cut into index blocks, and each block is gathered whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from starbolt.contract import Batch
from starbolt.data.sources import Source

POOL = 20  # batches whose series are sorted by length together: little padding, still a fair shuffle


class Batches:
    """A loader of Batches; its place within an epoch can be saved and restored.

    sources: modality name -> Source. rows: int64 [n], catalogue rows to visit. y, weight: of all N catalogue rows.
    shuffle: a new order each epoch, from `seed`. rank, world: this process takes every world-th batch from the rank-th
    on; in training all ranks get equally many. Each iteration is an epoch, also where the one before was not finished.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        rows: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        steps: int = 1,
    ) -> None:
        self.sources, self.rows, self.batch_size = dict(sources), rows, batch_size
        self.y, self.weight = torch.from_numpy(y), torch.from_numpy(weight)
        self.shuffle, self.seed, self.rank, self.world = shuffle, seed, rank, world
        self.steps = steps
        self.epoch, self.handed, self._resumed = 0, 0, False
        self._lengths = next((n for s in self.sources.values() if (n := s.lengths(rows)) is not None), None)

    def __len__(self) -> int:
        batches = -(-len(self.rows) // self.batch_size)
        return max(batches // self.world, 1) if self.shuffle else len(range(self.rank, batches, self.world))

    def __iter__(self) -> Iterator[Batch]:
        if self.handed and not (self._resumed and self.handed < len(self)):  # Lightning never runs past the last batch
            self.epoch, self.handed = self.epoch + 1, 0
        self._resumed = False
        for rows in self.order(self.epoch)[self.handed :]:
            batch = self.gather(rows)
            self.handed += 1
            yield batch

    def order(self, epoch: int) -> list[np.ndarray]:
        """The rows of each batch of this process in the given epoch."""
        random = np.random.default_rng([self.seed, epoch])
        index = random.permutation(len(self.rows)) if self.shuffle else np.arange(len(self.rows))
        if self._lengths is not None:
            index = self._by_length(index)
        blocks = [self.rows[index[i : i + self.batch_size]] for i in range(0, len(index), self.batch_size)]
        if self.shuffle and self._lengths is not None:
            blocks = [blocks[i] for i in random.permutation(len(blocks))]
        mine = blocks[self.rank :: self.world]
        return (mine or blocks)[: len(self)] if self.shuffle else mine  # fewer batches than ranks: no rank may wait

    def gather(self, rows: np.ndarray) -> Batch:
        """The Batch of the given catalogue rows."""
        row = torch.from_numpy(np.ascontiguousarray(rows))
        inputs = {name: source.gather(row, self.steps) for name, source in self.sources.items()}
        return Batch(inputs, self.y[row], self.weight[row], row)

    def state_dict(self) -> dict[str, Any]:
        """The place: epoch, and batches handed out in it."""
        return {"epoch": self.epoch, "handed": self.handed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved place."""
        self.epoch, self.handed, self._resumed = state["epoch"], state["handed"], True

    def _by_length(self, index: np.ndarray) -> np.ndarray:
        assert self._lengths is not None
        pool = self.batch_size * POOL if self.shuffle else len(index)
        pieces = [index[i : i + pool] for i in range(0, len(index), max(pool, 1))]
        return np.concatenate([p[np.argsort(self._lengths[p], kind="stable")] for p in pieces])
