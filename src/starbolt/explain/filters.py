"""The filters of a network's first convolution, and its answers to chosen images."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from starbolt.contract import Block, InputSpec
from starbolt.explain.answer import feature
from starbolt.learner import Learner

FILTERS = 64  # kept of the first layer, strongest first
MAPS = 6  # filters whose answers are kept
SIDE = 32  # pixels along the longer side of an answer that is kept


def first_convolution(encoder: nn.Module) -> nn.Conv2d | None:
    """The first of an encoder's two-dimensional convolutions; None where there is none."""
    return next((layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)), None)


@torch.no_grad()
def first_layer(learner: Learner, name: str, block: Block) -> dict[str, np.ndarray]:
    """Filters [F, C, k, k], strongest first, the names of their channels [C], and answers to n images.

    maps: [n, M, h, w], the convolution's sums before normalisation and activation, of the M filters `maps_filter` whose
    answers vary most over the images.
    """
    layer = first_convolution(learner.encoder.encoders[name])
    assert layer is not None
    weight = layer.weight.detach().float().cpu()
    order = weight.flatten(1).norm(dim=1).argsort(descending=True)[:FILTERS]
    maps = _answers(learner, name, block, layer)[:, order]
    varied = maps.transpose(0, 1).flatten(1).std(1).argsort(descending=True)[:MAPS]
    return {
        "filters": weight[order].numpy(),
        "channels": np.array(_named(learner, name, weight.shape[1])),
        "maps": _small(maps[:, varied]).numpy().astype(np.float32),
        "maps_filter": varied.numpy(),
    }


def channel_names(about: InputSpec) -> tuple[str, ...]:
    """What the channels of a standardised image are, in the order of `Standardise`."""
    bands = about.channels
    names = list(bands) if about.scaling in ("global", "both") else []
    if about.scaling in ("object", "both"):
        own = [f"{band} by its own scale" for band in bands] if names else list(bands)
        names += [*own, *(f"level of {band}" for band in bands), *(f"scale of {band}" for band in bands)]
    names += [f"error of {band}" for band in bands] if about.err_mean else []
    names += [f"limit of {band}" for band in bands] if about.limits else []
    return (*names, "mask") if any(about.missing) else tuple(names)


def _named(learner: Learner, name: str, channels: int) -> tuple[str, ...]:
    names = channel_names(learner.spec.inputs[name])
    return names if len(names) == channels else tuple(f"input {i + 1}" for i in range(channels))


def _answers(learner: Learner, name: str, block: Block, layer: nn.Conv2d) -> Tensor:
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda module, inputs, out: seen.append(out.detach().clone()))
    try:
        feature(learner, name, block)
    finally:
        handle.remove()
    return seen[0].float().cpu()


def _small(maps: Tensor) -> Tensor:
    height, width = maps.shape[2:]
    factor = max(1.0, max(height, width) / SIDE)
    return F.adaptive_avg_pool2d(maps, (round(height / factor), round(width / factor)))
