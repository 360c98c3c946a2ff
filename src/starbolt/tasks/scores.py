"""The scores by name; `docs/metrics.md` has each one's formula. Arrays in, plain numbers out, no shared state."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_auroc,
    multiclass_average_precision,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
)

LOWER_IS_BETTER = {
    "loss", "log_loss", "ece", "rms", "mae", "nmad", "sigma_iqr", "outlier_fraction", "outlier_fraction_3sigma", "crps",
    "cde_loss", "pit_ks",
}  # fmt: skip


def mode_of(monitor: str) -> str:
    """ "min" or "max", which way the score named "part/name" or "part/name/target" improves."""
    words = monitor.split("/")
    return "min" if len(words) > 1 and words[1] in LOWER_IS_BETTER else "max"


def class_scores(prob: Tensor, y: Tensor) -> dict[str, float]:
    """Scores of class probabilities [n, K] against codes int64 [n]; classes absent from `y` do not count."""
    k = prob.shape[1]
    matrix = multiclass_confusion_matrix(prob.argmax(1), y, k).double()
    present = matrix.sum(1) > 0
    recall = matrix.diag() / matrix.sum(1)
    f1 = 2 * matrix.diag() / (matrix.sum(0) + matrix.sum(1))
    ranked = _ranked(prob, y, present) if present.sum() > 1 else {}
    return {
        "accuracy": float(matrix.diag().sum() / matrix.sum()),
        "balanced_accuracy": float(recall[present].mean()),
        "f1": float(f1[1] if k == 2 else f1[present].mean()),
        **ranked,
        "log_loss": float(-prob.clamp(min=1e-12).log().gather(1, y[:, None]).mean()),
        "ece": float(multiclass_calibration_error(prob, y, k, n_bins=15)),
    }


def quantity_scores(mean: Tensor, sigma: Tensor | None, y: Tensor, *, redshift: bool = False) -> dict[str, float]:
    """Scores of one quantity: predicted mean [n], one sigma [n] or None, truth [n], in the quantity's unit.

    redshift: bias, nmad and sigma_iqr are of dz / (1 + z), and outlier fractions are given.
    """
    mean, y = mean.double(), y.double()
    error = mean - y
    scaled = error / (1 + y) if redshift else error
    scores = {
        "rms": float(error.square().mean().sqrt()),
        "mae": float(error.abs().mean()),
        "r2": float(1 - error.square().sum() / (y - y.mean()).square().sum()),
        "bias": float(scaled.mean()),
        "nmad": nmad(error, 1 + y if redshift else torch.ones_like(y)),
        "sigma_iqr": sigma_iqr(scaled),
    }
    if redshift:
        scores["outlier_fraction"] = float((scaled.abs() > 0.15).double().mean())
        edge = max(0.06, 3 * scores["sigma_iqr"])
        scores["outlier_fraction_3sigma"] = float((scaled.abs() > edge).double().mean())
    if sigma is not None:
        scores |= _gaussian_scores(error, sigma.double())
    return scores


def nmad(error: Tensor, width: Tensor) -> float:
    """Normalised median absolute deviation, 1.4826 median(|e - median(e)| / width).

    Brammer, van Dokkum & Coppi 2008, doi:10.1086/591786, eq. 5, with width = 1 + z.
    """
    return float(1.4826 * ((error - error.median()).abs() / width).median())


def sigma_iqr(values: Tensor) -> float:
    """Spread from the interquartile range, 0.7413 (q75 - q25): one sigma for a Gaussian."""
    low, high = values.quantile(torch.tensor([0.25, 0.75], dtype=values.dtype)).tolist()
    return 0.7413 * (high - low)


def _ranked(prob: Tensor, y: Tensor, present: Tensor) -> dict[str, float]:
    k = prob.shape[1]
    if k == 2:
        from torchmetrics.functional.classification import binary_auroc, binary_average_precision

        return {
            "auroc": float(binary_auroc(prob[:, 1], y)),
            "average_precision": float(binary_average_precision(prob[:, 1], y)),
        }
    few = torch.nonzero(present).flatten()  # torchmetrics warns of a class that never occurs
    code = torch.full((k,), -1, dtype=torch.long)
    code[few] = torch.arange(len(few))
    prob, y = prob[:, few], code[y]
    return {
        "auroc": float(multiclass_auroc(prob, y, len(few))),
        "average_precision": float(multiclass_average_precision(prob, y, len(few))),
    }


def _gaussian_scores(error: Tensor, sigma: Tensor) -> dict[str, float]:
    """crps: Gneiting et al. 2005, doi:10.1175/MWR2904.1, eq. 5. pit_ks: largest distance of the PIT from uniform."""
    z = error / sigma
    normal = torch.distributions.Normal(torch.zeros((), dtype=z.dtype), torch.ones((), dtype=z.dtype))
    cdf, pdf = normal.cdf(z), normal.log_prob(z).exp()
    crps = sigma * (z * (2 * cdf - 1) + 2 * pdf - 1 / math.sqrt(math.pi))
    pit = normal.cdf(-z).sort().values
    steps = torch.arange(len(pit) + 1, dtype=pit.dtype) / len(pit)
    distance = torch.maximum((pit - steps[:-1]).abs(), (pit - steps[1:]).abs()).max()
    inside = z.abs() <= 1.6448536269514722
    return {"crps": float(crps.mean()), "coverage_90": float(inside.double().mean()), "pit_ks": float(distance)}
