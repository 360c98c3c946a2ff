"""Predicted distributions: each answers the same questions, and the answers agree with integrals."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from starbolt.tasks.density import Density, Histogram, Logarithmic, Mixture, Warped, judged, warped
from starbolt.tasks.warp import Warp

STEP = 0.001
GRID = torch.arange(-30, 30, STEP, dtype=torch.float64) + STEP / 2  # beside the edges of histograms, not on them


MILD = Warp.of(torch.tensor([[0.05, 1.05, 0.02, 1.0]], dtype=torch.float64))


def gaussian(mean, sigma):
    mean, sigma = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (mean, sigma))
    return Mixture(torch.ones_like(mean), mean, sigma)


def mixture():
    rows = ([[0.3, 0.7]], [[-1.0, 2.0]], [[0.5, 1.5]]), ([[0.5, 0.5]], [[0.0, 0.3]], [[1.0, 0.2]])
    return Mixture(*(torch.tensor([row[i] for row in rows], dtype=torch.float64) for i in range(3)))


def histogram():
    edges = torch.tensor([[[-2.0, -1.0, 0.0, 0.5, 3.0]], [[0.0, 0.1, 0.4, 0.5, 1.0]]], dtype=torch.float64)
    mass = torch.tensor([[[0.1, 0.4, 0.3, 0.2]], [[0.25, 0.25, 0.4, 0.1]]], dtype=torch.float64)
    return Histogram(edges, mass)


def bent(base):
    return Warped(base, Warp.of(torch.tensor([[0.1, 1.3, 0.2, 0.8]], dtype=torch.float64)))


EACH = [
    pytest.param(make, id=name)
    for name, make in {
        "gaussian": lambda: gaussian([0.0, 3.0], [1.0, 0.2]),
        "mixture": mixture,
        "histogram": histogram,
        "warped mixture": lambda: bent(mixture()),
        "warped histogram": lambda: Warped(histogram(), MILD),  # a wild warp piles mass up at the edges
    }.items()
]


@pytest.mark.parametrize("make", EACH)
def test_the_density_integrates_to_one_and_to_the_moments(make):
    density = make()
    f = density.pdf(GRID.expand(2, 1, -1)) * STEP
    assert f.sum(2).flatten().tolist() == pytest.approx([1, 1], abs=2e-3)
    mean, std = density.mean()[:, 0], density.std()[:, 0]
    assert (f * GRID).sum(2)[:, 0].tolist() == pytest.approx(mean.tolist(), abs=0.01)
    wanted = ((f * (GRID - mean[:, None, None]) ** 2).sum(2)[:, 0]).sqrt()
    assert std.tolist() == pytest.approx(wanted.tolist(), rel=0.02)


@pytest.mark.parametrize("make", EACH)
def test_places_and_values_are_inverse_to_each_other(make):
    z = torch.linspace(-2.5, 2.5, 11, dtype=torch.float64)
    density = make()
    values = density.at(z)
    assert torch.allclose(density.normal(values), z.expand_as(values), atol=1e-6)
    assert (values.diff(dim=2) > 0).all()


@pytest.mark.parametrize("make", EACH)
def test_scores_are_the_integrals_they_stand_for(make):
    density, y = make(), torch.tensor([[0.4], [0.45]], dtype=torch.float64)
    f = density.pdf(GRID.expand(2, 1, -1))
    cdf = (f * STEP).cumsum(2)
    crps = ((cdf - (y[..., None] <= GRID).double()) ** 2).sum(2) * STEP
    assert density.crps(y).flatten().tolist() == pytest.approx(crps.flatten().tolist(), rel=0.02, abs=2e-3)
    cde = (f.square() * STEP).sum(2) - 2 * density.pdf(y[..., None])[..., 0]
    assert density.cde(y).flatten().tolist() == pytest.approx(cde.flatten().tolist(), rel=0.02, abs=2e-3)


def test_a_gaussian_by_hand():
    density, y = gaussian([1.0], [2.0]), torch.tensor([[4.0]], dtype=torch.float64)
    assert float(density.normal(y[..., None])) == pytest.approx(1.5)
    told = judged(density, y)
    assert float(told.pit) == pytest.approx(stats.norm.cdf(1.5))
    z = 1.5
    crps = 2 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi))
    assert float(told.crps) == pytest.approx(crps)  # Gneiting et al. 2005, doi:10.1175/MWR2904.1, eq. 5
    assert float(told.cde) == pytest.approx(1 / (2 * 2 * math.sqrt(math.pi)) - 2 * stats.norm.pdf(z) / 2)
    assert [float(v) for v in (density.mean(), density.std(), density.mode())] == [1.0, 2.0, 1.0]


def test_a_histogram_by_hand():
    density = histogram()
    assert density.mean()[0].tolist() == pytest.approx([0.1 * -1.5 + 0.4 * -0.5 + 0.3 * 0.25 + 0.2 * 1.75])
    assert density.mode()[0].tolist() == [0.25]  # 0.3 over half a unit is the highest
    cde = 0.1**2 + 0.4**2 + 0.3**2 / 0.5 + 0.2**2 / 2.5 - 2 * 0.6
    assert density.cde(torch.tensor([[0.2], [0.2]], dtype=torch.float64))[0].tolist() == pytest.approx([cde])
    assert float(density.pdf(torch.tensor([9.0], dtype=torch.float64))[0]) == 0


def test_closed_forms_of_mixtures_agree_with_sums():
    density, y = mixture(), torch.tensor([[0.4], [-3.0]], dtype=torch.float64)
    for closed, summed in (
        (density.mean(), Density.mean(density)),
        (density.std(), Density.std(density)),
        (density.crps(y), Density.crps(density, y)),
        (density.cde(y), Density.cde(density, y)),
    ):
        assert torch.allclose(closed, summed, atol=0.01)


def test_the_mode_of_a_mixture_is_the_highest_point():
    density = mixture()
    highest = GRID[density.pdf(GRID.expand(2, 1, -1)).argmax(2)]
    assert torch.allclose(density.mode(), highest, atol=2e-3)


def test_far_out_a_mixture_still_tells_places_apart():
    density = mixture()
    z = density.normal(torch.tensor([20.0, 25.0, -25.0], dtype=torch.float64).expand(2, 1, -1))
    assert z[0, 0, 1] > z[0, 0, 0] > 9
    assert z[0, 0, 2] < -9


def test_a_gaussian_that_is_moved_and_stretched_stays_one():
    warp = Warp.of(torch.tensor([[0.5, 2.0, 0.0, 1.0]], dtype=torch.float64))
    density = warped(gaussian([1.0], [0.1]), warp)
    assert isinstance(density, Mixture)
    assert (float(density.mean()), float(density.std())) == pytest.approx((1.05, 0.2))
    t = torch.tensor([[[1.2]]], dtype=torch.float64)
    assert float(density.normal(t)) == pytest.approx(float(Warped(gaussian([1.0], [0.1]), warp).normal(t)))


def test_a_density_of_a_logarithm_is_log_normal():
    density = Logarithmic(gaussian([0.5], [0.2]))
    scipys = stats.lognorm(s=0.2 * math.log(10), scale=10**0.5)
    t = np.array([1.0, 3.0, 8.0])
    assert density.pdf(torch.from_numpy(t)[None, None]).flatten().tolist() == pytest.approx(scipys.pdf(t).tolist())
    assert density.at(torch.tensor([0.0, 1.0], dtype=torch.float64)).flatten().tolist() == pytest.approx(
        scipys.ppf(stats.norm.cdf([0, 1])).tolist()
    )
    assert float(density.pdf(torch.tensor([[[-1.0]]], dtype=torch.float64))) == 0


def test_the_pit_of_draws_from_a_density_is_uniform():
    random = np.random.default_rng(0)
    density = bent(mixture())
    draws = density.at(torch.from_numpy(random.normal(size=4000)))[0, 0]
    one = Mixture(
        *(part[:1].expand(4000, -1, -1) for part in (density.base.weight, density.base.centre, density.base.width))
    )
    pit = judged(bent(one), draws[:, None]).pit[:, 0]
    assert stats.kstest(pit.numpy(), "uniform").pvalue > 0.01


def test_unknown_truths_have_no_verdict():
    told = judged(gaussian([1.0, 2.0], [1.0, 1.0]), torch.tensor([[math.nan], [2.0]], dtype=torch.float64))
    assert [value.isnan().flatten().tolist() for value in told] == [[True, False]] * 3
