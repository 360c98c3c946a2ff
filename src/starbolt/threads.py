"""How many threads a training takes on the CPU: measured with the network and the batches at hand.

A second thread halves the time of a large convolution; of a small network's step it makes nothing faster, and on a
machine that others use too it can make it many times slower.
"""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections.abc import Callable

import torch

from starbolt.data.module import ObjectDataModule
from starbolt.learner import Learner

STEPS, SECONDS = 7, 0.5  # steps that are timed for each number of threads, and about how long at most
GAIN = 0.9  # of the time with fewer threads: less is not worth another core


def settled(threads: int | None, learner: Learner, data: ObjectDataModule, device: torch.device) -> int | None:
    """Set the number of threads; the number where it was measured, else None.

    threads: as many; None: $OMP_NUM_THREADS where it is set, else as many as make a step fastest, of a network that is
    trained on the CPU. ValueError where it is not positive.
    """
    if threads is not None:
        if threads < 1:
            raise ValueError(f"threads={threads} is not positive")
        torch.set_num_threads(threads)
    elif device.type == "cpu" and not os.environ.get("OMP_NUM_THREADS") and torch.get_num_threads() > 1:
        found = fastest(step_of(learner, data), torch.get_num_threads())
        torch.set_num_threads(found)
        return found
    return None


def fastest(step: Callable[[], object], most: int) -> int:
    """How many threads, of 1, 2, 4, ... and `most`, make a step fastest; more only where they are worth it."""
    best, least = 1, _timed(step, 1)
    for threads in (*(2**i for i in range(1, most.bit_length()) if 2**i < most), *([most] if most > 1 else [])):
        took = _timed(step, threads)
        if took < GAIN * least:
            best, least = threads, took
    return best


def step_of(learner: Learner, data: ObjectDataModule) -> Callable[[], object]:
    """Forward and backward of a copy of the network on the first training batch; it draws no random number of ours."""
    network = copy.deepcopy(learner).train()
    batch = next(iter(data.loader(data.parts["train"], alone=True, size=data.batch_size)))

    def step() -> None:
        with torch.random.fork_rng(devices=[]):
            network.task.losses(network(batch.inputs), batch).mean().backward()

    return step


def _timed(step: Callable[[], object], threads: int) -> float:
    """Median seconds of a step with so many threads."""
    torch.set_num_threads(threads)
    times: list[float] = []
    step()  # the first one makes the threads, and the memory
    while len(times) < 2 or (len(times) < STEPS and sum(times) < SECONDS):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
