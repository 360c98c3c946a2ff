"""One batch goes the whole way of a run; where it cannot, the stop that it fails at says why."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from starbolt.compose import compose
from starbolt.doctor import walk as module
from starbolt.doctor.walk import Timed, walked

STOPS = ["data", "split", "audit", "network", "step", "checkpoint", "speed", "batch size"]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.05)


def told(words):
    return {finding.what: finding for finding in walked(compose(words)) if finding.what != "note"}


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
def test_a_sound_start_has_no_fault(words, model):
    found = told(words(model))
    assert list(found) == STOPS
    assert {finding.state for finding in found.values()} == {"ok"}
    assert "parameters" in found["network"].told
    assert "an epoch in about" in found["speed"].told


def test_a_leak_is_a_fault_with_its_way_out(tmp_path):
    x = np.random.default_rng(0).normal(size=(400, 3))
    columns = {"id": np.arange(400), "a": x[:, 0], "b": x[:, 1], "z_copy": x[:, 2], "z": x[:, 2]}
    pq.write_table(pa.table(columns), tmp_path / "cat.parquet")
    words = ["data=table", f"data.path={tmp_path}/cat.parquet", "data.id=id", "data.target=z", f"data.cache={tmp_path}"]
    found = told([*words, "model=mlp", "task=regression", "trainer=cpu"])
    assert found["audit"].state == "fault"
    assert "z_copy" in found["audit"].told
    assert list(found) == STOPS, "the rest is looked at all the same"


def test_a_network_that_says_nothing_is_a_fault(words, monkeypatch):
    import torch

    from starbolt.models import MLP

    monkeypatch.setattr(MLP, "forward", lambda self, block: torch.full((len(block.x), self.out_dim), torch.nan))
    found = told(words("mlp"))
    assert found["step"].state == "fault"
    assert "no number" in found["step"].told


def test_an_error_on_the_way_is_a_fault_and_the_end(words, monkeypatch):
    from starbolt.models import MLP

    def breaks(self, block):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(MLP, "forward", breaks)
    found = told(words("mlp"))
    assert list(found)[-1] == "train"
    assert found["train"].told == "mat1 and mat2 shapes cannot be multiplied"


def test_a_larger_batch_is_named_where_it_is_faster(words, monkeypatch):
    monkeypatch.setattr(module.Walk, "_timed", lambda self, size: Timed(1e-4, 1e-2, 0))  # a step costs the same
    found = told([*words("mlp"), "data.batch_size=8"])["batch size"].told
    assert "data.batch_size=" in found
    assert "times as fast as 8" in found


@pytest.mark.parametrize(
    ("timed", "device", "pace"),
    [
        (Timed(2.0, 1.0, 5), "cuda", "the disk"),
        (Timed(2.0, 1.0, 0), "cuda", "reading and gathering"),
        (Timed(1.0, 2.0, 5), "cuda", "the GPU"),
        (Timed(1.0, 2.0, 0), "cpu", "computing on the CPU"),
    ],
)
def test_what_sets_the_pace(timed, device, pace):
    assert module._pace(timed, device).startswith(pace)
