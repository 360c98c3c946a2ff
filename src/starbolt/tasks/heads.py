"""Heads of a regression: what a network says of a quantity, how that is scored in training, and what is predicted.

Each works in units of the training mean and spread, for K quantities at once: raw [B, K, size] in, and out either
`mean` [B, K], Gaussian components `weight`, `centre`, `width` [B, K, M], or `edges` [B, K, Q + 1] and `mass` [B, K, Q].
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST = 1e-3  # smallest width, in units of the training spread
LEVELS = (0.005, 0.02, *(round(0.05 * i, 2) for i in range(1, 20)), 0.98, 0.995)  # of the quantiles that are learnt
TAIL = 2.0  # width of what lies beyond the outermost quantiles, over that of what lies before them

Prediction = dict[str, Tensor]


class Head(nn.Module, ABC):
    """size: numbers that the network gives for each quantity."""

    size: int

    @abstractmethod
    def losses(self, raw: Tensor, y: Tensor) -> Tensor:
        """Loss [B, K] against scaled truths y [B, K]."""

    @abstractmethod
    def predict(self, raw: Tensor) -> Prediction:
        """The prediction, in scaled units."""

    @abstractmethod
    def combine(self, predictions: Sequence[Prediction]) -> Prediction:
        """One prediction from several of the same objects."""


class Point(Head):
    """A number without an uncertainty, learnt by a loss such as F.mse_loss."""

    size = 1

    def __init__(self, loss) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.loss = loss

    def losses(self, raw: Tensor, y: Tensor) -> Tensor:
        return self.loss(raw[..., 0], y, reduction="none")

    def predict(self, raw: Tensor) -> Prediction:
        return {"mean": raw[..., 0]}

    def combine(self, predictions: Sequence[Prediction]) -> Prediction:
        return {"mean": _stacked(predictions, "mean").mean(0)}


class Gaussian(Head):
    """Mean and sigma by likelihood, its gradient weighted by sigma^(2 beta): Seitzer et al. 2022, arXiv:2203.09168."""

    size = 2

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = beta

    def losses(self, raw: Tensor, y: Tensor) -> Tensor:
        mean, sigma = raw[..., 0], LEAST + F.softplus(raw[..., 1])
        each = sigma.log() + 0.5 * ((y - mean) / sigma).square()
        weighted = each * sigma.detach() ** (2 * self.beta)
        return weighted + (each - weighted).detach()  # the likelihood's value, with the weighted gradient

    def predict(self, raw: Tensor) -> Prediction:
        mean, width = raw[..., :1], LEAST + F.softplus(raw[..., 1:])
        return {"weight": torch.ones_like(mean), "centre": mean, "width": width}

    def combine(self, predictions: Sequence[Prediction]) -> Prediction:
        """A Gaussian of the mean and variance of all: Lakshminarayanan et al. 2017, arXiv:1612.01474, section 2.4."""
        centre, inner = _stacked(predictions, "centre"), _stacked(predictions, "width").square().mean(0)
        width = (inner + centre.var(0, correction=0)).sqrt()
        return {"weight": predictions[0]["weight"], "centre": centre.mean(0), "width": width}


class Components(Head):
    """A mixture of Gaussians by likelihood: Bishop 1994, https://publications.aston.ac.uk/id/eprint/373/."""

    start: Tensor

    def __init__(self, components: int) -> None:
        super().__init__()
        self.count, self.size = components, 3 * components
        self.register_buffer("start", torch.linspace(-1, 1, components), persistent=False)

    def losses(self, raw: Tensor, y: Tensor) -> Tensor:
        weight, centre, width = self._parts(raw)
        each = weight - width.log() - 0.5 * ((y[..., None] - centre) / width).square()
        return -torch.logsumexp(each, 2)

    def predict(self, raw: Tensor) -> Prediction:
        weight, centre, width = self._parts(raw)
        return {"weight": weight.exp(), "centre": centre, "width": width}

    def combine(self, predictions: Sequence[Prediction]) -> Prediction:
        """All components side by side."""
        joined = {name: torch.cat([p[name] for p in predictions], 2) for name in ("weight", "centre", "width")}
        return joined | {"weight": joined["weight"] / len(predictions)}

    def _parts(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithm of the weight, centre and width, each [B, K, M]."""
        weight, centre, width = raw.unflatten(2, (3, self.count)).unbind(2)
        return weight.log_softmax(2), centre + self.start, LEAST + F.softplus(width)


class Quantiles(Head):
    """Quantiles at `LEVELS`, learnt by the pinball loss: Koenker & Bassett 1978, doi:10.2307/1913643."""

    size = len(LEVELS)
    level: Tensor
    mass: Tensor

    def __init__(self) -> None:
        super().__init__()
        levels = torch.tensor(LEVELS)
        edges = torch.cat([torch.zeros(1), levels, torch.ones(1)])
        self.register_buffer("level", levels, persistent=False)
        self.register_buffer("mass", edges.diff(), persistent=False)

    def losses(self, raw: Tensor, y: Tensor) -> Tensor:
        away = y[..., None] - self._values(raw)
        return torch.maximum(self.level * away, (self.level - 1) * away).mean(2)

    def predict(self, raw: Tensor) -> Prediction:
        values = self._values(raw)
        low = values[..., :1] - TAIL * (values[..., 1:2] - values[..., :1])
        high = values[..., -1:] + TAIL * (values[..., -1:] - values[..., -2:-1])
        edges = torch.cat([low, values, high], 2)
        return {"edges": edges, "mass": self.mass.expand(*edges.shape[:2], -1)}

    def combine(self, predictions: Sequence[Prediction]) -> Prediction:
        """The mean of each quantile: Vincent 1912, see Ratcliff 1979, doi:10.1037/0033-2909.86.3.446."""
        return {"edges": _stacked(predictions, "edges").mean(0), "mass": predictions[0]["mass"]}

    def _values(self, raw: Tensor) -> Tensor:
        """Rising values [B, K, Q]: the median, and steps away from it."""
        middle = self.size // 2
        steps = F.softplus(raw) * 0.3 + LEAST
        up = steps[..., middle + 1 :].cumsum(2)
        down = steps[..., :middle].flip(2).cumsum(2).flip(2)
        centre = raw[..., middle : middle + 1]
        return torch.cat([centre - down, centre, centre + up], 2)


class Binned(Head):
    """The probability of each of equal bins over the training range, as for photometric redshifts.

    Pasquet et al. 2019, doi:10.1051/0004-6361/201833617. Neighbouring bins do not know of each other: so that they need
    not learn it from few objects, the logits are those of the network smoothed over `SMOOTH` bins, which leaves a
    Gaussian a Gaussian, and times `GAIN`, so that narrow peaks are soon learnt; in training the truth is spread over
    `SPREAD` bins. low, high: the training range in scaled units, [K].
    """

    SMOOTH, SPREAD, GAIN = 8.0, 0.5, 4.0
    MARGIN = 0.02  # of the range, on either side
    edges: Tensor
    middles: Tensor
    smooth: Tensor

    def __init__(self, low: Tensor, high: Tensor, bins: int) -> None:
        super().__init__()
        self.size = bins
        margin = self.MARGIN * (high - low)
        share = torch.linspace(0, 1, bins + 1)
        edges = (low - margin)[:, None] + (high - low + 2 * margin)[:, None] * share
        self.register_buffer("edges", edges, persistent=False)  # [K, Q + 1]
        middles = torch.arange(bins) + 0.5
        self.register_buffer("middles", middles, persistent=False)
        self.register_buffer("smooth", _bell(middles - middles[:, None], self.SMOOTH), persistent=False)

    def losses(self, raw: Tensor, y: Tensor) -> Tensor:
        first, width = self.edges[:, 0], self.edges[:, 1] - self.edges[:, 0]
        place = ((y - first) / width).clamp(0, self.size - 1e-3)
        log = self._logits(raw).log_softmax(2) - width.log()[:, None]
        if not self.training:
            return -log.gather(2, place.long()[..., None])[..., 0]
        return -(_bell(self.middles - place[..., None], self.SPREAD) * log).sum(2)

    def predict(self, raw: Tensor) -> Prediction:
        mass = self._logits(raw).softmax(2)
        return {"edges": self.edges.expand(mass.shape[0], -1, -1), "mass": mass}

    def combine(self, predictions: Sequence[Prediction]) -> Prediction:
        """The mean probability of each bin."""
        return {"edges": predictions[0]["edges"], "mass": _stacked(predictions, "mass").mean(0)}

    def _logits(self, raw: Tensor) -> Tensor:
        return self.GAIN * raw @ self.smooth.T


def _bell(away: Tensor, width: float) -> Tensor:
    """Shares of the last axis, by a Gaussian of the distances."""
    near = torch.exp(-0.5 * (away / width).square())
    return near / near.sum(-1, keepdim=True)


def _stacked(predictions: Sequence[Prediction], name: str) -> Tensor:
    return torch.stack([p[name] for p in predictions])
