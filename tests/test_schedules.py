"""Schedules: pure curves over the steps of a training, the same for every group of parameters."""

from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from starbolt.schedules import cosine, onecycle, plateau


def sgd() -> torch.optim.SGD:
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in (0.1, 1.0)]
    return torch.optim.SGD(groups, lr=1.0)


def curve(optimizer: torch.optim.Optimizer, scheduler: object, steps: int) -> torch.Tensor:
    """Learning rates [steps + 1, groups]."""
    rates = []
    for _ in range(steps + 1):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return torch.tensor(rates)


@pytest.mark.parametrize(("steps", "rise"), [(100, 0.3), (37, 0.25), (8, 0.5)])
def test_onecycle_is_that_of_torch(steps, rise):
    ours, theirs = sgd(), sgd()
    mine = curve(ours, onecycle(ours, steps, rise=rise), steps)
    wanted = OneCycleLR(theirs, max_lr=[0.1, 1.0], total_steps=steps + 1, pct_start=rise, cycle_momentum=False)
    torch.testing.assert_close(mine[:steps], curve(theirs, wanted, steps - 1), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("schedule", [cosine, onecycle])
@pytest.mark.parametrize("steps", [2, 3, 50])
def test_a_curve_stays_within_the_rate_and_ends_near_zero(schedule, steps):
    optimizer = sgd()
    rates = curve(optimizer, schedule(optimizer, steps), steps)
    assert (rates > -1e-9).all()
    assert (rates <= torch.tensor([0.1, 1.0]) * (1 + 1e-6)).all()
    assert (rates[-1] < 1e-3).all()


def test_the_plateau_waits_for_the_validation_loss():
    optimizer = sgd()
    scheduler = plateau(optimizer, 10, factor=0.5, patience=1)
    for loss in (1.0, 1.0, 1.0):
        scheduler.step(loss)
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.5]
