"""Regression: one or several quantities, with a Gaussian uncertainty for each unless another loss is chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from starbolt.contract import Batch, TargetSpec
from starbolt.tasks.scores import quantity_scores

LOSSES = ("gaussian", "mse", "huber")
LEAST = 1e-3  # smallest sigma, in units of the training spread


class Regression(nn.Module):
    """K quantities, learnt in units of their training mean and spread and predicted in their own.

    loss: "gaussian" (likelihood with a sigma per object, its gradient weighted by sigma^(2 beta): Seitzer et al. 2022,
    arXiv:2203.09168), "mse" or "huber" (no sigma). log: learn decimal logarithms (all values must be positive).
    redshift: scores are of dz / (1 + z). dropout: before the head.
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
        log: bool = False,
        redshift: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f"task.loss={loss!r} is not one of {', '.join(LOSSES)}")
        if log and not all(map(math.isfinite, spec.log_mean)):
            raise ValueError(f"task.log=true needs positive targets; {', '.join(spec.names)} has values of 0 or less")
        self.spec, self.kind, self.beta, self.log, self.redshift = spec, loss, beta, log, redshift
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(in_dim, len(spec.names) * (2 if loss == "gaussian" else 1))
        )
        self.register_buffer("mean", torch.tensor(spec.log_mean if log else spec.mean), persistent=False)
        self.register_buffer("spread", torch.tensor(spec.log_spread if log else spec.spread), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        """[B, K], or with a Gaussian [B, 2 K]: scaled means, then raw widths."""
        return self.head(z)

    def losses(self, out: Tensor, batch: Batch) -> Tensor:
        """Loss of each object [B], the mean over its known quantities, weighted by object; NaN where none is known."""
        y = ((batch.y.log10() if self.log else batch.y) - self.mean) / self.spread
        known = torch.isfinite(y)
        each = self._each(out, torch.where(known, y, 0.0)) * known
        mean = each.sum(1) / known.sum(1).clamp(min=1)  # no 0 / 0, whose gradient would be NaN even where masked
        return (mean * batch.weight).masked_fill(~known.any(1), torch.nan)

    def predict(self, out: Tensor) -> dict[str, Tensor]:
        """mean [B, K] and, with a Gaussian, sigma [B, K], in the quantities' units."""
        mu, sigma = self._split(out.float())
        mean = mu * self.spread + self.mean
        mean = 10**mean if self.log else mean
        if sigma is None:
            return {"mean": mean}
        sigma = sigma * self.spread
        return {"mean": mean, "sigma": sigma * mean * math.log(10) if self.log else sigma}

    @staticmethod
    def combine(predictions: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """One prediction from several of the same objects: mean, and within- plus between-variance."""
        mean = torch.stack([p["mean"] for p in predictions])
        if "sigma" not in predictions[0]:
            return {"mean": mean.mean(0)}
        inner = torch.stack([p["sigma"] for p in predictions]).square().mean(0)
        return {"mean": mean.mean(0), "sigma": (inner + mean.var(0, correction=0)).sqrt()}

    def columns(self, prediction: dict[str, Tensor]) -> dict[str, np.ndarray]:
        """Catalogue columns: each quantity's name and, with a Gaussian, name_err (one sigma)."""
        columns = {}
        for k, name in enumerate(self.spec.columns):
            columns[name] = prediction["mean"][:, k].numpy()
            if "sigma" in prediction:
                columns[f"{name}_err"] = prediction["sigma"][:, k].numpy()
        return columns

    def truth(self, y: Tensor) -> dict[str, np.ndarray]:
        """Catalogue columns `target` (or target_NAME for several): NaN where unknown."""
        names = ["target"] if len(self.spec.names) == 1 else [f"target_{name}" for name in self.spec.names]
        return {name: y[:, k].numpy() for k, name in enumerate(names)}

    def scores(self, prediction: dict[str, Tensor], y: Tensor) -> dict[str, float]:
        """Score name (with /quantity where there are several) -> value, for labelled objects, if there are any."""
        found: dict[str, float] = {}
        for k, name in enumerate(self.spec.names):
            known = torch.isfinite(y[:, k])
            if not known.any():
                continue
            sigma = prediction["sigma"][known, k] if "sigma" in prediction else None
            scores = quantity_scores(prediction["mean"][known, k], sigma, y[known, k], redshift=self.redshift)
            suffix = f"/{name}" if len(self.spec.names) > 1 else ""
            found |= {f"{score}{suffix}": value for score, value in scores.items()}
        return found

    def _split(self, out: Tensor) -> tuple[Tensor, Tensor | None]:
        if self.kind != "gaussian":
            return out, None
        mu, raw = out.chunk(2, dim=1)
        return mu, LEAST + F.softplus(raw)

    def _each(self, out: Tensor, y: Tensor) -> Tensor:
        mu, sigma = self._split(out)
        if sigma is None:
            return F.huber_loss(mu, y, reduction="none") if self.kind == "huber" else (mu - y).square()
        each = sigma.log() + 0.5 * ((y - mu) / sigma).square()
        weighted = each * sigma.detach() ** (2 * self.beta)
        return weighted + (each - weighted).detach()  # the likelihood's value, with the weighted gradient
