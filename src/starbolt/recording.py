"""A training step recorded as a CUDA graph: on a GPU a small network's step is mostly the launching of its kernels.

Forward pass, backward pass, clipping and optimiser are recorded once for each shape of a batch, and played for the
others: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from starbolt.contract import Batch
from starbolt.data.feed import changed, tensors

WARM = 3  # steps of a shape before it is recorded: libraries choose their kernels in them
MOST = 24  # shapes that are recorded; of others each kernel is launched
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
log = logging.getLogger(__name__)


def recordable(network: nn.Module, optimizer: Optimizer) -> bool:
    """Whether steps may be recorded: on a CUDA device, by Adam, without dropout, unless $STARBOLT_GRAPHS is 0.

    A network with dropout would draw other numbers after a resumption than without it.
    """
    devices = {parameter.device.type for parameter in network.parameters()}
    drops = any(m.p > 0 for m in network.modules() if isinstance(m, DROPOUTS))
    drops |= any(m.dropout > 0 for m in network.modules() if isinstance(m, nn.RNNBase))
    able = type(optimizer) in (Adam, AdamW) and all(group["capturable"] for group in optimizer.param_groups)
    return devices == {"cuda"} and able and not drops and os.environ.get("STARBOLT_GRAPHS") != "0"


@dataclass
class Recorded:
    """A step that was recorded: its graph, the batch that it reads, and where it leaves the loss."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    loss: Tensor

    def play(self, batch: Batch) -> Tensor:
        """The step for another batch of the same shape; its loss."""
        torch._foreach_copy_(list(tensors(self.batch)), list(tensors(batch)))
        self.graph.replay()
        return self.loss.clone()


class Recorder:
    """Steps, each recorded or played.

    step: takes a step for a batch and returns its loss, []. optimizer: the one that it steps.
    """

    def __init__(self, step: Callable[[Batch], Tensor], optimizer: Optimizer, device: torch.device) -> None:
        self.step, self.optimizer = step, optimizer
        self.stream = torch.cuda.Stream(device)
        self.rates = [torch.zeros((), device=device) for _ in optimizer.param_groups]
        self.recorded: dict[Any, Recorded] = {}
        self.seen: Counter = Counter()

    def __call__(self, batch: Batch) -> Tensor:
        """The loss of the batch, for which a step was taken."""
        for rate, group in zip(self.rates, self.optimizer.param_groups, strict=True):
            rate.fill_(group["lr"])
        shape = shape_of(batch)
        if shape not in self.recorded and not self._record(shape, batch):
            return self._launched(batch)
        return self.recorded[shape].play(batch)

    def _record(self, shape: Any, batch: Batch) -> bool:
        """Record the step, unless it is early for that, or cannot be done."""
        self.seen[shape] += 1
        if self.seen[shape] <= WARM or len(self.recorded) >= MOST:
            return False
        graph, kept = torch.cuda.CUDAGraph(), changed(batch, Tensor.clone)
        torch.clear_autocast_cache()
        try:
            # other threads gather meanwhile, which must not end the recording
            with self._rates(), torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                loss = self.step(kept)
        except RuntimeError as error:
            log.debug("steps are not recorded: %s", error)
            self.seen.clear()
            self.seen[shape] = -(10**9)
            return False
        finally:
            torch.clear_autocast_cache()
        self.recorded[shape] = Recorded(graph, kept, loss)
        return True

    def _launched(self, batch: Batch) -> Tensor:
        """The step, kernel by kernel, on the stream that is recorded."""
        current = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(current)
        with self._rates(), torch.cuda.stream(self.stream):
            loss = self.step(batch)
        current.wait_stream(self.stream)
        return loss

    @contextmanager
    def _rates(self) -> Iterator[None]:
        """The learning rates are numbers on the device, which a recorded step reads anew."""
        groups = self.optimizer.param_groups
        told = [group["lr"] for group in groups]
        for group, rate in zip(groups, self.rates, strict=True):
            group["lr"] = rate
        try:
            yield
        finally:
            for group, rate in zip(groups, told, strict=True):
                group["lr"] = rate


def shape_of(batch: Batch) -> Any:
    """What two batches have in common that one recorded step can take."""
    planes = [(name, *(plane is None for plane in block)) for name, block in batch.inputs.items()]
    return (*planes, *((tuple(t.shape), t.dtype) for t in tensors(batch)))
