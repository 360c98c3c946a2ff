"""Fusion: features side by side, each modality through its own encoder, an absent one harmless."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from starbolt.contract import Block
from starbolt.models import CNN, GRU, MLP, Fusion

SHAPE = {"table": (5,), "image": (1, 32, 32), "series": (3, 9)}
ENCODERS = {
    "table": partial(MLP, width=8),
    "image": partial(CNN, width=4),
    "series": partial(GRU, width=6),
}


def inputs(objects: int = 10) -> dict[str, Block]:
    blocks = {}
    for name, shape in SHAPE.items():
        x = torch.randn(objects, *shape)
        blocks[name] = Block(x, torch.ones_like(x, dtype=torch.bool))
    blocks["series"] = blocks["series"]._replace(length=torch.full((objects,), 9))
    return blocks


def test_it_overfits_ten_objects():
    torch.manual_seed(0)
    blocks, y = inputs(), torch.arange(10) % 3
    encoder = Fusion(SHAPE, ENCODERS)
    head = nn.Linear(encoder.out_dim, 3)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(encoder(blocks)), y).backward()
        optimiser.step()
    assert (head(encoder(blocks)).argmax(1) == y).all()


def test_the_answer_is_that_of_each_encoder_side_by_side():
    blocks, encoder = inputs(), Fusion(SHAPE, ENCODERS).eval()
    alone = [encoder.encoders[name](blocks[name]) for name in SHAPE]
    assert torch.equal(encoder(blocks), torch.cat(alone, 1))
    assert encoder.out_dim == encoder(blocks).shape[1] == 8 + 16 + 18


def test_the_order_in_which_a_batch_brings_its_modalities_does_not_matter():
    blocks, encoder = inputs(), Fusion(SHAPE, ENCODERS).eval()
    assert torch.equal(encoder(blocks), encoder(dict(reversed(blocks.items()))))


def test_an_absent_modality_is_a_constant_that_leaves_the_others_alone():
    blocks, encoder = inputs(3), Fusion(SHAPE, ENCODERS).eval()
    for name, block in blocks.items():
        length = None if block.length is None else torch.zeros_like(block.length)
        absent = Block(torch.zeros_like(block.x), torch.zeros_like(block.mask), length=length)
        answer = encoder(blocks | {name: absent})
        changed = (answer != encoder(blocks)).any(0)
        assert answer.isfinite().all()
        torch.testing.assert_close(answer[:1, changed].expand(3, -1), answer[:, changed])
        assert 0 < changed.sum() <= encoder.encoders[name].out_dim


def test_its_state_makes_the_same_network_again():
    blocks, encoder, other = inputs(), Fusion(SHAPE, ENCODERS), Fusion(SHAPE, ENCODERS)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder.eval()(blocks), other.eval()(blocks))


def test_encoders_named_otherwise_than_the_data_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"the data bring image, table but model.encoders has images, table; give one"):
        Fusion({"table": (5,), "image": (1, 32, 32)}, {"table": MLP, "images": CNN})
