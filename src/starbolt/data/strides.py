"""Strides: several batches handed over at once, so that what Lightning does around a step is done once for all.

Lightning's loop costs 0.7 ms a step on a CPU, as much as a step of a small network. A stride is a single batch to it;
the Learner then takes one step of the optimiser for each part. The numbers are those of one batch at a time, bit for
bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from starbolt.data.batches import Batches, Parting
from starbolt.data.feed import split

MOST = 64  # steps of a stride: by then Lightning's share is small, and a signal still does not wait long
BYTES = {"cpu": 1 << 21, "cuda": 1 << 26}  # measurements of a stride at most: larger batches are not worth it


class Stride(NamedTuple):
    """parts: batches that are stepped through one after the other, each made when it is asked for; a list of them where
    nothing remains to be done to them. ready: they are what `Loaders.make_ready` made of batches, in the background."""

    parts: Iterable[Any]
    ready: bool = False


class Strides:
    """A loader of Strides of `size` batches each, fewer in the last; its place is that of its `batches`.

    make_ready: what is done to batches before they are handed out; None: nothing.
    """

    def __init__(self, batches: Batches, size: int, make_ready: Parting | None = None) -> None:
        self.batches, self.size, self.make_ready = batches, size, make_ready

    def __len__(self) -> int:
        return -(-len(self.batches) // self.size)

    def __iter__(self) -> Iterator[Stride]:
        for parts in self.batches.taken(self.size, self.make_ready or split):
            yield Stride(parts, self.make_ready is not None)

    def state_dict(self) -> dict[str, Any]:
        return self.batches.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.batches.load_state_dict(state)


def size_of(batches: Batches, rows: int) -> int:
    """How many batches make a stride, given the number of all catalogue rows: few large ones, many small ones."""
    nbytes = sum(source.modality.nbytes for source in batches.sources.values()) / max(rows, 1) * batches.batch_size
    return int(min(MOST, max(1, BYTES.get(batches.device.type, 0) // max(nbytes, 1))))
