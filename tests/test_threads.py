"""Threads: as many as make a step fastest, and no number that is learnt hangs on the measuring."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import starbolt
from starbolt import threads
from starbolt.models import CNN
from starbolt.tasks import Classification


@pytest.fixture(autouse=True)
def as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("cost", "most", "wanted"),
    [
        (lambda n: 1 / n, 8, 8), (lambda n: 1 / n, 6, 6), (lambda n: 1.0 * n, 8, 1), (lambda n: 1.0, 8, 1),
        (lambda n: 1 / min(n, 4), 16, 4), (lambda n: 0.98**n, 4, 1), (lambda n: 1.0, 1, 1),
    ],
)  # fmt: skip
def test_as_many_as_are_fastest_and_no_core_for_nothing(cost, most, wanted, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(threads.time, "perf_counter", lambda: now[0])

    def step():
        now[0] += cost(torch.get_num_threads())

    assert threads.fastest(step, most) == wanted


def images():
    random = np.random.default_rng(0)
    stack = random.normal(size=(60, 1, 8, 8)).astype(np.float32)
    catalogue = {"row": np.arange(60), "kind": np.array(["a", "b"] * 30)}
    return starbolt.ImageDataModule(catalogue, stack=stack, target="kind", file="row", batch_size=8)


def test_measuring_changes_neither_network_nor_random_numbers(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    data = images()
    learner = starbolt.Learner.for_data(data, partial(CNN, width=4, stages=2, dropout=0.5), Classification)
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    torch.set_num_threads(2)
    found = threads.settled(None, learner, data, torch.device("cpu"))
    assert found == torch.get_num_threads() in (1, 2)
    assert torch.equal(torch.rand(4), wanted)
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())
    assert all(p.grad is None for p in learner.parameters())
    first, again = (next(iter(data.loader(data.parts["train"], shuffle=True, size=8))).row for _ in range(2))
    assert torch.equal(first, again)


def test_what_was_said_counts(monkeypatch):
    def measured(*_):
        raise AssertionError("nothing is to be measured")

    monkeypatch.setattr(threads, "fastest", measured)
    device = torch.device("cpu")
    assert threads.settled(2, None, None, device) is None
    assert torch.get_num_threads() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads.settled(None, None, None, device) is None
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads.settled(None, None, None, torch.device("cuda")) is None
    with pytest.raises(ValueError, match=r"threads=0 is not positive"):
        threads.settled(0, None, None, device)


def test_a_run_keeps_the_number_that_it_measured(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from starbolt import run

    monkeypatch.setattr(threads, "settled", lambda *_: 3)
    cfg = OmegaConf.create({"threads": None, "seed": 0})
    trainer = SimpleNamespace(world_size=1, strategy=SimpleNamespace(root_device=torch.device("cpu")))
    run.settle_threads(cfg, tmp_path, None, None, trainer)
    assert OmegaConf.load(tmp_path / "config.yaml").threads == 3
