"""GRU: blind to padding, causal unless bidirectional, learns ten objects, every knob tells."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from starbolt.contract import Block
from starbolt.models import GRU

BOTH = pytest.mark.parametrize("bidirectional", [False, True])


def series(length: list[int], channels: int = 4) -> Block:
    steps = torch.tensor(length)
    inside = torch.arange(max(length)) < steps[:, None, None]
    x = torch.where(inside, torch.randn(len(length), channels, max(length)), 0.0)
    return Block(x, inside, length=steps)


def cut(block: Block, row: int, steps: int) -> Block:
    """The first steps of one series, unpadded."""
    x = block.x[row : row + 1, :, :steps]
    return Block(x, torch.ones_like(x, dtype=torch.bool), length=torch.tensor([steps]))


@BOTH
def test_it_overfits_ten_objects(bidirectional):
    torch.manual_seed(0)
    block, y = series([7, 12, 3, 9, 12, 5, 6, 8, 4, 11]), torch.arange(10) % 3
    encoder = GRU((4, 12), width=16, bidirectional=bidirectional)
    head = nn.Linear(encoder.out_dim, 3)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=2e-2)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(encoder(block)), y).backward()
        optimiser.step()
    assert (head(encoder(block)).argmax(1) == y).all()


@BOTH
@pytest.mark.parametrize("depth", [1, 2])
def test_a_padded_series_gives_the_answer_that_it_gives_alone(bidirectional, depth):
    block = series([7, 12, 1, 9])
    encoder = GRU((4, 12), bidirectional=bidirectional, depth=depth)
    for row, steps in enumerate(block.length):
        torch.testing.assert_close(encoder(cut(block, row, int(steps)))[0], encoder(block)[row], atol=1e-6, rtol=0)


@BOTH
def test_what_stands_in_the_padding_is_never_read(bidirectional):
    block = series([7, 12])
    encoder = GRU((4, 12), bidirectional=bidirectional)
    rubbish = torch.where(block.mask, block.x, torch.nan)
    assert torch.equal(encoder(block), encoder(block._replace(x=rubbish)))


def test_the_second_reader_reads_each_series_backwards_within_its_own_length():
    ahead = series([7, 12])
    backwards = ahead.x.clone()
    for row, steps in enumerate(ahead.length):
        backwards[row, :, :steps] = ahead.x[row, :, :steps].flip(1)
    encoder = GRU((4, 12), bidirectional=True)
    encoder.readers[1].load_state_dict(encoder.readers[0].state_dict())
    first, second = encoder(ahead).chunk(2, dim=1)
    assert torch.equal(encoder(ahead._replace(x=backwards)), torch.cat([second, first], 1))
    assert not torch.allclose(first, second)


def test_a_series_cut_at_day_t_gives_the_answer_of_day_t_whatever_follows():
    block = series([12])
    encoder = GRU((4, 12))
    today = block._replace(length=torch.tensor([5]))
    other = block._replace(x=torch.cat([block.x[:, :, :5], torch.randn(1, 4, 7)], 2), length=torch.tensor([5]))
    assert torch.equal(encoder(today), encoder(other))
    assert not torch.allclose(encoder(today), encoder(block))


@BOTH
def test_an_empty_series_is_answered_with_zeros(bidirectional):
    block = series([7, 3])._replace(length=torch.tensor([7, 0]))
    assert (GRU((4, 12), bidirectional=bidirectional)(block)[1] == 0).all()


@pytest.mark.parametrize(
    "knob", [{"width": 16}, {"depth": 2}, {"dropout": 0.5}, {"depth": 2, "dropout": 0.5}, {"bidirectional": True}]
)
def test_every_knob_has_an_effect(knob):
    block, answers = series([7, 12]), []
    for knobs in ({}, knob):
        torch.manual_seed(0)
        answers.append(GRU((4, 12), **knobs)(block))
    assert answers[0].shape != answers[1].shape or not torch.allclose(*answers)


def test_its_state_makes_the_same_network_again():
    block, encoder, other = series([7, 12]), GRU((4, 12)), GRU((4, 12))
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder(block), other(block))


def test_a_table_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"GRU takes series \[C, T\], not inputs of shape \(5,\): choose model=mlp"):
        GRU((5,))
    with pytest.raises(ValueError, match=r"choose model=cnn$"):
        GRU((3, 32, 32))
