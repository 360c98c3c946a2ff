"""Occlusion: how an answer changes while one stretch of a light curve is hidden."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from starbolt.contract import Block
from starbolt.explain.answer import feature, told
from starbolt.learner import Learner

WINDOWS = 20


@torch.no_grad()
def occlusion(
    learner: Learner, name: str, block: Block, parts: dict[str, Tensor], codes: Tensor
) -> dict[str, np.ndarray]:
    """What hiding each window of an object's points does to its answer `codes`, after Zeiler & Fergus (2014).

    doi:10.1007/978-3-319-10590-1_53. Windows hold equally many consecutive points (to within one); of hidden points
    the network is told when they were taken and that nothing was measured.

    change: [n, WINDOWS], answer with the window hidden minus answer, NaN beyond the windows of a short series.
    first, last: [n, WINDOWS], place of each window's first and last point. answer: [n].
    """
    assert block.length is not None
    change, first, last = (np.full((len(codes), WINDOWS), np.nan, np.float32) for _ in range(3))
    said = np.zeros(len(codes), np.float32)
    for i, length in enumerate(block.length.tolist()):
        windows = np.array_split(np.arange(length), min(WINDOWS, length)) if length else []
        hidden = _hidden(block, i, windows)
        beside = {key: part[i : i + 1].expand(len(windows) + 1, -1) for key, part in parts.items()}
        both = told(learner, {**beside, name: feature(learner, name, hidden)}, codes[i].expand(len(windows) + 1))
        said[i], count = float(both[0]), len(windows)
        change[i, :count] = (both[1:] - both[0]).float().cpu().numpy()
        time = block.x[i, 0].cpu().numpy()
        first[i, :count], last[i, :count] = time[[w[0] for w in windows]], time[[w[-1] for w in windows]]
    return {"change": change, "first": first, "last": last, "answer": said}


def _hidden(block: Block, i: int, windows: list[np.ndarray]) -> Block:
    """Object i as it is, and then with each window hidden, [1 + W, C, T]."""
    assert block.length is not None
    steps = max(int(block.length[i]), 1)
    keep = torch.ones(len(windows) + 1, 1, steps, dtype=torch.bool, device=block.x.device)
    for number, window in enumerate(windows):
        keep[number + 1, 0, window] = False

    def planes(plane: Tensor) -> Tensor:
        copies = plane.expand_as(block.x)[i : i + 1, :, :steps].expand(len(keep), -1, -1)
        return torch.cat([copies[:, :1], copies[:, 1:] * keep], 1)

    x, mask, err, limit = (None if p is None else planes(p) for p in block[:4])
    assert x is not None
    assert mask is not None
    return Block(x, mask, err, limit, block.length[i].expand(len(keep)))
