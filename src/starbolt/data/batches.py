"""Batches: an epoch is one permutation cut into index blocks, and each block is gathered whole.

Where the measurements are larger than memory the permutation is of blocks of consecutive rows, and of the rows within a
pool of many blocks: every row comes once, from anywhere, and the disk is read in large pieces, a pool ahead.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from starbolt.contract import Batch
from starbolt.data.sources import Source

POOL = 20  # batches whose series are sorted by length together: little padding, still a fair shuffle
BLOCK = 8_000_000  # bytes of consecutive rows read in one piece, where the measurements are larger than memory
BLOCKS = 64  # blocks whose rows are shuffled together


class Batches:
    """A loader of Batches; its place within an epoch can be saved and restored.

    sources: modality name -> Source. rows: int64 [n], catalogue rows to visit. y, weight: of all N catalogue rows.
    shuffle: a new order each epoch, from `seed`. Each iteration is an epoch, even if the one before was not finished.
    rank, world: in training the ranks deal each batch of world x batch_size rows among them, so that together they take
    the steps of one process with such batches; where a last one cannot be dealt evenly it is filled up with rows of no
    weight, and the weights of the others make up for it. In evaluation a rank takes every world-th batch.
    block: shuffle blocks of so many consecutive rows, and rows within pools of blocks; 0: all rows at once; None: 0
    unless the measurements of these rows fill more than half of the machine's memory.
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
        block: int | None = None,
    ) -> None:
        self.sources, self.rows, self.batch_size = dict(sources), rows, batch_size
        self.y, self.weight = torch.from_numpy(y), torch.from_numpy(weight)
        self.shuffle, self.seed, self.rank, self.world = shuffle, seed, rank, world
        self.steps = steps
        self.block = block_of(self.sources, len(y), len(rows)) if block is None else block
        self.epoch, self.handed, self._resumed = 0, 0, False
        self._lengths = next((n for s in self.sources.values() if (n := s.lengths(rows)) is not None), None)

    def __len__(self) -> int:
        batches = -(-len(self.rows) // self._whole)
        return batches if self.shuffle else len(range(self.rank, batches, self.world))

    def __iter__(self) -> Iterator[Batch]:
        if self.handed and not (self._resumed and self.handed < len(self)):  # Lightning never runs past the last batch
            self.epoch, self.handed = self.epoch + 1, 0
        self._resumed = False
        for whole in self._announced(self.order(self.epoch)[self.handed :]):
            batch = self._dealt(whole) if self.shuffle and self.world > 1 else self.gather(whole)
            self.handed += 1
            yield batch

    @property
    def _whole(self) -> int:
        """Rows of a batch of all ranks together."""
        return self.batch_size * self.world if self.shuffle else self.batch_size

    def order(self, epoch: int) -> list[np.ndarray]:
        """The rows of each batch in the given epoch: in training of all ranks together, else of this process."""
        random = np.random.default_rng([self.seed, epoch])
        index = self._shuffled(random) if self.shuffle else np.arange(len(self.rows))
        if self._lengths is not None:
            index = self._by_length(index)
        batches = [self.rows[index[i : i + self._whole]] for i in range(0, len(index), self._whole)]
        if self.shuffle and self._lengths is not None:
            near = POOL if self.block else len(batches)  # of like length, and of a pool
            batches = [batches[i] for i in _within(random, np.arange(len(batches)), near)]
        return batches if self.shuffle else batches[self.rank :: self.world]

    def gather(self, rows: np.ndarray) -> Batch:
        """The Batch of the given catalogue rows."""
        row = torch.from_numpy(np.ascontiguousarray(rows))
        inputs = {name: source.gather(row, self.steps) for name, source in self.sources.items()}
        return Batch(inputs, self.y[row], self.weight[row], row)

    def _dealt(self, whole: np.ndarray) -> Batch:
        """This rank's share of a batch of all ranks, weighted such that the mean over ranks is that over the batch."""
        each = -(-len(whole) // self.world)
        mine = whole[self.rank :: self.world]
        batch = self.gather(np.concatenate([mine, whole[: each - len(mine)]]))
        if len(whole) % self.world == 0:
            return batch
        share = torch.arange(each) < len(mine)
        return batch._replace(weight=batch.weight * share * (each * self.world / len(whole)))

    def state_dict(self) -> dict[str, Any]:
        """The place: epoch, batches handed out in it, and the block on which the order depends."""
        return {"epoch": self.epoch, "handed": self.handed, "block": self.block}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved place."""
        self.epoch, self.handed, self._resumed = state["epoch"], state["handed"], True
        self.block = state.get("block", 0)

    def _shuffled(self, random: np.random.Generator) -> np.ndarray:
        """A permutation of the rows' places; in blocks of consecutive rows, where there are blocks."""
        if not self.block:
            return random.permutation(len(self.rows))
        places = np.argsort(self.rows, kind="stable")
        starts = random.permutation(np.arange(0, len(places), self.block))
        index = np.concatenate([places[start : start + self.block] for start in starts])
        return _within(random, index, self.block * BLOCKS)

    def _announced(self, batches: list[np.ndarray]) -> Iterator[np.ndarray]:
        """The batches; where there are blocks, the kernel reads a pool of them ahead."""
        pool = max(self.block * BLOCKS // self._whole, 1)
        for i, rows in enumerate(batches):
            if self.block and self.shuffle and i % pool == 0:
                self._announce(batches[i + pool if i else 0 : i + 2 * pool])
            yield rows

    def _announce(self, batches: list[np.ndarray]) -> None:
        """Have the kernel read what these batches need, while others are trained on."""
        if batches:
            rows = np.sort(np.concatenate(batches))
            threading.Thread(target=_read_ahead, args=(list(self.sources.values()), rows), daemon=True).start()

    def _by_length(self, index: np.ndarray) -> np.ndarray:
        assert self._lengths is not None
        pool = self._whole * POOL if self.shuffle or self.block else len(index)
        pieces = [index[i : i + pool] for i in range(0, len(index), max(pool, 1))]
        return np.concatenate([p[np.argsort(self._lengths[p], kind="stable")] for p in pieces])


def block_of(sources: Mapping[str, Source], rows: int, visited: int | None = None) -> int:
    """Rows of a block of BLOCK bytes, where the measurements of the rows visited (None: of all) fill more than half of
    the memory; else 0. A partition of a catalogue is thus cut into the same batches on every machine."""
    size = sum(source.modality.nbytes for source in sources.values())
    share = 1 if visited is None else visited / max(rows, 1)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, rows * BLOCK // size) if size * share > memory / 2 else 0


def _within(random: np.random.Generator, index: np.ndarray, pool: int) -> np.ndarray:
    """The index [n] with each piece of length `pool` permuted."""
    return np.concatenate([random.permutation(index[i : i + pool]) for i in range(0, len(index), pool)] or [index])


def _read_ahead(sources: list[Source], rows: np.ndarray) -> None:
    for source in sources:
        places = rows if source.rows is None else source.rows[rows]
        source.modality.announce(np.sort(places[places >= 0]))
