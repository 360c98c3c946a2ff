"""Errors, limits and vectors of a table reach the network, and noise of the size of the errors its training rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from starbolt.data import TableDataModule
from starbolt.standardise import Standardise

RNG = np.random.default_rng(6)
N = 60
SOURCE = {
    "flux": RNG.normal(size=(N, 3)),
    "g": np.where(np.arange(N) % 5 == 0, np.nan, RNG.normal(20, 1, N)),
    "err_g": RNG.uniform(0.1, 0.2, N),
    "flag": np.arange(N) % 3 == 0,
    "z": RNG.uniform(size=N),
}


def opened(tmp_path: Path, **words: Any) -> TableDataModule:
    data = TableDataModule(SOURCE, target="z", cache=str(tmp_path), **words)
    data.open("quantity")
    return data


def test_errors_and_limits_reach_the_network(tmp_path: Path) -> None:
    data = opened(tmp_path, errors={"g": "err_g"}, limits={"g": "flag"})
    about = data.spec.inputs["table"]
    assert about.channels == ("flux_0", "flux_1", "flux_2", "g")
    assert about.limits
    block = next(iter(data.predict_dataloader())).inputs["table"]
    assert block.err is not None
    assert block.limit is not None
    seen = np.isfinite(SOURCE["g"])
    assert np.array_equal(block.err[:, 3].numpy(), np.where(seen, SOURCE["err_g"], 0).astype(np.float32))
    assert np.array_equal(block.limit[:, 3].numpy(), SOURCE["flag"] & seen)
    network = Standardise(about)
    out = network(block)
    assert out.x.shape == (N, *network.shape)
    assert torch.isfinite(out.x).all()
    changed = network(block._replace(limit=~block.limit, err=2 * block.err))
    assert not torch.equal(out.x, changed.x)


def test_an_excluded_vector_or_element_is_no_feature(tmp_path: Path) -> None:
    data = opened(tmp_path, exclude=["flux", "flag"])
    assert data.spec.inputs["table"].channels == ("g", "err_g")
    with pytest.raises(ValueError, match=r"data.exclude names 'fluxx'"):
        opened(tmp_path, exclude=["fluxx"])


def test_noise_is_that_of_the_errors(tmp_path: Path) -> None:
    torch.manual_seed(0)
    data = opened(tmp_path, errors={"g": "err_g"}, limits={"g": "flag"}, noise=1.0)
    block = next(iter(data.predict_dataloader())).inputs["table"]
    assert block.limit is not None
    moved = torch.stack([data.augment["table"](block).x for _ in range(2000)]) - block.x
    sure = (block.mask & ~block.limit)[:, 3]
    assert (moved[:, :, :3] == 0).all()
    assert (moved[:, ~sure] == 0).all()
    np.testing.assert_allclose(moved[:, sure, 3].std(0), SOURCE["err_g"][sure.numpy()], rtol=0.1)
    with pytest.raises(ValueError, match=r"data.noise=1.0 is in units of the errors; name them with data.errors="):
        TableDataModule(SOURCE, target="z", noise=1.0)


@pytest.mark.parametrize("word", ["zero", "errors", "limits", "asinh_magnitudes"])
def test_a_list_where_pairs_are_needed_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=rf"data.{word}=\['g'\] pairs nothing; say .* as in {{"):
        TableDataModule(SOURCE, target="z", **{word: ["g"]})
