"""Batches: an epoch is an order of rows cut into index blocks, and each block is gathered whole, in the background."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from starbolt.contract import Batch
from starbolt.data.feed import Courier, ahead, exact, split, taken
from starbolt.data.order import Order
from starbolt.data.sources import Source

BLOCK = 8_000_000  # bytes of consecutive rows read in one piece, where the measurements are larger than memory
ROUND = 32  # points to a multiple of which series are padded on a GPU
CPU = torch.device("cpu")
Parting = Callable[[Batch, int], list[Any]]  # a batch, the number of objects in each part -> what its parts become


class Batches:
    """A loader of Batches; its place within an epoch can be saved and restored.

    sources: modality name -> Source. rows: int64 [n], catalogue rows to visit. y, weight: of all N catalogue rows.
    shuffle: a new order each epoch, from `seed`. Each iteration is an epoch, even if the one before was not finished.
    rank, world: in training the ranks deal each batch of world x batch_size rows among them, so that together they take
    the steps of one process with such batches; where a last one cannot be dealt evenly it is filled up with rows of no
    weight, and the weights of the others make up for it. In evaluation a rank takes every world-th batch.
    block: shuffle blocks of so many consecutive rows, and rows within pools of blocks; 0: all rows at once; None: 0
    unless the measurements of these rows fill more than half of the machine's memory.
    device: where batches are handed out, the CPU or a CUDA device; where the sources are in its memory, gathered there.
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
        device: torch.device = CPU,
    ) -> None:
        self.sources, self.rows, self.batch_size = dict(sources), rows, batch_size
        self.home = next((source.home for source in self.sources.values() if source.home), CPU)
        self.y, self.weight = (torch.from_numpy(each).to(self.home) for each in (y, weight))
        self.shuffle, self.rank, self.world = shuffle, rank, world
        self.steps, self.device = steps, exact(device)
        block = block_of(self.sources, len(y), len(rows)) if block is None else block
        lengths = next((n for s in self.sources.values() if (n := s.lengths(rows)) is not None), None)
        together = batch_size * world if shuffle else batch_size  # rows of a batch of all ranks
        self.whole = Order(rows, together, shuffle, seed, block, lengths)
        self.epoch, self.handed, self._resumed = 0, 0, False
        self._begun: dict[tuple[Any, ...], Iterator[list[Any]]] = {}  # by epoch, batch, `number` and `part`

    def __len__(self) -> int:
        batches = len(self.whole)
        return batches if self.shuffle else len(range(self.rank, batches, self.world))

    def __iter__(self) -> Iterator[Batch]:
        for piece in self.taken():
            yield from piece

    def taken(self, number: int = 1, part: Parting = split) -> Iterator[list[Any]]:
        """The rest of the epoch, `number` batches at a time; after a resumption the first piece may be shorter.

        part: makes of some objects, gathered together, what is handed out for each batch of them, in the background.
        """
        if self.handed and not (self._resumed and self.handed < len(self)):  # Lightning never runs past the last batch
            self.epoch, self.handed = self.epoch + 1, 0
        self._resumed = False
        place = (self.epoch, self.handed, number, part)
        for piece in self._begun.pop(place, None) or self._begin(*place):
            self.handed += len(piece)
            if self.handed == len(self) and self.shuffle and not self.whole.block:
                following = (self.epoch + 1, 0, number, part)  # begun while the last piece is still looked at
                self._begun = {following: self._begin(*following)}
            yield piece

    def order(self, epoch: int) -> list[np.ndarray]:
        """The rows of each batch in the given epoch: in training of all ranks together, else of this process."""
        batches = self.whole(epoch)
        return batches if self.shuffle else batches[self.rank :: self.world]

    def gather(self, rows: np.ndarray, courier: Courier | None = None) -> Batch:
        """The Batch of the given catalogue rows; with a courier, on its way to the device."""
        row = torch.from_numpy(np.ascontiguousarray(rows))
        fetch = courier.fetch if courier else taken
        steps = self._steps(rows)
        inputs = {name: source.gather(row, steps, fetch) for name, source in self.sources.items()}
        there = row.to(self.home, non_blocking=True)
        batch = Batch(inputs, self.y.index_select(0, there), self.weight.index_select(0, there), there)
        return courier.bring(batch) if courier else batch

    def _steps(self, rows: np.ndarray) -> int:
        """Points that series are padded to at least: on a GPU few different lengths, so that steps can be recorded."""
        if self.device.type != "cuda" or not self.shuffle or self.whole.lengths is None:
            return self.steps
        found = (source.lengths(rows) for source in self.sources.values())
        longest = max(int(lengths.max()) for lengths in found if lengths is not None)
        return max(self.steps, -(-longest // ROUND) * ROUND)

    def state_dict(self) -> dict[str, Any]:
        """The place: epoch, batches handed out in it, and the block on which the order depends."""
        return {"epoch": self.epoch, "handed": self.handed, "block": self.whole.block}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved place."""
        self.epoch, self.handed, self._resumed = state["epoch"], state["handed"], True
        self.whole.block = state.get("block", 0)
        self._begun = {}

    def _begin(self, epoch: int, handed: int, number: int, part: Parting) -> Iterator[list[Any]]:
        """The pieces of an epoch from a place on, on the device; the first is gathered from now on."""
        pieces, gather = self._pieces(epoch, handed, number), partial(self._gathered, part=part)
        if self.home == self.device:
            return ahead(gather, pieces)
        courier = Courier(self.device)
        return map(
            courier.receive, ahead(partial(courier.send, partial(gather, courier=courier)), pieces, courier.hands)
        )

    def _pieces(self, epoch: int, handed: int, number: int) -> Iterator[list[np.ndarray]]:
        """The rows of the batches from a place of the epoch on, in lists that end at multiples of `number`."""
        piece: list[np.ndarray] = []
        for done, rows in enumerate(self._announced(self.order(epoch)[handed:]), handed + 1):
            piece.append(rows)
            if done % number == 0:
                yield piece
                piece = []
        if piece:
            yield piece

    def _gathered(self, piece: list[np.ndarray], part: Parting, courier: Courier | None = None) -> list[Any]:
        if self.shuffle and self.world > 1:
            return [self._dealt(rows, courier) for rows in piece]
        if self.whole.lengths is None:  # together, series would be padded to the longest of all
            piece = [np.concatenate(piece)]
        return [each for rows in piece for each in part(self.gather(rows, courier), self.batch_size)]

    def _dealt(self, whole: np.ndarray, courier: Courier | None = None) -> Batch:
        """This rank's share of a batch of all ranks, weighted such that the mean over ranks is that over the batch."""
        each = -(-len(whole) // self.world)
        mine = whole[self.rank :: self.world]
        batch = self.gather(np.concatenate([mine, whole[: each - len(mine)]]), courier)
        if len(whole) % self.world == 0:
            return batch
        share = (torch.arange(each) < len(mine)).to(batch.weight.device)
        return batch._replace(weight=batch.weight * share * (each * self.world / len(whole)))

    def _announced(self, batches: list[np.ndarray]) -> Iterator[np.ndarray]:
        """The batches; where there are blocks, the kernel reads a pool of them ahead."""
        pool = max(self.whole.pool // self.whole.size, 1)
        for i, rows in enumerate(batches):
            if self.whole.block and self.shuffle and i % pool == 0:
                self._announce(batches[i + pool if i else 0 : i + 2 * pool])
            yield rows

    def _announce(self, batches: list[np.ndarray]) -> None:
        """Have the kernel read what these batches need, while others are trained on."""
        if batches:
            rows = np.sort(np.concatenate(batches))
            threading.Thread(target=_read_ahead, args=(list(self.sources.values()), rows), daemon=True).start()


def block_of(sources: Mapping[str, Source], rows: int, visited: int | None = None) -> int:
    """Rows of a block of BLOCK bytes, where the measurements of the rows visited (None: of all) fill more than half of
    the memory; else 0. A partition of a catalogue is thus cut into the same batches on every machine."""
    size = sum(source.modality.nbytes for source in sources.values())
    share = 1 if visited is None else visited / max(rows, 1)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, rows * BLOCK // size) if size * share > memory / 2 else 0


def _read_ahead(sources: list[Source], rows: np.ndarray) -> None:
    for source in sources:
        places = rows if source.rows is None else source.rows[rows]
        source.modality.announce(np.sort(places[places >= 0]))
