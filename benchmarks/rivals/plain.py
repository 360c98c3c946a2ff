"""Rival: a plain PyTorch loop as an expert writes it, on tensors in memory; nothing checked, kept or told.

python benchmarks/rivals/plain.py WORK --data FOLDER --batch N --epochs E [--threads K] [--seed S] [--compile]
    [--format contiguous|channels_last] [--pad all|batch|packed]

--format: memory format of stamps and network. --pad: series are padded to the longest of all, to the longest of each
batch, or packed.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator

import torch
from contest import DECAY, LR, Part, part, tell, words
from networks import loss_of, network
from torch import Tensor, nn


class Tensors:
    """A part of the data as tensors, and the batches of it that the network takes."""

    def __init__(self, one: Part, asked: Namespace) -> None:
        x = torch.from_numpy(one.x)
        self.last = x.ndim == 4 and asked.format == "channels_last"
        self.x = x.permute(0, 2, 3, 1).contiguous() if self.last else x  # so that gathering keeps the format
        self.y = torch.from_numpy(one.y)
        self.length = None if one.length is None else torch.from_numpy(one.length)
        self.cut = asked.pad != "all"

    def batches(self, order: Tensor, batch: int) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
        """An epoch in this order; a table is gathered at once, which is faster by some percent."""
        if self.x.ndim > 2:
            return map(self.at, order.split(batch))
        x, y = self.x.index_select(0, order), self.y.index_select(0, order)
        return (((a,), b) for a, b in zip(x.split(batch), y.split(batch), strict=True))

    def at(self, rows: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Inputs of the network, truths."""
        x, y = self.x.index_select(0, rows), self.y.index_select(0, rows)
        if self.last:
            return (x.permute(0, 3, 1, 2),), y
        if self.length is None:
            return (x,), y
        length = self.length.index_select(0, rows)
        return (x[:, : int(length.max())] if self.cut else x, length), y


def validated(losses: Callable[..., Tensor], val: Tensors, batch: int) -> float:
    """Mean loss over the validation part."""
    total = torch.zeros(())
    with torch.inference_mode():
        for inputs, y in val.batches(torch.arange(len(val.y)), batch):
            total += losses(inputs, y) * len(y)
    return total.item() / len(val.y)


def trained(net: nn.Module, losses: Callable[..., Tensor], train: Tensors, val: Tensors, asked: Namespace) -> None:
    """All epochs, and what they took."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=LR[asked.work], weight_decay=DECAY, fused=True)
    took, loss = [], float("nan")
    for _ in range(asked.epochs):
        began = time.perf_counter()
        net.train()
        for inputs, y in train.batches(torch.randperm(len(train.y)), asked.batch):
            optimizer.zero_grad(set_to_none=True)
            losses(inputs, y).backward()
            optimizer.step()
        net.eval()
        loss = validated(losses, val, 2 * asked.batch)
        took.append(time.perf_counter() - began)
    tell(took, loss)


def main() -> None:
    parser = words(__doc__)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--format", choices=["contiguous", "channels_last"], default="contiguous")
    parser.add_argument("--pad", choices=["all", "batch", "packed"], default="all")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    train, val = (Tensors(part(asked.data, name), asked) for name in ("train", "val"))
    net = network(asked.work, part(asked.data, "val").x.shape[1:])
    net = net.to(memory_format=torch.channels_last) if train.last else net
    more = {"packed": True} if asked.pad == "packed" else {}

    def losses(inputs: tuple[Tensor, ...], y: Tensor) -> Tensor:
        return loss_of(asked.work, net(*inputs, **more), y)

    trained(net, torch.compile(losses) if asked.compile else losses, train, val, asked)


if __name__ == "__main__":
    main()
