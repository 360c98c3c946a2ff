"""Grad-CAM: where in an image a network finds what speaks for its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from starbolt.contract import Block
from starbolt.explain.answer import drive, feature
from starbolt.learner import Learner

CELLS = 4  # along the shorter side: of coarser maps nobody learns where


def grad_cam(
    learner: Learner, name: str, inputs: dict[str, Block], parts: dict[str, Tensor], codes: Tensor
) -> tuple[Tensor, Tensor]:
    """What each place of the last convolutional map adds to the answer `codes`, [B, h, w]; empty where none is found.

    The map times the gradient of the answer (see `drive`), summed over its channels: Grad-CAM (Selvaraju et al. 2017,
    doi:10.1109/ICCV.2017.74) without its mean of the gradient over the map, which shows places that the answer does
    not depend on (Draelos & Carin 2020, arXiv:2011.08891). Where the last map is averaged, as in CNN and most
    backbones, the two are the same. Signed: where Grad-CAM cuts at zero, negative values speak against the answer.

    And how much of the answers hangs on each channel of the images, [C], sum 1: the mean size of gradient times
    deviation from the channel's median.

    parts: features of all modalities, of which those of `name` are found anew.
    """
    block = inputs[name]
    asked = block._replace(x=block.x.detach().clone().requires_grad_())  # also where all weights are frozen
    with torch.enable_grad(), watched(learner.encoder.encoders[name]) as maps:
        score = drive(learner, {**parts, name: feature(learner, name, asked)}, codes).sum()
        inward = torch.autograd.grad(score, asked.x, retain_graph=True)[0]
        chosen = _last(maps, block.x.shape[2:])
        slope = None if chosen is None else torch.autograd.grad(score, chosen, allow_unused=True)[0]
    share = _by_channel(inward, block.x)
    if chosen is None or slope is None:
        return torch.zeros(len(block.x), 0, 0), share
    return (chosen.detach() * slope).sum(1).float().cpu(), share


def _by_channel(inward: Tensor, x: Tensor) -> Tensor:
    away = x - x.flatten(2).median(2).values[..., None, None]
    share = (inward * away).abs().mean((0, 2, 3))
    return (share / share.sum().clamp(min=1e-30)).float().cpu()


@contextmanager
def watched(encoder: nn.Module) -> Iterator[list[Tensor]]:
    """Within it, what the encoder's layers give that may be a map [B, K, h, w], in their order."""
    maps: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, out: object) -> None:
        if isinstance(out, Tensor) and out.ndim == 4 and min(out.shape[2:]) > 1:
            maps.append(out)

    handles = [layer.register_forward_hook(keep) for layer in encoder.modules()]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def _last(maps: list[Tensor], sides: torch.Size) -> Tensor | None:
    """The last map of at least CELLS cells, else the largest; some networks put channels last in between."""
    fitting = [m for m in maps if m.requires_grad and _alike(m.shape[2:], sides)]
    fine = [m for m in fitting if min(m.shape[2:]) >= CELLS]
    return fine[-1] if fine else max(fitting, key=lambda m: m.shape[2:].numel(), default=None)


def _alike(sides: torch.Size, image: torch.Size) -> bool:
    """Whether a map has the proportions of the image."""
    ratio = (sides[0] / sides[1]) / (image[0] / image[1])
    return 2 / 3 < ratio < 3 / 2
