"""Work done ahead: what comes next is gathered in the background, and on its way to the device, while one trains."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TypeVar

import torch
from torch import Tensor

from starbolt.contract import Batch, Block

Item = TypeVar("Item")
Made = TypeVar("Made")


def ahead(make: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """What is made of each item, in order; a background thread makes one more than was asked for."""
    with ThreadPoolExecutor(1, thread_name_prefix="starbolt-feed") as worker:
        waiting = deque[object]()
        for item in items:
            waiting.append(worker.submit(make, item))
            if len(waiting) > 1:
                yield waiting.popleft().result()  # type: ignore[attr-defined]
        while waiting:
            yield waiting.popleft().result()  # type: ignore[attr-defined]


def changed(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with each of its tensors changed."""
    inputs = {n: Block._make(None if t is None else change(t) for t in b) for n, b in batch.inputs.items()}
    return Batch(inputs, change(batch.y), change(batch.weight), change(batch.row))


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device; itself where it is there."""
    if batch.row.device == device:
        return batch
    return changed(batch, lambda t: t.to(device, non_blocking=True))


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


def joined(batches: Sequence[Batch]) -> Batch | None:
    """The batches, one behind the other; None of series, which differ in length."""
    first, *_ = batches
    if any(block.length is not None for block in first.inputs.values()):
        return None
    inputs = {}
    for name in first.inputs:
        planes = zip(*(batch.inputs[name] for batch in batches), strict=True)
        inputs[name] = Block._make(None if plane[0] is None else torch.cat(plane) for plane in planes)
    return Batch(inputs, *map(torch.cat, zip(*(batch[1:] for batch in batches), strict=True)))


def _tensors(batch: Batch) -> Iterator[Tensor]:
    for block in batch.inputs.values():
        yield from (plane for plane in block if plane is not None)
    yield from batch[1:]


class Courier:
    """Brings batches to a CUDA device on a stream of its own, through pinned memory, while the device computes.

    `send` is called by the thread that gathers, `receive` by the one that trains.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.stream = device, torch.cuda.Stream(device)

    def send(self, batches: list[Batch]) -> tuple[list[Batch], torch.cuda.Event]:
        """The batches under way, and the event of their arrival."""
        with torch.cuda.stream(self.stream):
            sent = [changed(b, lambda t: t.pin_memory().to(self.device, non_blocking=True)) for b in batches]
            return sent, self.stream.record_event()

    def receive(self, sent: tuple[list[Batch], torch.cuda.Event]) -> list[Batch]:
        """The batches, for whatever the current stream does next."""
        batches, arrival = sent
        current = torch.cuda.current_stream(self.device)
        current.wait_event(arrival)
        for batch in batches:
            for plane in _tensors(batch):
                plane.record_stream(current)
        return batches
