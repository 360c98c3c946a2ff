"""Any torchvision classifier as an encoder: first layer fitted to the channels, classes cut off, weights welcome."""

from __future__ import annotations

from difflib import get_close_matches

import torch
from torch import Tensor, nn

from starbolt.contract import Block

ANSWER_TWICE = {"googlenet", "inception_v3"}  # while training they return auxiliary classes beside the features


class Backbone(nn.Module):
    """A torchvision network without its last layer, [B, C, H, W] -> [B, out_dim].

    name: as torchvision lists them: resnet18, efficientnet_b0, convnext_tiny, ...
    weights: None for a random start, "DEFAULT" for those that torchvision downloads, or a file holding the state dict
        of this network. Where the channels are not three, the first layer starts from the mean over its three.
    dropout: of the features.

    Raises ValueError for an unknown name, images that the network cannot take, and weights that do not fit or do not
    arrive; FileNotFoundError where there is no such file.
    """

    def __init__(
        self, shape: tuple[int, ...], name: str = "resnet18", weights: str | None = None, dropout: float = 0.0
    ):
        super().__init__()
        if len(shape) != 3:
            fitting = "mlp" if len(shape) == 1 else "gru"
            raise ValueError(
                f"Backbone takes images [C, H, W], not inputs of shape {tuple(shape)}: choose model={fitting}"
            )
        self.network = _network(name, weights)
        _fit_channels(self.network, shape[0], trained=weights is not None)
        self.dropout = nn.Dropout(dropout)
        self.out_dim = _width(self.network, shape, name)

    def forward(self, block: Block) -> Tensor:
        return self.dropout(self.network(block.x))


def _network(name: str, weights: str | None) -> nn.Module:
    """The named network with its weights and without its classes."""
    import torchvision.models as zoo  # 3 s

    names = sorted(set(zoo.list_models(module=zoo)) - ANSWER_TWICE)
    if name not in names:
        near = ", ".join(get_close_matches(name, names)) or "resnet18, efficientnet_b0, convnext_tiny"
        raise ValueError(
            f"no torchvision classifier model.name={name} can serve here; choose from, for example, {near}"
        )
    if weights is None:
        return _cut(zoo.get_model(name))
    if weights != "DEFAULT":
        return _load(_cut(zoo.get_model(name)), weights)
    try:
        return _cut(zoo.get_model(name, weights=weights))
    except OSError as error:
        raise ValueError(
            f"the weights of {name} could not be downloaded ({error}); give a file, model.weights=FILE, "
            "or start without, model.weights=null"
        ) from error


def _cut(network: nn.Module) -> nn.Module:
    """The network with nothing in place of its last layer: linear, or in the SqueezeNets a convolution."""
    layers = [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    layers = layers or [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]
    network.set_submodule(layers[-1], nn.Identity())
    return network


def _load(network: nn.Module, file: str) -> nn.Module:
    """The network with the weights of a file, whose classes may be others than ImageNet's."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        own = network.state_dict()
        network.load_state_dict({key: state[key] for key in own})
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no weights file model.weights={file}") from None
    except Exception as error:  # what torch.load raises depends on what the file holds
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"model.weights={file} is not a state dict of the network that model.name names ({reason}); write one with "
            "torch.save(network.state_dict(), FILE)"
        ) from error
    return network


def _fit_channels(network: nn.Module, channels: int, trained: bool) -> None:
    """Give the first convolution `channels` inputs; a trained one's weights are averaged: grey images look the same."""
    name, old = next((name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d))
    if old.in_channels == channels:
        return
    new = nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    if trained:
        state = old.state_dict()
        state["weight"] = (state["weight"].sum(1, keepdim=True) / channels).expand_as(new.weight)
        new.load_state_dict(state)
    network.set_submodule(name, new)


def _width(network: nn.Module, shape: tuple[int, ...], name: str) -> int:
    """Features that the network gives for one image, found by trying."""
    try:
        with torch.no_grad():
            return int(network.eval()(torch.zeros(1, *shape)).shape[1])
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ValueError(
            f"{name} cannot take images of {shape[1]}x{shape[2]} pixels ({error}); give data.size=224, or another "
            "model.name such as resnet18"
        ) from error
    finally:
        network.train()
