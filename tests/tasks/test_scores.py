"""Scores against numbers worked out by hand, and against scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from starbolt.contract import TargetSpec
from starbolt.direction import mode_of
from starbolt.tasks import Regression
from starbolt.tasks.scores import best_cut, class_scores, nmad, quantity_scores, sigma_iqr

SPEC = TargetSpec(("z",), ("",), mean=(0.5,), spread=(0.2,), log_mean=(-0.3,), log_spread=(0.1,))


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
    found = quantity_scores(mean, y)
    assert set(found) == {"rms", "mae", "r2", "bias", "nmad", "sigma_iqr"}
    assert found["rms"] == pytest.approx(math.sqrt((0.25 + 1) / 4))
    assert found["mae"] == pytest.approx(1.5 / 4)
    assert found["bias"] == pytest.approx(0.5 / 4)
    assert found["r2"] == pytest.approx(metrics.r2_score(y, mean))


def test_redshift_scores_are_of_dz_over_one_plus_z():
    y = torch.linspace(0, 2, 1000)
    dz = torch.zeros(1000)
    dz[:100], dz[100:150] = 0.1, 0.2  # in units of 1 + z
    found = quantity_scores(y + dz * (1 + y), y, redshift=True)
    assert found["outlier_fraction"] == pytest.approx(0.05)
    assert found["outlier_fraction_3sigma"] == pytest.approx(0.15)
    assert found["bias"] == pytest.approx((100 * 0.1 + 50 * 0.2) / 1000, rel=1e-4)
    assert found["nmad"] == pytest.approx(0, abs=1e-6)


def test_spreads_of_a_gaussian_are_its_sigma():
    error = torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 + 1
    assert nmad(error, torch.ones_like(error)) == pytest.approx(3, rel=0.01)
    assert sigma_iqr(error) == pytest.approx(3, rel=0.01)
    assert nmad(error, torch.full_like(error, 2.0)) == pytest.approx(1.5, rel=0.01)


def judged(mean, sigma, y):
    told = Regression(4, SPEC).judge({"mean": mean[:, None], "sigma": sigma[:, None]}, y[:, None])
    return quantity_scores(mean, y, **{name: value[:, 0] for name, value in told.items()})


@pytest.mark.parametrize(("told", "covered"), [(1.0, 0.9), (0.5, 0.589), (2.0, 0.99900)])
def test_coverage_tells_wrong_sigmas(told, covered):
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(100_000, generator=generator, dtype=torch.float64)
    found = judged(torch.zeros_like(y), torch.full_like(y, told), y)
    assert found["coverage_90"] == pytest.approx(covered, abs=0.005)
    assert (found["pit_ks"] < 0.01) == (told == 1)


def test_the_pit_of_a_constant_offset_leans_to_one_side():
    y = torch.zeros(50)
    assert judged(y + 10, torch.ones(50), y)["pit_ks"] == pytest.approx(1, abs=1e-6)


def test_coverage_and_width_of_intervals_by_hand():
    y = torch.tensor([1.0, 2.0, 3.0, 4.0])
    found = quantity_scores(y, y, low=torch.tensor([0.5, 2.5, 3.0, 0.0]), high=torch.tensor([1.5, 3.5, 3.0, 9.0]))
    assert found["coverage"] == 3 / 4
    assert found["interval_width"] == pytest.approx(1)


def test_sets_and_purity_by_hand():
    prob = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    sets = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]]).bool()
    found = class_scores(prob, torch.tensor([0, 1, 2, 2]), sets=sets, working=(0.5, 0.5, 0.3))
    assert (found["set_coverage"], found["set_size"]) == (3 / 4, 5 / 4)
    # taken: class 0 the first two (one right), class 1 the third (wrong), class 2 the last two (both right)
    assert found["purity"] == pytest.approx((1 / 2 + 0 + 1) / 3)
    assert found["completeness"] == pytest.approx((1 + 0 + 1) / 3)
    assert class_scores(prob, torch.tensor([0, 0, 2, 2]), code=torch.tensor([0, 1, 2, 2]))["accuracy"] == 3 / 4


def test_purity_of_two_classes_is_that_of_the_second():
    prob = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    found = class_scores(prob, torch.tensor([0, 0, 1, 1]), working=(0.5, 0.25))
    assert (found["purity"], found["completeness"]) == (2 / 3, 1)


@pytest.mark.parametrize("n", [1, 30])
def test_the_best_cut_is_found_by_trying_all(n):
    torch.manual_seed(n)
    prob, positive = (torch.rand(n) * 10).round() / 10, torch.rand(n) < 0.4
    positive[0] = True

    def f1(cut):
        taken = prob >= cut
        return 2 * (taken & positive).sum() / (taken.sum() + positive.sum())

    assert f1(best_cut(prob, positive)) == max(f1(cut) for cut in prob)


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
