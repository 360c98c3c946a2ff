"""The scores by name; `docs/metrics.md` has each one's formula. Arrays in, plain numbers out, no shared state."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_auroc,
    multiclass_average_precision,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
)


def class_scores(
    prob: Tensor,
    y: Tensor,
    *,
    code: Tensor | None = None,
    sets: Tensor | None = None,
    working: Sequence[float] = (),
) -> dict[str, float]:
    """Scores of class probabilities [n, K] against codes int64 [n]; classes absent from `y` do not count.

    code: the classes given int64 [n] (None: the most probable). sets: bool [n, K], which classes each object's set
    holds. working: per class the probability from which objects are taken for it, for purity and completeness.
    """
    k = prob.shape[1]
    matrix = multiclass_confusion_matrix(prob.argmax(1) if code is None else code, y, k).double()
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
        **(_set_scores(sets, y) if sets is not None else {}),
        **(_purity(prob, y, working, present) if len(working) else {}),
    }


def quantity_scores(
    mean: Tensor,
    y: Tensor,
    *,
    pit: Tensor | None = None,
    crps: Tensor | None = None,
    cde: Tensor | None = None,
    low: Tensor | None = None,
    high: Tensor | None = None,
    redshift: bool = False,
) -> dict[str, float]:
    """Scores of one quantity: predicted mean [n] and truth [n], in the quantity's unit.

    pit, crps, cde: of each object [n], where a distribution was predicted, see `density.judged`. low, high: the ends
    of its interval [n]. redshift: bias, nmad and sigma_iqr are of dz / (1 + z), and outlier fractions are given.
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
    if pit is not None and crps is not None and cde is not None:
        scores |= {"crps": float(crps.double().mean()), "cde_loss": float(cde.double().mean())}
        scores |= {"coverage_90": share_within(pit, 0.9), "pit_ks": distance_from_uniform(pit)}
    if low is not None and high is not None:
        scores["coverage"] = float(((y >= low) & (y <= high)).double().mean())
        width = float((high - low).double().median())
        scores |= {"interval_width": width} if math.isfinite(width) else {}  # too few calibration objects: no ends
    return scores


def share_within(pit: Tensor, level: float) -> float:
    """Share of truths inside the central interval of this level of their predicted distributions."""
    return float(((pit - 0.5).abs() <= level / 2).double().mean())


def distance_from_uniform(pit: Tensor) -> float:
    """Largest distance of the distribution of PIT values [n] from the uniform one (Kolmogorov-Smirnov)."""
    pit = pit.double().sort().values
    steps = torch.arange(len(pit) + 1, dtype=pit.dtype) / len(pit)
    return float(torch.maximum((pit - steps[:-1]).abs(), (pit - steps[1:]).abs()).max())


def best_cut(prob: Tensor, positive: Tensor) -> float:
    """The probability [n] from which on objects are taken that gives the largest F1; positive: bool [n]."""
    order = prob.argsort(descending=True)
    hits, taken = positive[order].cumsum(0).double(), torch.arange(1, len(prob) + 1)
    last = torch.ones_like(positive)  # of each run of equal probabilities: they are taken together
    last[:-1] = prob[order].diff() != 0
    f1 = torch.where(last, 2 * hits / (taken + positive.sum()).clamp(min=1), -1.0)
    return float(prob[order][f1.argmax()]) if len(prob) else 0.5


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


def _set_scores(sets: Tensor, y: Tensor) -> dict[str, float]:
    """How often the set holds the true class, and how many classes it holds on average."""
    inside = sets.gather(1, y[:, None]).double().mean()
    return {"set_coverage": float(inside), "set_size": float(sets.sum(1).double().mean())}


def _purity(prob: Tensor, y: Tensor, working: Sequence[float], present: Tensor) -> dict[str, float]:
    """Of the second class where there are two, mean over the classes that occur otherwise."""
    taken = prob >= torch.tensor(working, dtype=prob.dtype)
    true = torch.nn.functional.one_hot(y, prob.shape[1]).bool()
    hits = (taken & true).sum(0).double()
    purity = torch.where(taken.any(0), hits / taken.sum(0), 0.0)
    completeness = hits / true.sum(0)
    if prob.shape[1] == 2:
        return {"purity": float(purity[1]), "completeness": float(completeness[1])} if present[1] else {}
    return {"purity": float(purity[present].mean()), "completeness": float(completeness[present].mean())}
