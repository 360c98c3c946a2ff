"""Where explanations touch a network: features by modality, what is answered to them, and what of it is explained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from starbolt.contract import Batch, Block
from starbolt.data.feed import to_device
from starbolt.data.module import ObjectDataModule
from starbolt.learner import Learner

LEAST = 1e-30  # probability below which log odds stay as they are


def feature(learner: Learner, name: str, block: Block) -> Tensor:
    """Features [B, D] of one modality."""
    return learner.encoder.encoders[name](learner.standardise[name](block))


def features(learner: Learner, inputs: Mapping[str, Block]) -> dict[str, Tensor]:
    """Features [B, D] of each modality, in the order in which the task reads them."""
    return {name: feature(learner, name, inputs[name]) for name in learner.encoder.encoders}


def answer(learner: Learner, parts: Mapping[str, Tensor]) -> Tensor:
    """What the task's head says, [B, outputs], to the features of all modalities."""
    return learner.task(torch.cat(list(parts.values()), 1))


def told(learner: Learner, parts: Mapping[str, Tensor], codes: Tensor) -> Tensor:
    """The probability of class `codes` [B] of each object, or the predicted quantity of that number, [B], on the CPU.

    Before calibration, of one pass, of the object as it is.
    """
    values = _values(learner, learner.task.predict(answer(learner, parts)))
    return values.gather(1, codes[:, None])[:, 0]


def drive(learner: Learner, parts: Mapping[str, Tensor], codes: Tensor) -> Tensor:
    """What maps are gradients of, [B], on the CPU: the log odds of class `codes`, or the predicted quantity.

    Odds against all other classes: a logit by itself tells nothing, since the same number added to all of them leaves
    every answer as it is.
    """
    values = _values(learner, learner.task.predict(answer(learner, parts)))
    chosen = values.gather(1, codes[:, None])[:, 0]
    if not learner.spec.target.classes:
        return chosen
    rest = values.scatter(1, codes[:, None], 0.0).sum(1)  # 1 - chosen would be 0 where the network is sure
    return chosen.clamp(min=LEAST).log() - rest.clamp(min=LEAST).log()


@torch.no_grad()
def codes_of(learner: Learner, batch: Batch) -> Tensor:
    """What is explained of each object, int64 [B] on the CPU: the class that it is given, or the first quantity."""
    if not learner.spec.target.classes:
        return torch.zeros(len(batch.row), dtype=torch.int64)
    return _values(learner, learner.predict_batch(batch)[0]).argmax(1)


def gathered(learner: Learner, data: ObjectDataModule, rows: np.ndarray, device: torch.device) -> Batch:
    """One batch of the given catalogue rows, in their order, on the device."""
    return to_device(data.loader(rows, alone=True).gather(rows), device)


@torch.no_grad()
def encoded(learner: Learner, data: ObjectDataModule, rows: np.ndarray, device: torch.device) -> dict[str, Tensor]:
    """Features [n, D] by modality of many catalogue rows, in the order of the sorted rows, on the CPU."""
    found, order = [], []
    for batch in data.loader(np.sort(rows), alone=True):
        moved = to_device(batch, device)
        found.append({name: part.float().cpu() for name, part in features(learner, moved.inputs).items()})
        order.append(batch.row)
    place = torch.cat(order).argsort()
    return {name: torch.cat([parts[name] for parts in found])[place] for name in found[0]}


def sample(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, drawn in the same way each time, sorted."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def _values(learner: Learner, prediction: Mapping[str, Tensor]) -> Tensor:
    here = {name: value.cpu() for name, value in prediction.items()}  # quantities are told in double precision
    return here["prob"] if learner.spec.target.classes else learner.task.answer(here)["mean"]
