"""A few plain numbers per object: what a linear model is given to compete with a network."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from starbolt.contract import Block
from starbolt.data.sources import Source

CHUNK = 256  # objects gathered at once
GRID = 8  # blocks along each side of an image
LOOK = 32  # pixels along each side from which sky and noise are taken: medians are slow
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def simple_features(source: Source, rows: np.ndarray) -> np.ndarray:
    """Features float64 [n, F] of the given catalogue rows [n], NaN where unmeasured.

    table: the columns, and 1 where one is missing. image: see `image_features`. series: see `series_features`.
    """
    describe = {"table": table_features, "image": image_features, "series": series_features}[source.modality.kind]
    index = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64))
    return torch.cat([describe(source.gather(chunk)) for chunk in index.split(CHUNK)]).numpy()


def table_features(block: Block) -> Tensor:
    """The columns [B, C], then 1 where unmeasured [B, C]."""
    x, mask = block.x.double(), block.mask.expand_as(block.x)
    return torch.cat([x.masked_fill(~mask, torch.nan), (~mask).double()], 1)


def image_features(block: Block) -> Tensor:
    """Stretched block means on 8 x 8 per channel, and per channel the sky level and noise, [B, 66 C].

    The stretch is asinh((mean - median) / s) with s = 1.4826 MAD of the object's own measured pixels, of which a grid
    of about 32 x 32 is looked at: nothing is learnt.
    """
    mask = block.mask.expand_as(block.x)
    grid = (min(GRID, block.x.shape[2]), min(GRID, block.x.shape[3]))
    share = F.adaptive_avg_pool2d(mask.float(), grid)
    means = F.adaptive_avg_pool2d(block.x, grid) / share  # x is 0 where unmeasured; 0 / 0, hence NaN, for a whole block
    step = max(1, min(block.x.shape[2:]) // LOOK)
    sky, noise = _middle_and_scale(block.x.masked_fill(~mask, torch.nan)[:, :, ::step, ::step].flatten(2))
    stretched = torch.asinh((means.flatten(2) - sky) / noise)
    return torch.cat([stretched.flatten(1), _signed_log(sky[..., 0]), noise[..., 0].log10()], 1).double()


def series_features(block: Block) -> Tensor:
    """[B, 13 V + 2]: per value channel count (log10(1 + n)), mean, standard deviation, least, greatest, five quantiles,
    skewness and slope per unit of time, and the fraction missing; then the time span and the median time step."""
    mask = block.mask.expand_as(block.x)
    inside, time = mask[:, :1], block.x[:, :1].double()
    seen = mask[:, 1:]
    values = [_moments(block.x[:, 1:].double(), seen, time), _order_statistics(block.x[:, 1:].double(), seen)]
    missing = 1 - seen.sum(2) / inside.sum(2).clamp(min=1)
    return torch.cat([part.flatten(1) for part in values] + [missing.double(), _cadence(time[:, 0], inside[:, 0])], 1)


def _moments(x: Tensor, seen: Tensor, time: Tensor) -> Tensor:
    """Count, mean, standard deviation, skewness and slope of each channel, [B, V, 5]."""
    count = seen.sum(2)
    mean = (x * seen).sum(2) / count
    away = torch.where(seen, x - mean[..., None], 0.0)
    spread = (away.square().sum(2) / count).sqrt()
    skewness = (away**3).sum(2) / count / spread**3
    late = torch.where(seen, time - (time * seen).sum(2, keepdim=True) / count[..., None], 0.0)
    slope = (late * away).sum(2) / late.square().sum(2)
    return torch.stack([torch.log10(1 + count.double()), mean, spread, skewness, slope], 2)


def _order_statistics(x: Tensor, seen: Tensor) -> Tensor:
    """Least, greatest and the quantiles of each channel, [B, V, 7]."""
    x = x.masked_fill(~seen, torch.nan)
    probabilities = torch.tensor((0.0, 1.0, *QUANTILES), dtype=x.dtype)
    return torch.nanquantile(x, probabilities, dim=2).permute(1, 2, 0)


def _cadence(time: Tensor, inside: Tensor) -> Tensor:
    """Time span and median time step [B, 2], from times [B, T] that are sorted; NaN for fewer than two points."""
    steps = time.diff(dim=1).masked_fill(~inside[:, 1:], torch.nan)
    if steps.shape[1] == 0:
        return torch.full((len(time), 2), torch.nan, dtype=time.dtype)
    span = torch.where(inside.sum(1) > 1, (time * inside).amax(1), torch.nan)
    return torch.stack([span, steps.nanmedian(1).values], 1)


def _middle_and_scale(flat: Tensor) -> tuple[Tensor, Tensor]:
    """Median and 1.4826 MAD of [B, C, pixels], both [B, C, 1]; the scale is 1 where the MAD is 0."""
    middle = flat.nanmedian(2, keepdim=True).values
    scale = 1.4826 * (flat - middle).abs().nanmedian(2, keepdim=True).values
    return middle, torch.where(scale == 0, 1.0, scale)


def _signed_log(x: Tensor) -> Tensor:
    return x.sign() * x.abs().log1p()
