"""Plain tensors as an exported file takes them, and the Blocks that they stand for.

Per modality NAME: `NAME` float32 [B, C], [B, C, H, W] or [B, C, T] in physical units, NaN where unmeasured; `NAME_err`
like it, one sigma, where the training data had errors; `NAME_limit` bool, where they had limits. Channel 0 of a series
says when (or where) each point was measured, and is NaN behind the last point.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from starbolt.contract import Block, InputSpec, Spec

Tensors = dict[str, Tensor]


def names(spec: Spec) -> tuple[str, ...]:
    """Of all tensors that a network takes."""
    return tuple(name for modality, about in spec.inputs.items() for name in _names(modality, about))


def blocks(spec: Spec, tensors: Mapping[str, Tensor]) -> dict[str, Block]:
    """The Blocks, see `contract`, of plain tensors."""
    return {name: _block(about, *_planes(name, about, tensors)) for name, about in spec.inputs.items()}


def plain(spec: Spec, inputs: Mapping[str, Block], more: int = 0) -> Tensors:
    """The inverse of `blocks`; series are padded by so many points more."""
    found: Tensors = {}
    for name, about in spec.inputs.items():
        block = inputs[name]
        x = torch.where(block.mask, block.x, torch.nan)
        err = torch.where(_or_zeros(block.err, x) > 0, _or_zeros(block.err, x), torch.nan)
        limit = _or_zeros(block.limit, x).bool()
        planes = {name: x, f"{name}_err": err, f"{name}_limit": limit}
        kept = {key: planes[key] for key in _names(name, about)}
        found |= {k: _longer(v, more) if about.kind == "series" else v for k, v in kept.items()}
    return found


def shapes(spec: Spec) -> dict[str, dict[int, str]]:
    """Of each tensor the axes that have any length, and what these are called."""
    found: dict[str, dict[int, str]] = {}
    for modality, about in spec.inputs.items():
        axes = {0: "objects"} | ({2: f"{modality}_points"} if about.kind == "series" else {})
        found |= dict.fromkeys(_names(modality, about), axes)
    return found


def _names(modality: str, about: InputSpec) -> tuple[str, ...]:
    more = {"_err": bool(about.err_mean), "_limit": about.limits}
    return (modality, *(f"{modality}{ending}" for ending, there in more.items() if there))


def _planes(name: str, about: InputSpec, tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None, Tensor | None]:
    return tensors[name], tensors.get(f"{name}_err"), tensors.get(f"{name}_limit")


def _block(about: InputSpec, x: Tensor, err: Tensor | None, limit: Tensor | None) -> Block:
    mask, length = torch.isfinite(x), None
    if about.kind == "series":
        inside = mask[:, :1]
        mask, length = mask & inside, inside.sum((1, 2))
        if about.axis == "time":
            x = torch.cat([x[:, :1] - x[:, :1, :1], x[:, 1:]], 1)  # since the first point, whatever the zero was
    known = mask if about.kind != "series" else torch.cat([torch.zeros_like(mask[:, :1]), mask[:, 1:]], 1)
    if err is not None:
        err = torch.where(known & torch.isfinite(err), err, 0.0)
    return Block(torch.where(mask, x, 0.0), mask, err, None if limit is None else limit & known, length)


def _or_zeros(plane: Tensor | None, x: Tensor) -> Tensor:
    return torch.zeros_like(x) if plane is None else plane


def _longer(plane: Tensor, more: int) -> Tensor:
    padding = torch.nan if plane.is_floating_point() else False
    return torch.nn.functional.pad(plane, (0, more), value=padding)
