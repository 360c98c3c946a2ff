"""Permutation importance: how much worse a network gets where one column tells it of another object."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from starbolt.contract import Batch, Block
from starbolt.data.feed import to_device
from starbolt.data.module import ObjectDataModule
from starbolt.explain.answer import answer, encoded, feature, sample
from starbolt.learner import Learner

ROWS = {"table": 2_000, "series": 1_000, "image": 500}  # validation rows, by the slowest of the modalities
COLUMNS = 100
REPEATS = 5


@torch.no_grad()
def permutation_importance(
    learner: Learner, data: ObjectDataModule, name: str, device: torch.device
) -> dict[str, np.ndarray]:
    """Rise of the mean loss per object, [REPEATS, C], when a column is shuffled among objects of the validation part.

    A column's value, mask, error and limit are shuffled together, the other columns and modalities stay (Breiman 2001,
    doi:10.1023/A:1010933404324; Fisher et al. 2019, arXiv:1801.01489). Test rows are never used: what is learnt from
    the figure would leak into the next network.

    Also `loss` of the unshuffled rows, their number `rows`, and per column its strongest rank correlation `rho` with
    another, `partner`.
    """
    rows = sample(data.parts["val"], _most(learner))
    parts = {key: part.to(device) for key, part in encoded(learner, data, rows, device).items()}
    row, y, weight = (torch.from_numpy(values) for values in (rows, data.y[rows], data.weight[rows]))
    truth = to_device(Batch({name: data.sources[name].gather(row)}, y, weight, row), device)
    block = truth.inputs[name]
    whole = _losses(learner, parts, truth)
    random = torch.Generator().manual_seed(0)
    shown = min(COLUMNS, block.x.shape[1])
    rise = torch.zeros(REPEATS, shown)
    for repeat in range(REPEATS):
        for column in range(shown):
            order = torch.randperm(len(rows), generator=random).to(device)
            parts_now = {**parts, name: feature(learner, name, _shuffled(block, column, order))}
            rise[repeat, column] = (_losses(learner, parts_now, truth) - whole).nanmean()
    rho, partner = strongest(torch.where(block.mask, block.x, torch.nan)[:, :shown].cpu().numpy())
    channels = np.array(learner.spec.inputs[name].channels[:shown])
    told = {"channels": channels, "rho": rho, "partner": partner, "loss": np.array(float(whole.nanmean()))}
    return {"rise": rise.numpy(), **told, "rows": np.array(len(rows))}


def strongest(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest rank correlation (by size) of each column of x [n, C] with another, and which, [C]; NaN, -1: none."""
    ranks = np.stack([_ranks(column) for column in x.T], 1)
    length = np.linalg.norm(ranks, axis=0)
    rho = ranks.T @ ranks / np.maximum(np.outer(length, length), 1e-12)
    np.fill_diagonal(rho, 0.0)
    if len(rho) < 2:
        return np.full(len(rho), np.nan), np.full(len(rho), -1)
    partner = np.abs(rho).argmax(1)
    return rho[np.arange(len(rho)), partner], partner


def _ranks(column: np.ndarray) -> np.ndarray:
    """Ranks about their mean; equal values share theirs, and what is unmeasured has the mean."""
    seen = np.isfinite(column)
    _, place, counts = np.unique(column[seen], return_inverse=True, return_counts=True)
    ranks = np.zeros(len(column))
    ranks[seen] = (np.cumsum(counts) - (counts - 1) / 2)[place] - (seen.sum() + 1) / 2
    return ranks


def _most(learner: Learner) -> int:
    return min(ROWS[about.kind] for about in learner.spec.inputs.values())


def _losses(learner: Learner, parts: dict[str, Tensor], truth: Batch) -> Tensor:
    return learner.task.losses(answer(learner, parts), truth).float().cpu()


def _shuffled(block: Block, column: int, order: Tensor) -> Block:
    """The block [B, C] with one column as other objects have it."""

    def shuffled(plane: Tensor | None) -> Tensor | None:
        if plane is None:
            return None
        plane = plane.clone()
        plane[:, column] = plane[order, column]
        return plane

    x, mask = shuffled(block.x), shuffled(block.mask.expand_as(block.x))
    assert x is not None
    assert mask is not None
    return Block(x, mask, shuffled(block.err), shuffled(block.limit))
