"""Scores against numbers worked out by hand, and against scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from starbolt.tasks.scores import class_scores, mode_of, nmad, quantity_scores, sigma_iqr


def guesses(n, k, seed=0):
    torch.manual_seed(seed)
    y = torch.randint(0, k, (n,))
    prob = torch.softmax(torch.randn(n, k) + 1.5 * torch.nn.functional.one_hot(y, k), 1)
    return prob, y


@pytest.mark.parametrize("k", [2, 3, 6])
def test_class_scores_are_scikit_learn_s(k):
    prob, y = guesses(500, k)
    found, code = class_scores(prob, y), prob.argmax(1)
    p = prob.double().numpy()
    p /= p.sum(1, keepdims=True)
    binary = k == 2
    wanted = {
        "accuracy": metrics.accuracy_score(y, code),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, code),
        "f1": metrics.f1_score(y, code, average="binary" if binary else "macro"),
        "auroc": metrics.roc_auc_score(y, p[:, 1]) if binary else metrics.roc_auc_score(y, p, multi_class="ovr"),
        "log_loss": metrics.log_loss(y, p),
    }
    one_hot = np.eye(k)[y.numpy()]
    wanted["average_precision"] = metrics.average_precision_score(
        one_hot[:, 1] if binary else one_hot, p[:, 1] if binary else p
    )
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-5), name


def test_class_scores_by_hand():
    prob = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    found = class_scores(prob, torch.tensor([0, 0, 1, 1]))
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["auroc"] == pytest.approx(3 / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.8, 0.3]).mean(), abs=1e-6)
    assert found["ece"] == pytest.approx((0.1 + 0.4 + 0.2 + 0.7) / 4, abs=1e-6)


def test_classes_that_do_not_occur_do_not_count():
    prob, y = guesses(300, 3)
    y[y == 2] = 0
    found = class_scores(prob, y)
    recall = [(prob.argmax(1)[y == c] == c).double().mean() for c in (0, 1)]
    assert found["balanced_accuracy"] == pytest.approx(float(sum(recall)) / 2)
    assert all(math.isfinite(value) for value in found.values())


def test_one_class_alone_has_no_ranking():
    prob, _ = guesses(20, 3)
    found = class_scores(prob, torch.zeros(20, dtype=torch.long))
    assert "auroc" not in found
    assert 0 <= found["accuracy"] <= 1


def test_quantity_scores_by_hand():
    mean, y = torch.tensor([1.0, 2.0, 3.0, 5.0]), torch.tensor([1.0, 2.5, 3.0, 4.0])
    found = quantity_scores(mean, None, y)
    assert set(found) == {"rms", "mae", "r2", "bias", "nmad", "sigma_iqr"}
    assert found["rms"] == pytest.approx(math.sqrt((0.25 + 1) / 4))
    assert found["mae"] == pytest.approx(1.5 / 4)
    assert found["bias"] == pytest.approx(0.5 / 4)
    assert found["r2"] == pytest.approx(metrics.r2_score(y, mean))


def test_redshift_scores_are_of_dz_over_one_plus_z():
    y = torch.linspace(0, 2, 1000)
    dz = torch.zeros(1000)
    dz[:100], dz[100:150] = 0.1, 0.2  # in units of 1 + z
    found = quantity_scores(y + dz * (1 + y), None, y, redshift=True)
    assert found["outlier_fraction"] == pytest.approx(0.05)
    assert found["outlier_fraction_3sigma"] == pytest.approx(0.15)
    assert found["bias"] == pytest.approx((100 * 0.1 + 50 * 0.2) / 1000, rel=1e-4)
    assert found["nmad"] == pytest.approx(0, abs=1e-6)


def test_spreads_of_a_gaussian_are_its_sigma():
    error = torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 + 1
    assert nmad(error, torch.ones_like(error)) == pytest.approx(3, rel=0.01)
    assert sigma_iqr(error) == pytest.approx(3, rel=0.01)
    assert nmad(error, torch.full_like(error, 2.0)) == pytest.approx(1.5, rel=0.01)


def test_crps_is_the_integral_it_stands_for():
    mean, sigma, y = torch.tensor([0.3, -1.0]), torch.tensor([0.7, 2.0]), torch.tensor([1.0, -1.5])
    t = np.linspace(-40, 40, 400_001)
    wanted = []
    for m, s, v in zip(mean.tolist(), sigma.tolist(), y.tolist(), strict=True):
        cdf = 0.5 * (1 + torch.erf(torch.from_numpy((t - m) / s / math.sqrt(2))).numpy())
        wanted.append((((cdf - (t >= v)) ** 2).sum()) * (t[1] - t[0]))
    assert quantity_scores(mean, sigma, y)["crps"] == pytest.approx(np.mean(wanted), rel=1e-3)


@pytest.mark.parametrize(("told", "covered"), [(1.0, 0.9), (0.5, 0.589), (2.0, 0.99900)])
def test_coverage_tells_wrong_sigmas(told, covered):
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(100_000, generator=generator, dtype=torch.float64)
    found = quantity_scores(torch.zeros_like(y), torch.full_like(y, told), y)
    assert found["coverage_90"] == pytest.approx(covered, abs=0.005)
    assert (found["pit_ks"] < 0.01) == (told == 1)


def test_the_pit_of_a_constant_offset_leans_to_one_side():
    y = torch.zeros(50)
    assert quantity_scores(y + 10, torch.ones(50), y)["pit_ks"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [
        ("val/loss", "min"),
        ("val/balanced_accuracy", "max"),
        ("val/nmad/z", "min"),
        ("val/r2", "max"),
        ("val/crps", "min"),
        ("val/auroc", "max"),
    ],
)
def test_scores_know_which_way_is_better(monitor, mode):
    assert mode_of(monitor) == mode
