"""randomness: after `restore` every generator draws what it drew after `states`."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from starbolt.endurance.randomness import restore, states

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _as_before():
    before = states(CPU)
    yield
    restore(before, CPU)


def draws() -> list[float]:
    """Some of each, normal ones among them: those are made in pairs, and the second waits in the state."""
    return [
        random.random(), random.gauss(0, 1), float(np.random.rand()), float(np.random.standard_normal()),
        *torch.rand(3).tolist(), *torch.randn(17).tolist(), *torch.randperm(5).tolist(),
    ]  # fmt: skip


@pytest.mark.parametrize("before", [0, 1, 2])
def test_what_is_drawn_after_a_state_is_drawn_again(before):
    for _ in range(before):
        draws()
    kept = states(CPU)
    first = draws()
    assert draws() != first
    restore(kept, CPU)
    assert draws() == first
    restore(kept, CPU)  # the states are not used up
    assert draws() == first


def test_the_second_of_a_pair_of_normal_draws_is_kept():
    random.gauss(0, 1)
    np.random.standard_normal()
    kept = states(CPU)
    first = random.gauss(0, 1), np.random.standard_normal()
    draws()
    restore(kept, CPU)
    assert (random.gauss(0, 1), np.random.standard_normal()) == first


def test_states_are_plain_enough_for_a_checkpoint(tmp_path):
    draws()
    torch.save({"random": [states(CPU)]}, tmp_path / "some.ckpt")
    first = draws()
    restore(torch.load(tmp_path / "some.ckpt", weights_only=True)["random"][0], CPU)
    assert draws() == first


def test_the_states_of_a_gpu_are_no_hindrance_where_there_is_none():
    kept = states(CPU) | {"device": torch.zeros(16, dtype=torch.uint8)}
    first = draws()
    restore(kept, CPU)
    assert draws() == first


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_draws_again_too():
    device = torch.device("cuda")
    kept = states(device)
    first = torch.rand(5, device=device).tolist()
    restore(kept, device)
    assert torch.rand(5, device=device).tolist() == first
