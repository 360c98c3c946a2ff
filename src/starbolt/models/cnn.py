"""A compact residual network for cut-outs: from 32 to 256 pixels and any number of channels, fast on two CPU cores."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from starbolt.contract import Block


class CNN(nn.Module):
    """Residual convolutions [B, C, H, W] -> [B, out_dim] after He et al. (2016), doi:10.1109/CVPR.2016.90.

    The stem strides a large image down to about `detail` pixels across; each later stage halves the map and doubles
    the channels; the mean over the last map is the answer, so the size of the image need not fit anything.

    width: channels of the first stage; stages: how many; depth: residual blocks in each.
    detail: pixels across the first map, about; more sees finer structure, and costs as its square.
    dropout: of the pooled features.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 32,
        depth: int = 1,
        stages: int = 3,
        detail: int = 24,
        dropout: float = 0.0,
    ):
        super().__init__()
        if len(shape) != 3:
            fitting = "mlp" if len(shape) == 1 else "gru"
            raise ValueError(f"CNN takes images [C, H, W], not inputs of shape {tuple(shape)}: choose model={fitting}")
        stride = max(1, round(min(shape[1:]) / detail))
        layers: list[nn.Module] = [_conv(shape[0], width, 2 * stride + 1, stride), nn.ReLU(inplace=True)]
        widths = [width * 2**stage for stage in range(stages)]
        for before, after in zip([width, *widths], widths, strict=False):
            layers += [Residual(before, after, stride=1 if after == width else 2)]
            layers += [Residual(after, after) for _ in range(depth - 1)]
        self.maps = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # faster on CPUs
        self.dropout = nn.Dropout(dropout)
        self.out_dim = widths[-1]

    def forward(self, block: Block) -> Tensor:
        maps = self.maps(block.x.contiguous(memory_format=torch.channels_last))
        return self.dropout(maps.mean(dim=(2, 3)))


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut, [B, before, H, W] -> [B, after, H / stride, W / stride]."""

    def __init__(self, before: int, after: int, stride: int = 1):
        super().__init__()
        last = nn.BatchNorm2d(after)
        nn.init.zeros_(last.weight)  # each block starts as its shortcut
        second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.body = nn.Sequential(_conv(before, after, 3, stride), nn.ReLU(inplace=True), second, last)
        self.shortcut = nn.Identity() if before == after else _shortcut(before, after, stride)

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.shortcut(x)).relu_()


def _conv(before: int, after: int, kernel: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after))


def _shortcut(before: int, after: int, stride: int) -> nn.Sequential:
    pool = nn.AvgPool2d(stride, ceil_mode=True)  # sees every pixel, unlike a strided 1x1 convolution
    return nn.Sequential(pool, nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))
