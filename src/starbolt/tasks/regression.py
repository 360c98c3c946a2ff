"""Regression: one or several quantities, each with a distribution unless a loss without one is chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from starbolt.contract import Batch, TargetSpec
from starbolt.tasks.calibration import QuantityCalibration
from starbolt.tasks.density import Density, Histogram, Judged, Logarithmic, Mixture, judged, warped, warped_alike
from starbolt.tasks.heads import Binned, Components, Gaussian, Head, Point, Quantiles
from starbolt.tasks.scores import quantity_scores
from starbolt.tasks.warp import Warp

LOSSES = ("gaussian", "mixture", "quantiles", "binned", "mse", "huber")
PIECE = 4096  # objects whose distributions are looked at together


class Aim(NamedTuple):
    """y: scaled truths [B, K], 0 where unknown. share: of each in the object's loss [B, K]. unknown: [B], all are.

    The last two are None where the K = 1 truth of every object is known and weighs 1.
    """

    y: Tensor
    share: Tensor | None
    unknown: Tensor | None


class Regression(nn.Module):
    """K quantities, learnt in units of their training mean and spread and predicted in their own.

    loss: "gaussian" (mean and sigma, see `Gaussian` for beta), "mixture" (of so many Gaussian components), "quantiles",
    "binned" (a density over so many bins), "mse" or "huber" (a number alone). log: learn decimal logarithms (all values
    must be positive). redshift: scores are of dz / (1 + z). dropout: before the head.
    """

    target: ClassVar[str] = "quantity"
    mean: Tensor
    spread: Tensor

    def __init__(
        self,
        in_dim: int,
        spec: TargetSpec,
        *,
        loss: str = "gaussian",
        beta: float = 0.5,
        components: int = 5,
        bins: int = 150,
        log: bool = False,
        redshift: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f"task.loss={loss!r} is not one of {', '.join(LOSSES)}")
        for word, value in (("components", components), ("bins", bins)):
            if value < 2:
                raise ValueError(f"task.{word}={value} is too few; give 2 or more")
        if log and not all(map(math.isfinite, spec.log_mean)):
            raise ValueError(f"task.log=true needs positive targets; {', '.join(spec.names)} has values of 0 or less")
        self.spec, self.log, self.redshift = spec, log, redshift
        self.register_buffer("mean", torch.tensor(spec.log_mean if log else spec.mean), persistent=False)
        self.register_buffer("spread", torch.tensor(spec.log_spread if log else spec.spread), persistent=False)
        makers: dict[str, Callable[[], Head]] = {
            "gaussian": lambda: Gaussian(beta),
            "mixture": lambda: Components(components),
            "quantiles": Quantiles,
            "binned": lambda: Binned(*self._range(), bins),
            "mse": lambda: Point(F.mse_loss),
            "huber": lambda: Point(F.huber_loss),
        }
        self.kind = makers[loss]()
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(in_dim, len(spec.names) * self.kind.size))

    def forward(self, z: Tensor) -> Tensor:
        """[B, size K]: for each of the numbers that the head wants, the K quantities."""
        return self.head(z)

    def losses(self, out: Tensor, batch: Batch) -> Tensor:
        """Loss of each object [B], the mean over its known quantities, weighted by object; NaN where none is known."""
        if batch.y.is_cpu and not batch.y.isfinite().any():  # on a GPU the question costs more than the answer
            return torch.full_like(batch.weight, torch.nan)
        return self.losses_of(out, self.aim(batch))

    def aim(self, batch: Batch) -> Aim:
        """What the network's output is compared with."""
        y = ((batch.y.log10() if self.log else batch.y) - self.mean) / self.spread
        known = torch.isfinite(y)
        if y.is_cpu and y.shape[1] == 1 and bool(known.all()) and bool((batch.weight == 1).all()):
            return Aim(y, None, None)
        share = batch.weight[:, None] * known
        if known.shape[1] > 1:
            share = share / known.sum(1, keepdim=True).clamp(min=1)
        return Aim(y.masked_fill(~known, 0.0), share, ~known.any(1))

    def losses_of(self, out: Tensor, aim: Aim) -> Tensor:
        """The losses [B] against what `aim` made of a batch."""
        each = self.kind.losses(self._raw(out), aim.y)
        if aim.share is None or aim.unknown is None:
            return each[:, 0]
        return (each * aim.share).sum(1).masked_fill(aim.unknown, torch.nan)

    def predict(self, out: Tensor) -> dict[str, Tensor]:
        """What the head says, in the quantities' units (of their decimal logarithm where `log`); see `heads`."""
        scaled = self.kind.predict(self._raw(out.float()))
        mean, spread = self.mean[:, None], self.spread[:, None]
        places = [name for name in ("centre", "edges") if name in scaled]
        moved: dict[str, Tensor] = {name: scaled[name] * spread + mean for name in places}
        if "width" in scaled:
            moved["width"] = scaled["width"] * spread
        if "mean" in scaled:
            moved["mean"] = scaled["mean"] * self.spread + self.mean
        return scaled | moved

    def combine(self, predictions: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """One prediction from several of the same objects."""
        return predictions[0] if len(predictions) == 1 else self.kind.combine(predictions)

    def disagreement(self, predictions: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """epistemic [n, K]: standard deviation of the means of several networks or dropout passes."""
        means = torch.stack([self._mean(p) for p in predictions])
        return {"epistemic": means.std(0, correction=1)}

    def calibrate(self, raw: Mapping[str, Tensor], y: Tensor, groups: Tensor, level: float) -> QuantityCalibration:
        """What the truths y [n, K] of calibration objects say about predictions; groups: codes int64 [n]."""
        if "mean" in raw:
            return QuantityCalibration.of_points(self._mean(raw), y, groups, level)
        return QuantityCalibration.of_densities(self.density(raw), self._safe(y), groups, level)

    def answer(
        self, raw: Mapping[str, Tensor], calibration: QuantityCalibration | None = None, groups: Tensor | None = None
    ) -> dict[str, Tensor]:
        """What a catalogue tells: `raw` with, [n, K], mean and, of densities, sigma and mode; calibrated: low, high.

        groups: code of each object's group int64 [n], -1 or None for none.
        """
        if "mean" in raw:
            answer = {**raw, "mean": self._mean(raw)}
            return answer if calibration is None else answer | calibration.about(answer["mean"], groups)
        n = next(iter(raw.values())).shape[0]
        size = 4 * PIECE if isinstance(self.kind, Gaussian) else PIECE  # of what is known in closed form more at once
        pieces, all_one = [slice(i, i + size) for i in range(0, max(n, 1), size)], torch.full((1,), -1)
        codes = [all_one if groups is None else groups[p] for p in pieces]
        told = [
            self._told({k: v[p] for k, v in raw.items()}, calibration, c) for p, c in zip(pieces, codes, strict=True)
        ]
        answer = {**raw, **{name: torch.cat([part[name] for part in told]) for name in told[0]}}
        return answer if calibration is None else answer | {"warp": calibration.warp_of(n)}

    def density(self, answer: Mapping[str, Tensor]) -> Density:
        """The predicted distributions of n objects, calibrated where the answer is."""
        if "weight" in answer:
            base: Density = Mixture(*(answer[name].double() for name in ("weight", "centre", "width")))
        elif "mass" in answer:
            base = Histogram(answer["edges"].double(), answer["mass"].double())
        else:  # of a control: a Gaussian in the quantity's own unit
            mean, sigma = (answer[name].double()[..., None] for name in ("mean", "sigma"))
            return Mixture(torch.ones_like(mean), mean, sigma)
        if "warp" in answer:
            numbers = answer["warp"].double()
            same = len(numbers) > 0 and bool((numbers == numbers[:1]).all())
            base = warped_alike(base, Warp.of(numbers[:1])) if same else warped(base, Warp.of(numbers))
        return Logarithmic(base) if self.log else base

    def judge(self, answer: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """pit, crps and cde [n, K] of each object, NaN where the truth is unknown; empty without a density."""
        if not {"weight", "mass", "sigma"} & set(answer):
            return {}
        pieces = [slice(i, i + PIECE) for i in range(0, max(len(y), 1), PIECE)]
        told = [judged(self.density({k: v[p] for k, v in answer.items()}), self._safe(y[p])) for p in pieces]
        return {name: torch.cat([getattr(part, name) for part in told]).float() for name in Judged._fields}

    def densities(self, answer: Mapping[str, Tensor], grid: Tensor) -> Tensor:
        """Probability density, float32 [n, K, G], at the values of `grid` [G], in the quantity's unit."""
        pieces = [slice(i, i + PIECE) for i in range(0, len(answer["mean"]), PIECE)]
        told = [self.density({k: v[p] for k, v in answer.items()}).pdf(grid.double()) for p in pieces]
        return torch.cat(told).float() if told else torch.zeros(0, len(self.spec.names), len(grid))

    def columns(self, answer: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Catalogue columns: each quantity's name (its mean) and, where known, _err, _mode, _low, _high, _epistemic."""
        endings = {"mean": "", "sigma": "_err", "mode": "_mode", "low": "_low", "high": "_high"}
        columns = {}
        for k, name in enumerate(self.spec.columns):
            for key, ending in (endings | {"epistemic": "_epistemic"}).items():
                if key in answer:
                    columns[f"{name}{ending}"] = answer[key][:, k].float().numpy()
        return columns

    def verdicts(self, answer: Mapping[str, Tensor], y: Tensor) -> dict[str, np.ndarray]:
        """Catalogue columns of labelled objects: name_pit, name_crps and name_cde."""
        told = self.judge(answer, y)
        names = [(k, name, key) for k, name in enumerate(self.spec.columns) for key in told]
        return {f"{name}_{key}": told[key][:, k].numpy() for k, name, key in names}

    def truth(self, y: Tensor) -> dict[str, np.ndarray]:
        """Catalogue columns `target` (or target_NAME for several): NaN where unknown."""
        names = ["target"] if len(self.spec.names) == 1 else [f"target_{name}" for name in self.spec.names]
        return {name: y[:, k].numpy() for k, name in enumerate(names)}

    def working_point(self, answer: Mapping[str, Tensor], y: Tensor) -> tuple[float, ...]:
        """Nothing: only classes have one."""
        return ()

    def scores(
        self, answer: Mapping[str, Tensor], y: Tensor, calibration: QuantityCalibration | None = None
    ) -> dict[str, float]:
        """Score name (with /quantity where there are several) -> value, for labelled objects, if there are any."""
        found: dict[str, float] = {}
        told = {key: answer[key] for key in ("mean", "low", "high") if key in answer} | self.judge(answer, y)
        for k, name in enumerate(self.spec.names):
            known = torch.isfinite(y[:, k])
            if not known.any():
                continue
            mine: dict[str, Any] = {key: value[known, k] for key, value in told.items()}
            suffix = f"/{name}" if len(self.spec.names) > 1 else ""
            scores = quantity_scores(y=y[known, k], redshift=self.redshift, **mine)
            found |= {f"{score}{suffix}": value for score, value in scores.items()}
        return found

    def _told(self, raw: Mapping[str, Tensor], calibration: Any, groups: Tensor) -> dict[str, Tensor]:
        base, told = self.density(raw), {}
        if calibration is not None:
            told = calibration.ends(base, groups)
            base = self.density({**raw, "warp": calibration.warp_of(1)})
        return told | {"mean": base.mean().float(), "sigma": base.std().float(), "mode": base.mode().float()}

    def _mean(self, raw: Mapping[str, Tensor]) -> Tensor:
        """Means [n, K] in the quantities' units."""
        if "mean" not in raw:
            return self.density(raw).mean().float()
        return 10 ** raw["mean"] if self.log else raw["mean"]

    def _raw(self, out: Tensor) -> Tensor:
        if self.kind.size == 1:
            return out[:, :, None]
        return out.unflatten(1, (self.kind.size, len(self.spec.names))).transpose(1, 2)

    def _safe(self, y: Tensor) -> Tensor:
        """Truths in double precision; NaN where a logarithm has none."""
        y = y.double()
        return y.masked_fill(y <= 0, torch.nan) if self.log else y

    def _range(self) -> tuple[Tensor, Tensor]:
        """Least and greatest training value in scaled units, [K]; four spreads about the mean where unknown."""
        if not self.spec.low:
            return torch.full_like(self.mean, -4.0), torch.full_like(self.mean, 4.0)
        ends = (torch.tensor(end) for end in (self.spec.low, self.spec.high))
        low, high = (((end.log10() if self.log else end) - self.mean) / self.spread for end in ends)
        return low, torch.maximum(high, low + 1e-3)
