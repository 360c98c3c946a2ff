"""The latent map: where a network puts objects, seen along the two directions in which they differ most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

COMPONENTS = 32  # at most
SHARE = 0.99  # of the variance that the components tell
NEIGHBOURS = 10
PIECE = 1_000  # objects whose distances to all training objects are held at once


class Axes(NamedTuple):
    """Principal components of training features: mean [D], directions [D, k], and their standard deviations [k].

    share: [k], fraction of the variance that each tells.
    """

    mean: Tensor
    directions: Tensor
    spread: Tensor
    share: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Coordinates [n, k] of features [n, D]."""
        return (features - self.mean) @ self.directions


def principal_axes(features: Tensor) -> Axes:
    """The leading components of training features [n, D], two at least; signs such that the largest entry is positive.

    Where the features vary in fewer than two directions, the others are zeros.
    """
    mean = features.mean(0)
    _, scale, rows = torch.linalg.svd(features - mean, full_matrices=False)
    share = scale.square() / scale.square().sum().clamp(min=1e-30)
    k = int((share.cumsum(0) < SHARE).sum().clamp(max=COMPONENTS - 1)) + 1
    k = min(max(k, 2), len(share))
    largest = rows[:k].gather(1, rows[:k].abs().argmax(1, keepdim=True))
    directions = (rows[:k] * largest.sign()).T
    missing = max(2 - k, 0)
    spread = scale[:k] / max(len(features) - 1, 1) ** 0.5
    return Axes(mean, _padded(directions, missing), _padded(spread, missing), _padded(share[:k], missing))


def unusualness(axes: Axes, shown: Tensor, train: Tensor) -> Tensor:
    """Distance of each shown object to its tenth-nearest training object, [n], where 1 is usual for training objects.

    Along the leading components, each in units of its spread over the training objects; after Sun et al. (2022,
    arXiv:2204.06507), who find the distance to the k-th neighbour to tell strange objects from known ones without an
    assumption on how the features are distributed.
    """
    spread = axes.spread.clamp(min=1e-6 * float(axes.spread.max()) + 1e-30)
    near, far = axes(train) / spread, axes(shown) / spread
    k = max(min(NEIGHBOURS, len(train) - 1), 1)
    usual = _neighbour(near, near, min(k + 1, len(train))).median()  # each is its own first neighbour
    return _neighbour(far, near, k) / usual.clamp(min=1e-12)


def typical(coordinates: Tensor, groups: np.ndarray, most: int, leave: np.ndarray) -> np.ndarray:
    """Places of at most so many objects nearest to the median of their group, the largest groups first, in turn.

    coordinates: [n, k]. groups: int [n]. leave: places not to choose.
    """
    names, counts = np.unique(groups, return_counts=True)
    queues = []
    for name in names[np.argsort(-counts, kind="stable")][:most]:
        places = np.flatnonzero(groups == name)
        own = coordinates[torch.from_numpy(places)]
        distance = (own - own.median(0).values).norm(dim=1).numpy()
        queues.append([p for p in places[np.argsort(distance, kind="stable")][: 2 * most] if p not in leave])
    turns = [queue[turn] for turn in range(most) for queue in queues if turn < len(queue)]
    return np.array(turns[:most], int)


def _neighbour(objects: Tensor, others: Tensor, k: int) -> Tensor:
    pieces = objects.split(PIECE)
    return torch.cat([torch.cdist(piece, others).kthvalue(k, dim=1).values for piece in pieces])


def _padded(values: Tensor, missing: int) -> Tensor:
    return torch.nn.functional.pad(values, (0, missing))
