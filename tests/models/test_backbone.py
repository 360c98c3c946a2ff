"""Backbone: torchvision's networks with any number of channels, from scratch, from a file, or from the network."""

from __future__ import annotations

from urllib.error import URLError

import pytest
import torch
import torchvision
from torch import nn

from starbolt.contract import Block
from starbolt.models import Backbone


def images(objects: int = 10, channels: int = 2, pixels: int = 32) -> Block:
    x = torch.randn(objects, channels, pixels, pixels)
    return Block(x, torch.ones_like(x, dtype=torch.bool))


def test_it_overfits_ten_objects():
    torch.manual_seed(0)
    block, y = images(), torch.arange(10) % 3
    encoder = Backbone((2, 32, 32), name="shufflenet_v2_x0_5")
    head = nn.Linear(encoder.out_dim, 3)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(30):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(head(encoder(block)), y)
        loss.backward()
        optimiser.step()
    assert loss < 0.1  # in training mode: running means of ten objects are poor


@pytest.mark.parametrize(
    ("name", "out_dim"), [("resnet18", 512), ("squeezenet1_1", 512), ("mnasnet0_5", 1280), ("shufflenet_v2_x0_5", 1024)]
)
def test_the_classes_are_cut_off_and_the_channels_fit(name, out_dim):
    encoder = Backbone((5, 64, 64), name=name).eval()
    assert encoder.out_dim == out_dim
    assert encoder(images(2, 5, 64)).shape == (2, out_dim)


def test_finding_out_dim_leaves_it_ready_to_train():
    encoder = Backbone((2, 32, 32))
    assert encoder.training
    assert encoder.network.bn1.num_batches_tracked == 0


def test_dropout_has_an_effect():
    block = images()
    encoder = Backbone((2, 32, 32), dropout=0.5)
    assert (encoder(block) == 0).float().mean() > 0.4


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A state dict with classes of its own, as another training leaves it."""
    file = tmp_path_factory.mktemp("weights") / "net.pt"
    torch.save(torchvision.models.resnet18(num_classes=7).state_dict(), file)
    return str(file)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_trained_weights_see_a_grey_image_as_before_in_any_number_of_channels(weights, channels):
    grey = torch.randn(2, 1, 32, 32)
    answers = []
    for count in (3, channels):
        encoder = Backbone((count, 32, 32), weights=weights).eval()
        x = grey.expand(-1, count, -1, -1)
        answers.append(encoder(Block(x, torch.ones_like(x, dtype=torch.bool))))
    torch.testing.assert_close(*answers, atol=1e-4, rtol=1e-4)


def test_a_random_start_differs_from_channel_to_channel():
    first = next(Backbone((6, 32, 32)).parameters())
    assert not torch.allclose(first[:, 0], first[:, 1])


def test_its_state_makes_the_same_network_again():
    block, encoder, other = images(), Backbone((2, 32, 32)), Backbone((2, 32, 32))
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder.eval()(block), other.eval()(block))


def test_a_missing_weights_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"there is no weights file model.weights=nowhere.pt"):
        Backbone((3, 32, 32), weights="nowhere.pt")


def test_weights_of_another_network_are_refused(weights):
    with pytest.raises(ValueError, match=r"net\.pt is not a state dict of the network that model.name names"):
        Backbone((3, 32, 32), name="resnet34", weights=weights)


def test_a_weights_file_runs_no_code(tmp_path):
    file = tmp_path / "evil.pt"
    torch.save(nn.Linear(1, 1), file)
    with pytest.raises(ValueError, match=r"evil\.pt is not a state dict"):
        Backbone((3, 32, 32), weights=str(file))


def test_without_a_network_the_way_out_is_named(monkeypatch):
    def refuse(*arguments, **options):
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(ValueError, match=r"resnet18 could not be downloaded .*model.weights=FILE"):
        Backbone((3, 32, 32), weights="DEFAULT")


@pytest.mark.parametrize(
    ("name", "pixels", "sentence"),
    [
        ("resnet81", 32, "no torchvision classifier model.name=resnet81.*resnet18"),
        ("googlenet", 32, "no torchvision classifier model.name=googlenet"),
        ("alexnet", 32, "alexnet cannot take images of 32x32 pixels"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(name, pixels, sentence):
    with pytest.raises(ValueError, match=sentence):
        Backbone((3, pixels, pixels), name=name)


def test_a_table_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"Backbone takes images \[C, H, W\], not inputs of shape \(5,\)"):
        Backbone((5,))
