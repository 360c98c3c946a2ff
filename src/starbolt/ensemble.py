"""Several networks whose answers are one, with what they disagree about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from starbolt.calibration import Calibrated
from starbolt.contract import Batch
from starbolt.learner import Learner, combined


class Ensemble(nn.Module):
    """Several learners of the same task on the same data, whose answers are one: Lakshminarayanan et al. 2017,
    arXiv:1612.01474. It predicts as a Learner does; the loss of an object is the members' mean.
    """

    calibration: Calibrated | None = None

    def __init__(self, members: Sequence[Learner]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        first = members[0]
        self.spec, self.recipe = first.spec, first.recipe
        for member in members[1:]:
            if (member.spec.target, member.spec.inputs) != (self.spec.target, self.spec.inputs):
                raise ValueError(
                    "the networks of an ensemble must be trained on the same rows for the same target; vary seed= or "
                    "model.*, and neither the split nor the data"
                )

    @property
    def task(self) -> Any:
        """The first member's."""
        return self.members[0].task

    def predict_batch(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """The members' predictions combined, with their disagreement as `epistemic`, and the mean loss [B]."""
        told = [member.predict_batch(batch) for member in self.members]  # type: ignore[operator]
        losses = torch.stack([loss for _, loss in told]).mean(0)
        return combined(self.task, [prediction for prediction, _ in told]), losses
