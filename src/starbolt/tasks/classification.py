"""Classification: a linear head, cross-entropy or focal loss, and class probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from starbolt.contract import Batch, TargetSpec
from starbolt.tasks.scores import class_scores

WEIGHTS = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}  # class weight = count to the power of minus this
LOSSES = {"cross_entropy": 0.0, "focal": 2.0}  # focusing parameter


class Classification(nn.Module):
    """Which of K classes, exclusive of each other.

    weights: of the classes in the loss, from the training counts: "none", "sqrt" (inverse square root) or "balanced".
    loss: "cross_entropy" or "focal" (Lin et al. 2017, doi:10.1109/ICCV.2017.324, with gamma = 2).
    smoothing: label smoothing, the probability spread over all classes. dropout: before the head.
    """

    target: ClassVar[str] = "class"
    class_weight: Tensor

    def __init__(
        self,
        in_dim: int,
        spec: TargetSpec,
        *,
        weights: str = "sqrt",
        loss: str = "cross_entropy",
        smoothing: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for word, value, known in (("weights", weights, WEIGHTS), ("loss", loss, LOSSES)):
            if value not in known:
                raise ValueError(f"task.{word}={value!r} is not one of {', '.join(known)}")
        self.spec, self.gamma, self.smoothing = spec, LOSSES[loss], smoothing
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(in_dim, len(spec.classes)))
        weight = torch.tensor(spec.counts, dtype=torch.float32) ** -WEIGHTS[weights]
        share = torch.tensor(spec.counts, dtype=torch.float32) / sum(spec.counts)
        self.register_buffer("class_weight", weight / (weight * share).sum(), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        """Logits [B, K] from features [B, in_dim]."""
        return self.head(z)

    def losses(self, out: Tensor, batch: Batch) -> Tensor:
        """Loss of each object [B], weighted by class and object; NaN where unlabelled."""
        y = batch.y.clamp(min=0)
        each = F.cross_entropy(out, y, reduction="none", label_smoothing=self.smoothing if self.training else 0.0)
        if self.gamma:
            each = each * (1 - F.softmax(out, 1).gather(1, y[:, None])[:, 0]) ** self.gamma
        return (each * self.class_weight[y] * batch.weight).masked_fill(batch.y < 0, torch.nan)

    def predict(self, out: Tensor) -> dict[str, Tensor]:
        """prob [B, K]."""
        return {"prob": F.softmax(out.float(), 1)}

    @staticmethod
    def combine(predictions: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """One prediction from several of the same objects: the mean probability."""
        return {"prob": torch.stack([p["prob"] for p in predictions]).mean(0)}

    def columns(self, prediction: dict[str, Tensor]) -> dict[str, np.ndarray]:
        """Catalogue columns: the class as `prediction`, and a probability per class."""
        prob = prediction["prob"].numpy()
        names = np.array(self.spec.classes)
        columns = {f"prob_{name}": prob[:, k] for k, name in enumerate(names)}
        return {"prediction": names[prob.argmax(1)], **columns}

    def truth(self, y: Tensor) -> dict[str, np.ndarray]:
        """Catalogue column `target`: the class name, "" where unknown."""
        return {"target": np.array([*self.spec.classes, ""])[y.numpy()]}

    def scores(self, prediction: dict[str, Tensor], y: Tensor) -> dict[str, float]:
        """Score name -> value for labelled objects."""
        return class_scores(prediction["prob"], y)
