"""The latent map: components are the known ones, and an object far from all others is the most unusual."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from starbolt.explain.latent import principal_axes, typical, unusualness


def cloud(n: int, seed: int = 0) -> torch.Tensor:
    """Features [n, 8], two clumps of very different spreads along the axes."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 8)) * np.geomspace(10, 0.1, 8)
    x[: n // 2, 0] += 60
    return torch.from_numpy(x.astype(np.float32))


def test_components_are_those_of_scikit_learn():
    train, shown = cloud(300), cloud(40, 1)
    axes = principal_axes(train)
    known = PCA(len(axes.share)).fit(train.numpy())
    np.testing.assert_allclose(axes.share, known.explained_variance_ratio_, rtol=1e-3)
    np.testing.assert_allclose(axes.spread**2, known.explained_variance_, rtol=1e-3)
    np.testing.assert_allclose(axes(shown).abs(), np.abs(known.transform(shown.numpy())), rtol=1e-2, atol=1e-2)
    assert axes.share.sum() >= 0.99
    assert (axes.directions.gather(0, axes.directions.abs().argmax(0)[None]) > 0).all()


def test_a_planted_outlier_is_the_most_unusual():
    train, shown = cloud(300), cloud(50, 1)
    shown[7, 2] += 50  # a short axis: near the others along the first two
    score = unusualness(principal_axes(train), shown, train)
    assert score.argmax() == 7
    assert score[7] > 3 * score[torch.arange(50) != 7].max()


def test_between_two_clumps_it_is_lonely_although_it_is_at_the_mean():
    train = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    train[:150, 0] += 60
    middle = train.mean(0, keepdim=True)
    score = unusualness(principal_axes(train), torch.cat([middle, train[::10]]), train)
    assert score.argmax() == 0
    assert score[0] > 3


def test_one_is_usual_whatever_the_unit():
    train = cloud(400)
    for factor in (1e-3, 1.0, 1e3):
        score = unusualness(principal_axes(factor * train), factor * cloud(400, 1), factor * train)
        assert float(score.median()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("train", [torch.zeros(5, 3), torch.ones(2, 1), torch.arange(4.0)[:, None], torch.zeros(1, 4)])
def test_features_without_two_directions_give_numbers(train):
    axes = principal_axes(train)
    assert axes(train).shape == (len(train), len(axes.share))
    assert len(axes.share) >= 2
    assert torch.isfinite(axes(train)).all()
    assert torch.isfinite(unusualness(axes, train, train)).all()


def test_typical_objects_are_near_the_middle_of_each_group_in_turn():
    place = torch.tensor([[0.0], [1], [2], [3], [4], [10], [11], [12], [20]])
    groups = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2])
    assert typical(place, groups, 4, np.array([8]))[:2].tolist() == [2, 6]
    assert 8 not in typical(place, groups, 4, np.array([8]))
    assert typical(place, groups, 3, np.array([], int)).tolist() == [2, 6, 8]
    assert len(typical(place, groups, 4, np.arange(9))) == 0
