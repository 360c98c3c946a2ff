"""CNN: takes 32 to 256 pixels, learns ten objects, every knob tells."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from starbolt.contract import Block
from starbolt.models import CNN


def images(objects: int = 10, channels: int = 2, height: int = 32, width: int = 32) -> Block:
    x = torch.randn(objects, channels, height, width)
    return Block(x, torch.ones_like(x, dtype=torch.bool))


def test_it_overfits_ten_objects():
    torch.manual_seed(0)
    block, y = images(), torch.arange(10) % 3
    encoder = CNN((2, 32, 32), width=8)
    head = nn.Linear(encoder.out_dim, 3)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(encoder(block)), y).backward()
        optimiser.step()
    assert (head(encoder.eval()(block)).argmax(1) == y).all()


@pytest.mark.parametrize(
    "shape",
    [(1, 32, 32), (3, 33, 33), (3, 63, 63), (5, 64, 64), (3, 88, 88), (1, 128, 96), (2, 255, 256), (12, 256, 256)],
)
def test_it_takes_every_size_and_any_number_of_channels(shape):
    encoder = CNN(shape, width=8).eval()
    answer = encoder(images(2, *shape))
    assert answer.shape == (2, encoder.out_dim)
    assert answer.isfinite().all()


@pytest.mark.parametrize("pixels", [32, 88, 256])
def test_every_pixel_reaches_the_answer(pixels):
    torch.manual_seed(0)
    block = images(1, 1, pixels, pixels)
    x = block.x.requires_grad_()
    CNN((1, pixels, pixels), width=8).eval()(block).square().sum().backward()
    assert (x.grad != 0).float().mean() > 0.99


@pytest.mark.parametrize("knob", [{"width": 16}, {"depth": 2}, {"stages": 2}, {"detail": 16}, {"dropout": 0.5}])
def test_every_knob_has_an_effect(knob):
    block, answers = images(), []
    for knobs in ({}, knob):
        torch.manual_seed(0)
        answers.append(CNN((2, 32, 32), **({"width": 8} | knobs))(block))
    assert answers[0].shape != answers[1].shape or not torch.allclose(*answers)


def test_out_dim_doubles_with_each_stage():
    assert [CNN((1, 32, 32), width=8, stages=stages).out_dim for stages in (1, 2, 3)] == [8, 16, 32]


def test_an_object_alone_gets_the_answer_that_it_gets_in_a_batch():
    block = images()
    encoder = CNN((2, 32, 32), width=8).eval()
    torch.testing.assert_close(encoder(Block(block.x[:1], block.mask[:1])), encoder(block)[:1])


def test_its_state_makes_the_same_network_again():
    block, encoder, other = images(), CNN((2, 32, 32), width=8), CNN((2, 32, 32), width=8)
    encoder(block)  # the running means of the batches are part of the state
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder.eval()(block), other.eval()(block))


def test_a_table_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"CNN takes images \[C, H, W\], not inputs of shape \(5,\): choose model=mlp"):
        CNN((5,))
    with pytest.raises(ValueError, match=r"choose model=gru$"):
        CNN((6, 620))
