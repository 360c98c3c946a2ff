"""Classification: a linear head, cross-entropy or focal loss, and class probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from starbolt.contract import Batch, TargetSpec
from starbolt.tasks.calibration import ClassCalibration
from starbolt.tasks.scores import best_cut, class_scores

WEIGHTS = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}  # class weight = count to the power of minus this
LOSSES = {"cross_entropy": 0.0, "focal": 2.0}  # focusing parameter


class Aim(NamedTuple):
    """y: classes int64 [B], 0 where unknown. share: weight of the object's loss [B]. unknown: bool [B]."""

    y: Tensor
    share: Tensor
    unknown: Tensor


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
        if batch.y.is_cpu and not (batch.y >= 0).any():  # on a GPU the question costs more than the answer
            return torch.full_like(batch.weight, torch.nan)
        return self.losses_of(out, self.aim(batch))

    def aim(self, batch: Batch) -> Aim:
        """What the network's output is compared with."""
        y = batch.y.clamp(min=0)
        return Aim(y, self.class_weight[y] * batch.weight, batch.y < 0)

    def losses_of(self, out: Tensor, aim: Aim) -> Tensor:
        """The losses [B] against what `aim` made of a batch."""
        y = aim.y
        each = F.cross_entropy(out, y, reduction="none", label_smoothing=self.smoothing if self.training else 0.0)
        if self.gamma:
            each = each * (1 - F.softmax(out, 1).gather(1, y[:, None])[:, 0]) ** self.gamma
        return (each * aim.share).masked_fill(aim.unknown, torch.nan)

    def predict(self, out: Tensor) -> dict[str, Tensor]:
        """prob [B, K]."""
        return {"prob": F.softmax(out.float(), 1)}

    def combine(self, predictions: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """One prediction from several of the same objects: the mean probability."""
        return predictions[0] if len(predictions) == 1 else {"prob": _stacked(predictions).mean(0)}

    def disagreement(self, predictions: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """epistemic [n]: what several networks or dropout passes disagree about, in nat.

        The mutual information of class and network (Houlsby et al. 2011, arXiv:1112.5745): the entropy of the mean
        probabilities less the mean entropy.
        """
        each = _stacked(predictions)
        return {"epistemic": (_entropy(each.mean(0)) - _entropy(each).mean(0)).clamp(min=0)}

    def calibrate(self, raw: Mapping[str, Tensor], y: Tensor, groups: Tensor, level: float) -> ClassCalibration:
        """What the classes y int64 [n] of calibration objects say about predictions; groups: codes int64 [n]."""
        return ClassCalibration.of(raw["prob"], y, self.class_weight, groups, level)

    def answer(
        self, raw: Mapping[str, Tensor], calibration: ClassCalibration | None = None, groups: Tensor | None = None
    ) -> dict[str, Tensor]:
        """What a catalogue tells: prob [n, K], code int64 [n] and, calibrated, set bool [n, K].

        code, the class given, is the most probable one as the network learnt it: weights of the loss (which favour the
        rare classes) count in it, and calibration, which takes them out of the probabilities, leaves it as it is.
        groups: code of each object's group int64 [n], -1 or None for none.
        """
        answer = {**raw, "code": raw["prob"].argmax(1)}
        return answer if calibration is None else answer | calibration.apply(raw["prob"], self.class_weight, groups)

    def working_point(self, answer: Mapping[str, Tensor], y: Tensor) -> tuple[float, ...]:
        """Per class the probability above which purity and completeness are best balanced (the largest F1), [K]."""
        return tuple(best_cut(answer["prob"][:, k], y == k) for k in range(len(self.spec.classes)))

    def columns(self, answer: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Catalogue columns: the class as `prediction`, and per class a probability and whether it is in the set."""
        names = np.array(self.spec.classes)
        columns = {"prediction": names[answer["code"].numpy()]}
        columns |= {f"prob_{name}": answer["prob"][:, k].numpy() for k, name in enumerate(names)}
        if "set" in answer:
            columns |= {f"set_{name}": answer["set"][:, k].numpy() for k, name in enumerate(names)}
        return columns | ({"epistemic": answer["epistemic"].numpy()} if "epistemic" in answer else {})

    def verdicts(self, answer: Mapping[str, Tensor], y: Tensor) -> dict[str, np.ndarray]:
        """Further catalogue columns of labelled objects: none."""
        return {}

    def truth(self, y: Tensor) -> dict[str, np.ndarray]:
        """Catalogue column `target`: the class name, "" where unknown."""
        return {"target": np.array([*self.spec.classes, ""])[y.numpy()]}

    def scores(
        self, answer: Mapping[str, Tensor], y: Tensor, calibration: ClassCalibration | None = None
    ) -> dict[str, float]:
        """Score name -> value for labelled objects."""
        working = calibration.working if calibration else ()
        return class_scores(answer["prob"], y, code=answer.get("code"), sets=answer.get("set"), working=working)


def _stacked(predictions: Sequence[dict[str, Tensor]]) -> Tensor:
    return torch.stack([p["prob"] for p in predictions])


def _entropy(prob: Tensor) -> Tensor:
    return torch.special.entr(prob).sum(-1)
