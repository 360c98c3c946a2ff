"""Work done ahead: what comes next is gathered in the background, and on its way to the device, while one trains."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import repeat
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from starbolt.contract import Batch, Block

Item = TypeVar("Item")
Made = TypeVar("Made")
Fetch = Callable[[np.ndarray, np.ndarray], Tensor]  # a plane [N, ...] and places [B] in it -> those rows, see `taken`

END = object()
HANDS = 4  # threads that gather for a GPU: one copies some 5 to 10 GB/s out of a memory map, the bus takes 50


def ahead(make: Callable[[Item], Made], items: Iterable[Item], workers: int = 1) -> Iterator[Made]:
    """What is made of each item, in order. From this call on threads in the background draw the items and make one each
    beyond what was asked for."""
    drawing, hands = (ThreadPoolExecutor(n, thread_name_prefix="starbolt-feed") for n in (1, workers))
    rest = iter(items)

    def begun() -> Future[tuple[Made, ...]]:
        drawn = drawing.submit(next, rest, END)
        return hands.submit(lambda: () if drawn.result() is END else (make(drawn.result()),))  # type: ignore[arg-type]

    waiting = deque(begun() for _ in range(workers))

    def handed_out() -> Iterator[Made]:
        with drawing, hands:
            while made := waiting.popleft().result():
                waiting.append(begun())
                yield made[0]

    return handed_out()


def taken(plane: np.ndarray, places: np.ndarray) -> Tensor:
    """Rows of a plane in memory, neighbours in one piece. By NumPy's one thread, which copies as fast as memory gives:
    torch's wait for each other."""
    if len(places) and (np.diff(places) == 1).all():
        return torch.from_numpy(plane[places[0] : places[-1] + 1].copy())
    return torch.from_numpy(plane.take(places, axis=0))


def changed(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with each of its tensors changed."""
    inputs = {n: Block._make(None if t is None else change(t) for t in b) for n, b in batch.inputs.items()}
    return Batch(inputs, change(batch.y), change(batch.weight), change(batch.row))


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device; itself where it is there."""
    if batch.row.device == device:
        return batch
    return changed(batch, lambda t: t.to(device, non_blocking=True))


def exact(device: torch.device) -> torch.device:
    """cuda:0 for cuda: the name by which tensors know their device."""
    unnumbered = device.type == "cuda" and device.index is None
    return torch.device("cuda", torch.cuda.current_device()) if unnumbered else device


def split(batch: Batch, size: int) -> list[Batch]:
    """The batch as views of `size` objects each, fewer in the last."""
    inputs = split_inputs(batch.inputs, size)
    return [Batch(*part) for part in zip(inputs, *(t.split(size) for t in batch[1:]), strict=True)]


def split_inputs(inputs: Mapping[str, Block], size: int) -> list[dict[str, Block]]:
    """The blocks as views of `size` objects each, fewer in the last."""
    named = []
    for name, block in inputs.items():
        planes = [repeat(None) if t is None else t.split(size) for t in block]
        named.append([(name, Block._make(part)) for part in zip(*planes, strict=False)])
    return [dict(part) for part in zip(*named, strict=True)]


def tensors(batch: Batch) -> Iterator[Tensor]:
    """All tensors of a batch, in one order."""
    for block in batch.inputs.values():
        yield from (plane for plane in block if plane is not None)
    yield from batch[1:]


class Courier:
    """Brings batches to a CUDA device on a stream of its own, through pinned memory, while the device computes.

    Numbers are read straight into pinned memory, travel in their own type and become float32 on the device. `send` is
    called by the `hands` threads that gather, `receive` by the one that trains.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.stream = device, _stream(device)
        self.hands = min(HANDS, os.cpu_count() or 1)

    def fetch(self, plane: np.ndarray, places: np.ndarray) -> Tensor:
        """What `taken` gives, on its way to the device."""
        kind = torch.from_numpy(np.empty(0, plane.dtype)).dtype
        room = torch.empty((len(places), *plane.shape[1:]), dtype=kind, pin_memory=True)  # torch keeps and reuses it
        np.take(plane, places, axis=0, out=room.numpy(), mode="clip")  # "raise" would copy twice
        return room.to(self.device, non_blocking=True)

    def bring(self, batch: Batch) -> Batch:
        """The batch on its way, as far as it was not fetched."""
        return changed(batch, lambda t: t if t.device == self.device else self._sent(t))

    def _sent(self, tensor: Tensor) -> Tensor:
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def send(self, gather: Callable[[Item], list[Batch]], item: Item) -> tuple[list[Batch], torch.cuda.Event]:
        """The batches that are gathered for the item with `fetch` and `bring`, and the event of their arrival."""
        with torch.cuda.stream(self.stream):
            return gather(item), self.stream.record_event()

    def receive(self, sent: tuple[list[Batch], torch.cuda.Event]) -> list[Batch]:
        """The batches, for whatever the current stream does next."""
        batches, arrival = sent
        current = torch.cuda.current_stream(self.device)
        current.wait_event(arrival)
        for batch in batches:
            for plane in tensors(batch):
                plane.record_stream(current)
        return batches


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One for all epochs, so that its memory is used again; its small kernels go before those of the training, behind
    which the next copy would wait."""
    return torch.cuda.Stream(device, priority=-1)
