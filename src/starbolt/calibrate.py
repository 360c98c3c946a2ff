"""Fit the calibration of a trained network on the objects that were kept for it, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from starbolt.calibration import Calibrated, Groups, column_values
from starbolt.data.module import ObjectDataModule
from starbolt.predict import Network, answered, known_of, predict_rows, prediction_of

FEW = 100  # calibration objects below which a note is due


@dataclass(frozen=True)
class Calibrate:
    """Corrects predicted probabilities and finds conformal sets or intervals, on the calibration part of the split.

    level: share of objects whose truth the sets or intervals are to hold. by: catalogue columns; each of their values,
    or of so many `bins` of equal numbers, gets thresholds of its own, so that the coverage holds within it.
    ValueError for a level outside 0 to 1, or where `by` names no column.
    """

    level: float = 0.9
    by: Sequence[str] = ()
    bins: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"calibration.level={self.level} is not between 0 and 1; 0.9 is usual")
        if self.bins < 2:
            raise ValueError(f"calibration.bins={self.bins} makes no groups; give 2 or more, or no calibration.by")

    def __call__(self, network: Network, data: ObjectDataModule, *, device: torch.device | None = None) -> list[str]:
        """Set `network.calibration`; returns what was noticed. Without calibration rows it is left as None."""
        network.calibration = None
        if len(data.parts["cal"]) == 0:
            return ["nothing is calibrated: the split has no calibration part (split.cal=0.1 makes one)"]
        found = known_of(predict_rows(network, data.loader(data.parts["cal"], alone=True), device=device))
        values = column_values(data.catalogue, self.by, found["row"].numpy())
        groups = Groups.of(values, self.bins)
        codes = groups.codes(values)
        none = torch.full((len(found["y"]),), -1)
        fit = network.task.calibrate(prediction_of(found), found["y"], none if codes is None else codes, self.level)
        network.calibration = Calibrated(fit, groups)
        self._choose_working_point(network, data, device)
        few = len(found["y"])
        return [f"only {few} objects calibrate the answers; split.cal= sets more apart"] if few < FEW else []

    def _choose_working_point(self, network: Network, data: ObjectDataModule, device: torch.device | None) -> None:
        """On the validation part: the calibration part has done its work, and the test part is not looked at."""
        assert network.calibration is not None
        if not network.spec.target.classes or len(data.parts["val"]) == 0:
            return
        found = known_of(predict_rows(network, data.loader(data.parts["val"], alone=True), device=device))
        working = network.task.working_point(answered(network, data.catalogue, found), found["y"])
        fit: Any = network.calibration.fit
        network.calibration = Calibrated(fit.with_working_point(working), network.calibration.groups)
