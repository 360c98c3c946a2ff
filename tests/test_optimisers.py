"""The short way to a fused Adam's kernel takes the steps of the long one, and is not taken where it could not."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from starbolt.optimisers import straight


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.SiLU(), nn.Linear(5, 1))


def trained(net, optimizer, step, *, steps=6, frozen=None):
    x = torch.randn(steps, 20, 3, generator=torch.Generator().manual_seed(1))
    for i in range(steps):
        optimizer.zero_grad()
        net(x[i]).square().mean().backward()
        if i == frozen:
            net[0].bias.grad = None
        optimizer.param_groups[0]["lr"] = 0.01 * (i + 1)
        step()
    return net.state_dict()


@pytest.mark.parametrize("frozen", [None, 2], ids=["all", "without a gradient once"])
@pytest.mark.parametrize(
    "make",
    [
        lambda p: AdamW(p, lr=0.01, weight_decay=0.1, fused=True),
        lambda p: Adam(p, lr=0.01, weight_decay=0.1, betas=(0.8, 0.9), eps=1e-4, fused=True),
        lambda p: Adam(p, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True, maximize=True, fused=True),
        lambda p: AdamW([{"params": [*p][:2], "lr": 0.1}, {"params": [*p][2:]}], fused=True),
    ],
    ids=["AdamW", "Adam", "decoupled", "two rates"],
)
def test_the_steps_are_the_same_bit_for_bit(make, frozen):
    one = network()
    other = copy.deepcopy(one)
    first, second = make(list(one.parameters())), make(list(other.parameters()))
    short = straight(second)
    assert short != second.step, "the kernel is called straight"
    mine, theirs = trained(one, first, first.step, frozen=frozen), trained(other, second, short, frozen=frozen)
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    states = first.state_dict()["state"], second.state_dict()["state"]
    assert all(torch.equal(states[0][i][key], states[1][i][key]) for i in states[0] for key in states[0][i])


@pytest.mark.parametrize(
    "make",
    [
        lambda p: SGD(p, lr=0.01, fused=True),
        lambda p: AdamW(p, lr=0.01),
        lambda p: AdamW(p, lr=0.01, amsgrad=True, fused=True),
        lambda p: AdamW(p, lr=torch.tensor(0.01), fused=True),
        lambda p: type("Mine", (AdamW,), {})(p, lr=0.01, fused=True),
    ],
    ids=["SGD", "not fused", "amsgrad", "rate as a tensor", "of one's own"],
)
def test_others_step_as_they_are(make):
    optimizer = make(list(network().parameters()))
    assert straight(optimizer) == optimizer.step


def test_who_waits_for_a_step_is_told_of_it():
    optimizer = AdamW(network().parameters(), fused=True)
    optimizer.register_step_post_hook(lambda *_: None)
    assert straight(optimizer) == optimizer.step


def test_doubles_step_as_they_are():
    optimizer = AdamW(network().double().parameters(), fused=True)
    assert straight(optimizer) == optimizer.step
