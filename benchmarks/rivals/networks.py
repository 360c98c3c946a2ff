"""The networks of the benchmark as somebody writes them in PyTorch who writes them for these data alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from contest import CLASSES, STATES, WIDTH
from torch import Tensor, nn


def network(work: str, shape: tuple[int, ...]) -> nn.Module:
    """The network of a work, for objects of the shape [C], [C, H, W] or [T, C]."""
    if work == "mlp":
        layers = [nn.Linear(shape[0], WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, 1)]
        return nn.Sequential(*layers)
    return cnn(shape[0]) if work == "cnn" else GRU(shape[-1])


def loss_of(work: str, out: Tensor, y: Tensor) -> Tensor:
    """Mean-squared error of the MLP, cross-entropy of the others."""
    return F.mse_loss(out, y) if work == "mlp" else F.cross_entropy(out, y)


def cnn(channels: int) -> nn.Sequential:
    """Starbolt's CNN for stamps of 63 pixels: [B, C, 63, 63] -> [B, CLASSES]."""
    return nn.Sequential(
        *_conv(channels, 32, 7, 3),
        nn.ReLU(),
        Residual(32, 32, 1),
        Residual(32, 64, 2),
        Residual(64, 128, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, CLASSES),
    )


class Residual(nn.Module):
    """Two convolutions around a shortcut that pools, where the map shrinks."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_conv(before, after, 3, stride), nn.ReLU(inplace=True), *_conv(after, after, 3, 1))
        nn.init.zeros_(self.body[-1].weight)
        shrunk = [nn.AvgPool2d(stride, ceil_mode=True), *_conv(before, after, 1, 1)]
        self.shortcut = nn.Sequential(*(shrunk if stride > 1 else []))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class GRU(nn.Module):
    """[B, T, C] -> [B, CLASSES]: last state, mean and maximum of the states, one linear layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reader = nn.GRU(channels, STATES, batch_first=True)
        self.head = nn.Linear(3 * STATES, CLASSES)

    def forward(self, x: Tensor, length: Tensor | None = None, packed: bool = False) -> Tensor:
        """length: of padded series; None: all are as long as x. packed: cuDNN's way of leaving out the padding."""
        if length is None:
            states, _ = self.reader(x)
            return self.head(torch.cat([states[:, -1], states.mean(1), states.amax(1)], 1))
        if packed:
            short = nn.utils.rnn.pack_padded_sequence(x, length, batch_first=True, enforce_sorted=False)
            states, _ = nn.utils.rnn.pad_packed_sequence(self.reader(short)[0], batch_first=True)
        else:
            states, _ = self.reader(x)
        inside = (torch.arange(states.shape[1]) < length[:, None])[:, :, None]
        last = states.gather(1, (length - 1)[:, None, None].expand(-1, 1, STATES))[:, 0]
        mean = states.masked_fill(~inside, 0.0).sum(1) / length[:, None]
        return self.head(torch.cat([last, mean, states.masked_fill(~inside, -1.0).amax(1)], 1))


def _conv(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(after)]
