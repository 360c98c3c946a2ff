"""Split-conformal thresholds: the k-th of n by hand, and the coverage that they promise."""

import math

import numpy as np
import pytest

from starbolt.tasks.conformal import ends, expected, least, most


def test_thresholds_by_hand():
    values = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 9.0, 8.0, 7.0, 6.0])  # n = 9: k = floor(10 * 0.2) = 2
    assert least(values, 0.8) == 2
    assert most(values, 0.8) == 8
    assert ends(values, 0.8) == (1, 9)  # a tenth beyond either end
    assert least(values, 0.95) == -math.inf  # 9 objects cannot promise 95%
    assert most(np.zeros(0), 0.5) == math.inf


@pytest.mark.parametrize("level", [0.68, 0.9])
def test_new_values_are_covered_as_often_as_promised(level):
    random = np.random.default_rng(0)
    covered = []
    for _ in range(2000):
        values = random.exponential(size=51)
        low, high = ends(values[:50], level)
        covered.append(low <= values[50] <= high)
    assert level - 0.02 <= np.mean(covered) <= level + 2 / 51 + 0.02


def test_the_expected_range_holds_the_coverage_of_95_in_100_draws():
    random, inside = np.random.default_rng(1), 0
    low, high = expected(40, 60, 0.9)
    for _ in range(1000):
        values = random.random(100)
        coverage = (values[40:] >= least(values[:40], 0.9)).mean()
        inside += low - 1e-9 <= coverage <= high + 1e-9
    assert 940 <= inside <= 990
    assert low < 0.9 < high


def test_where_nothing_can_be_promised_all_are_covered():
    assert expected(5, 20, 0.9) == (1.0, 1.0)
