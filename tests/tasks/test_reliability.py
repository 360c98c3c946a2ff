"""Calibration errors: by hand, and what chance alone makes of a perfect model."""

import numpy as np
import pytest
import torch

from starbolt.tasks.reliability import (
    EXACT,
    calibration_error,
    class_reliability,
    perfect_calibration_error,
    perfect_ks,
    quantity_reliability,
)


def test_by_hand():
    confidence, correct = np.array([0.9, 0.6, 0.8, 0.7]), np.array([True, False, True, True])
    # two bins of two: (0.6, 0.7) with accuracy 1/2, (0.8, 0.9) with 1
    assert calibration_error(confidence, correct, 2) == pytest.approx(0.5 * 0.15 + 0.5 * 0.15)
    assert calibration_error(confidence, correct, 1) == pytest.approx(0)
    assert np.isnan(calibration_error(np.zeros(0), np.zeros(0)))


def test_a_perfect_model_is_no_better_than_chance_lets_it_be():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.4, 1, 600)
    wanted = perfect_calibration_error(confidence)
    mine = [calibration_error(confidence, random.random(600) < confidence) for _ in range(200)]
    assert wanted == pytest.approx(np.mean(mine), rel=0.05)
    assert 0.01 < wanted < 0.1
    sure = calibration_error(confidence, random.random(600) < confidence - 0.1)
    assert sure > wanted + 0.03


def test_the_mean_distance_from_uniform_of_uniform_numbers():
    random = np.random.default_rng(0)
    from scipy import stats

    mine = np.mean([stats.kstest(random.random(300), "uniform").statistic for _ in range(300)])
    assert perfect_ks(300) == pytest.approx(mine, rel=0.05)
    assert quantity_reliability(torch.tensor([0.5, float("nan")]))["pit_ks_perfect"] == pytest.approx(perfect_ks(1))


def test_the_limit_joins_the_exact_distribution():
    from scipy import stats

    assert perfect_ks(2000) == pytest.approx(stats.kstwo.mean(2000), rel=1e-4)
    assert perfect_ks(EXACT) > perfect_ks(EXACT + 1) > 0.99 * perfect_ks(EXACT)
    assert perfect_ks(EXACT + 1) == pytest.approx(stats.kstwo.mean(EXACT + 1), rel=3e-4)


def test_classes_are_told_beside_the_perfect_model():
    prob = torch.softmax(torch.randn(500, 3, generator=torch.Generator().manual_seed(0)), 1)
    found = class_reliability(prob, torch.multinomial(prob, 1)[:, 0])
    assert found["calibration_error"] == pytest.approx(found["calibration_error_perfect"], abs=0.03)
