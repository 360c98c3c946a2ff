"""The map of normal scores: what was distorted comes back, and where nothing is wrong nothing is done."""

import numpy as np
import pytest
import torch
from scipy import stats

from starbolt.tasks.warp import FEWEST, Warp, fit_warp


def warp(*numbers):
    return Warp.of(torch.tensor([numbers], dtype=torch.float64))


def applied(numbers, z):
    return warp(*numbers)(torch.from_numpy(z)[:, None, None]).flatten().numpy()


@pytest.mark.parametrize("numbers", [(0, 1, 0, 1), (0.3, 1.5, 0, 1), (0.1, 1.3, 0.2, 0.8), (0, 0.7, -0.3, 1.2)])
def test_the_map_rises_and_has_an_inverse_and_a_slope(numbers):
    g, z = warp(*numbers), torch.linspace(-5, 5, 201, dtype=torch.float64)
    assert torch.allclose(g(g.inverse(z)), z, atol=1e-9)
    assert (g(z).diff() > 0).all()
    numeric = (g(z + 1e-5) - g(z - 1e-5)) / 2e-5
    assert torch.allclose(g.slope(z), numeric, rtol=1e-4)


@pytest.mark.parametrize(
    "distorted",
    [
        lambda z: 1.6 * z,
        lambda z: 0.6 * z + 0.4,
        lambda z: np.sinh(1.4 * np.arcsinh(z)),
        lambda z: z + 0.25 * z**2 * (z > 0),
    ],
    ids=["too narrow", "too wide and shifted", "heavy tails", "skew"],
)
def test_what_was_distorted_comes_back(distorted):
    random = np.random.default_rng(0)
    numbers = fit_warp(distorted(random.normal(size=4000)))
    new = distorted(random.normal(size=4000))
    before, after = (stats.kstest(z, "norm").statistic for z in (new, applied(numbers, new)))
    assert before > 0.05
    assert after < 0.03


def test_where_nothing_is_wrong_hardly_anything_is_done():
    random, z = np.random.default_rng(1), np.linspace(-4, 4, 401)
    moved = [
        np.abs(stats.norm.cdf(applied(fit_warp(random.normal(size=500)), z)) - stats.norm.cdf(z)) for _ in range(20)
    ]
    assert np.mean([away.max() for away in moved]) < 0.02


def test_few_objects_and_absurd_ones_do_not_rule():
    z = np.random.default_rng(0).normal(size=1000)
    assert fit_warp(5 * z[: FEWEST - 1]) == (0.0, 1.0, 0.0, 1.0)
    wild = np.append(z, [1e6, -np.inf, np.nan, -1e3])
    at = np.array([-1.0, 0.0, 1.0])
    assert applied(fit_warp(wild), at) == pytest.approx(applied(fit_warp(z), at), abs=0.1)
