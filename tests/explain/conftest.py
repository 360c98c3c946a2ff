"""Small data, and learners made by hand, of which it is known what they look at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import starbolt
from starbolt.contract import Block
from starbolt.data import ObjectDataModule
from starbolt.data.splits import Column
from starbolt.learner import Learner

N = 60
PARTS = np.array(["train"] * 24 + ["val"] * 24 + ["test"] * 12)
NAMES = np.array([f"obj{i:02d}" for i in range(N)])
CPU = torch.device("cpu")


@pytest.fixture
def table() -> ObjectDataModule:
    """Columns a (half of them missing), b, c (nearly b) and d; the target is b."""
    random = np.random.default_rng(0)
    columns = {name: random.normal(size=N) for name in "abd"}
    columns["a"][::2] = np.nan
    columns["c"] = columns["b"] ** 3 + 1e-3 * random.normal(size=N)
    columns |= {"name": NAMES, "split": PARTS, "y": columns["b"]}
    return starbolt.TableDataModule(columns, target="y", id="name", split=Column(cal=0.0), features=list("abcd"))


@pytest.fixture
def images() -> Callable[..., ObjectDataModule]:
    """Noise in so many channels of 16 pixels, or more; two classes; other words are the data module's."""

    def make(channels: int = 1, side: int = 16, **words) -> ObjectDataModule:
        random = np.random.default_rng(0)
        catalogue = {"name": NAMES, "split": PARTS, "row": np.arange(N), "kind": np.array(["a", "b"] * (N // 2))}
        catalogue["z"] = random.normal(size=N)
        stack = random.normal(size=(N, channels, side, side)).astype(np.float32)
        common = {"id": "name", "file": "row", "split": Column(cal=0.0), "symmetries": False}
        return starbolt.ImageDataModule(catalogue, stack=stack, **{"target": "kind", **common, **words})

    return make


@pytest.fixture
def series() -> ObjectDataModule:
    """Series of 2 to 61 points in one band; two classes."""
    random = np.random.default_rng(0)
    lengths = np.arange(N) + 2
    points = {"name": np.repeat(NAMES, lengths), "mag": random.normal(20, 1, lengths.sum())}
    points |= {"mjd": np.concatenate([np.sort(random.uniform(0, 100, n)) for n in lengths])}
    points["err"] = random.uniform(0.01, 0.1, lengths.sum())
    objects = {"name": NAMES, "split": PARTS, "kind": np.array(["a", "b"] * (N // 2))}
    words = {"time": "mjd", "value": "mag", "error": "err", "target": "kind", "id": "name", "per_object": False}
    return starbolt.SeriesDataModule(points, objects=objects, split=Column(cal=0.0), **words)


class Reading(nn.Module):
    """An encoder that reads one number per object: what `look` makes of the standardised block, [B]."""

    def __init__(self, look: Callable[[Block], Tensor]) -> None:
        super().__init__()
        self.conv, self.look, self.out_dim = nn.Conv2d(1, 1, 1, bias=False), look, 1
        nn.init.ones_(self.conv.weight)

    def forward(self, block: Block) -> Tensor:
        if block.x.ndim == 4:
            block = block._replace(x=self.conv(block.x))
        return self.look(block)[:, None]


@pytest.fixture
def reading() -> Callable[..., Learner]:
    """(data, task, look) -> a learner whose first output is the number that `look` reads; the second is minus that."""

    def make(data: ObjectDataModule, task, look: Callable[[Block], Tensor]) -> Learner:
        learner = Learner(data.open(task.target), lambda shape: Reading(look), task)
        linear = learner.task.head[-1]
        nn.init.zeros_(linear.bias)
        with torch.no_grad():
            linear.weight[:] = torch.tensor([[1.0], [-1.0]])[: len(linear.weight)]
        return learner.eval()

    return make
