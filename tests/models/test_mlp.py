"""MLP: learns ten objects, every knob tells, no object sees another."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from starbolt.contract import Block
from starbolt.models import MLP


def table(objects: int = 10, columns: int = 5) -> Block:
    x = torch.randn(objects, columns)
    return Block(x, torch.ones_like(x, dtype=torch.bool))


@pytest.mark.parametrize("knobs", [{}, {"norm": False}, {"depth": 4, "residual": True}])
def test_it_overfits_ten_objects(knobs):
    torch.manual_seed(0)
    block, y = table(), torch.arange(10) % 3
    encoder = MLP((5,), width=32, **knobs)
    head = nn.Linear(encoder.out_dim, 3)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(encoder(block)), y).backward()
        optimiser.step()
    assert (head(encoder(block)).argmax(1) == y).all()


@pytest.mark.parametrize(
    "knob", [{"width": 16}, {"depth": 3}, {"dropout": 0.5}, {"norm": False}, {"depth": 3, "residual": True}]
)
def test_every_knob_has_an_effect(knob):
    block, answers = table(), []
    for knobs in ({"depth": knob.get("depth", 2)} if "residual" in knob else {}, knob):
        torch.manual_seed(0)
        answers.append(MLP((5,), **knobs)(block))
    assert answers[0].shape != answers[1].shape or not torch.allclose(*answers)


def test_out_dim_is_the_width_of_the_answer():
    assert MLP((5,), width=16, depth=3)(table()).shape == (10, 16)


def test_no_hidden_layer_passes_the_columns_on():
    block = table()
    encoder = MLP((5,), depth=0)
    assert encoder.out_dim == 5
    assert torch.equal(encoder(block), block.x)


def test_an_object_alone_gets_the_answer_that_it_gets_in_a_batch_while_training():
    block = table()
    encoder = MLP((5,)).train()
    torch.testing.assert_close(encoder(Block(block.x[:1], block.mask[:1])), encoder(block)[:1])


def test_its_state_makes_the_same_network_again():
    block, encoder, other = table(), MLP((5,)), MLP((5,))
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder(block), other(block))


def test_an_image_is_refused_in_one_sentence():
    with pytest.raises(
        ValueError, match=r"MLP takes tables \[C\], not inputs of shape \(3, 32, 32\): choose model=cnn"
    ):
        MLP((3, 32, 32))
    with pytest.raises(ValueError, match=r"choose model=gru$"):
        MLP((6, 620))
