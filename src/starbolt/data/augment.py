"""Augmentation of whole training batches, on the device: what the sky could as well have shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from starbolt.contract import Block
from starbolt.data.cuts import detected


class Augment(Protocol):
    """A training Block -> another that keeps its label."""

    def __call__(self, block: Block) -> Block: ...


class TableAugment:
    """For tables [B, C].

    noise: adds Gaussian noise of so many times the errors to what was measured; limits stay.
    """

    def __init__(self, *, noise: float = 0.0) -> None:
        self.noise = noise

    def __call__(self, block: Block) -> Block:
        if not self.noise or block.err is None:
            return block
        sure = block.mask if block.limit is None else block.mask & ~block.limit
        return block._replace(x=block.x + self.noise * block.err * torch.randn_like(block.x) * sure)


class ImageAugment:
    """For images [B, C, H, W].

    symmetries: one of the eight symmetries of the square per image (four where it is not square).
    shift: up to so many pixels along each axis; what comes in from outside is unmeasured.
    noise: adds Gaussian noise of so many times the error plane; without one, of the image's own pixel-to-pixel scatter.
    """

    def __init__(self, *, symmetries: bool = True, shift: int = 0, noise: float = 0.0) -> None:
        self.symmetries, self.shift, self.noise = symmetries, shift, noise

    def __call__(self, block: Block) -> Block:
        if self.symmetries:
            block = _symmetry(block)
        if self.shift:
            block = _shifted(block, self.shift)
        if self.noise:
            err = block.err if block.err is not None else pixel_scatter(block.x, block.mask)
            block = block._replace(x=block.x + self.noise * err * torch.randn_like(block.x) * block.mask)
        return block


class SeriesAugment:
    """For series [B, C, T].

    early: share of the series that end at a random one of their points, the first detection or a later one, drawn anew
    each time, the number of points from the first detection on evenly in its logarithm. drop: fraction of the points
    left out, drawn anew too. noise: adds Gaussian noise of so many times the errors.
    absolute: channel 0 is a place (wavelength, phase), which stays, not a time since the first point.
    least: per channel, what is a detection, see `cuts.least_of`; None: any measured point that is no limit.
    """

    def __init__(self, *, early: float = 0.0, drop: float = 0.0, noise: float = 0.0, absolute: bool = False) -> None:
        self.early, self.drop, self.noise, self.absolute = early, drop, noise, absolute
        self.least: Sequence[float] | None = None

    def __call__(self, block: Block) -> Block:
        if self.early:
            block = _ended(block, self.early, self.least or (float("-inf"),) * (block.x.shape[1] - 1))
        if self.drop:
            block = _dropped(block, self.drop, self.absolute)
        if self.noise and block.err is not None:
            block = block._replace(x=block.x + self.noise * block.err * torch.randn_like(block.x) * block.mask)
        return block


def oriented(x: Tensor, symmetry: int) -> Tensor:
    """Images [..., H, W] under one of the eight symmetries of the square, numbered 0 (as they are) to 7."""
    x = x.flip(-1) if symmetry & 1 else x
    x = x.flip(-2) if symmetry & 2 else x
    return x.transpose(-1, -2) if symmetry & 4 else x


def turned(block: Block, symmetry: int) -> Block:
    """An image block under one of the eight symmetries."""
    return _planes(block, lambda p: p if p is None or p.shape[-1] == 1 else oriented(p, symmetry))


def pixel_scatter(x: Tensor, mask: Tensor) -> Tensor:
    """Robust pixel-to-pixel noise of images [B, C, H, W], as [B, C, 1, 1]: from differences of measured neighbours."""
    seen = torch.where(mask, x, torch.nan)
    steps = (seen[..., 1:] - seen[..., :-1]).abs().flatten(2)
    return (steps.nanmedian(-1).values.nan_to_num(0.0) / (0.6745 * 2**0.5))[..., None, None]


def _symmetry(block: Block) -> Block:
    square = block.x.shape[-1] == block.x.shape[-2]
    choice = torch.randint(8 if square else 4, (len(block.x), 1, 1, 1), device=block.x.device)

    def turn(plane: Tensor | None) -> Tensor | None:
        if plane is None or plane.shape[-1] == 1:
            return plane
        plane = torch.where((choice & 1) > 0, plane.flip(-1), plane)
        plane = torch.where((choice & 2) > 0, plane.flip(-2), plane)
        return torch.where((choice & 4) > 0, plane.transpose(-1, -2), plane) if square else plane

    return _planes(block, turn)


def _shifted(block: Block, most: int) -> Block:
    b, _, height, width = block.x.shape
    step = torch.randint(-most, most + 1, (2, b, 1), device=block.x.device)
    down = torch.arange(height, device=block.x.device) + step[0]
    along = torch.arange(width, device=block.x.device) + step[1]
    inside = ((down >= 0) & (down < height))[:, :, None] & ((along >= 0) & (along < width))[:, None]
    pick = (down.clamp(0, height - 1)[:, :, None] * width + along.clamp(0, width - 1)[:, None]).flatten(1)

    def move(plane: Tensor | None) -> Tensor | None:
        if plane is None:
            return None
        full = plane.expand(-1, plane.shape[1], height, width)
        moved = full.flatten(2).gather(2, pick[:, None].expand(-1, full.shape[1], -1)).view(full.shape)
        return moved & inside[:, None] if moved.dtype == torch.bool else moved * inside[:, None]

    return _planes(block, move)


def _ended(block: Block, share: float, least: Sequence[float]) -> Block:
    """Some of the series cut behind a random point from the first detection on."""
    assert block.length is not None
    b, _, steps = block.x.shape
    x, mask, err, limit = (None if p is None else p[:, 1:].transpose(1, 2) for p in block[:4])
    assert x is not None
    assert mask is not None
    seen = detected(x, mask, err, limit, least).any(2)
    first = seen.int().argmax(1)  # 0, the first point, where nothing was detected
    chance, most = torch.rand(2, b, device=x.device), (block.length - first).clamp(min=1)
    length = torch.where(chance[0] < share, first + (most ** chance[1]).long(), block.length).minimum(block.length)
    inside = torch.arange(steps, device=x.device) < length[:, None]
    return _planes(block, lambda p: None if p is None else p * inside[:, None])._replace(length=length)


def _dropped(block: Block, fraction: float, absolute: bool) -> Block:
    assert block.length is not None
    b, _, steps = block.x.shape
    chance = torch.rand(b, steps, device=block.x.device)
    inside = torch.arange(steps, device=block.x.device) < block.length[:, None]
    keep = inside & ((chance > fraction) | (chance == chance.masked_fill(~inside, -1).amax(1, keepdim=True)))
    order = torch.argsort(~keep, dim=1, stable=True)
    length = keep.sum(1)
    inside = torch.arange(steps, device=block.x.device) < length[:, None]

    def take(plane: Tensor | None) -> Tensor | None:
        if plane is None:
            return None
        taken = plane.gather(2, order[:, None].expand(-1, plane.shape[1], -1))
        return taken & inside[:, None] if taken.dtype == torch.bool else taken * inside[:, None]

    kept = _planes(block, take)
    if absolute:
        return kept._replace(length=length)
    since = (kept.x[:, :1] - kept.x[:, :1, :1]) * inside[:, None]
    return kept._replace(x=torch.cat([since, kept.x[:, 1:]], 1), length=length)


def _planes(block: Block, change: Callable[[Tensor | None], Tensor | None]) -> Block:
    x, mask = change(block.x), change(block.mask)
    assert x is not None
    assert mask is not None
    return Block(x, mask, change(block.err), change(block.limit), block.length)
