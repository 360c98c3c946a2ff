"""ROC and purity curves: their areas are the tested ones, and the working point lies on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from starbolt.report import purity, roc
from starbolt.report.against_rest import POINTS, Ranked, against_rest, thinned
from starbolt.report.results import Results


@pytest.fixture
def ranked() -> Ranked:
    random = np.random.default_rng(0)
    positive = random.random(300) < 0.3
    return Ranked((random.normal(size=300) + positive).round(1), positive, 0.8)  # with ties


def test_area_under_the_roc_is_that_of_scikit_learn(ranked: Ranked) -> None:
    from sklearn.metrics import roc_auc_score

    assert roc.area(*roc.roc(ranked)) == pytest.approx(roc_auc_score(ranked.positive, ranked.score))


def test_average_precision_is_that_of_scikit_learn(ranked: Ranked) -> None:
    from sklearn.metrics import average_precision_score

    assert purity.area(*purity.purity(ranked)) == pytest.approx(average_precision_score(ranked.positive, ranked.score))


def test_working_point_lies_on_both_curves(ranked: Ranked) -> None:
    taken = ranked.score >= 0.8
    assert purity.mark(ranked) == (taken[ranked.positive].mean(), ranked.positive[taken].mean())
    for mark, (x, y) in ((roc.mark(ranked), roc.roc(ranked)), (purity.mark(ranked), purity.purity(ranked))):
        assert mark is not None
        assert np.hypot(x - mark[0], y - mark[1]).min() < 1e-12


def test_without_a_working_point_nothing_is_marked(ranked: Ranked) -> None:
    assert roc.mark(ranked._replace(cut=None)) is None
    assert purity.mark(ranked._replace(cut=None)) is None
    assert purity.mark(ranked._replace(cut=99.0)) is None  # purity of nothing


def test_of_two_classes_one_curve_says_all(image_run: Path) -> None:
    results = Results.read(image_run)
    assert list(against_rest(results)) == list(results.classes)
    figure = purity.draw(results)[0]
    assert np.asarray(figure.numbers["working_point"]).sum() == 3


def test_long_curves_are_thinned_where_they_are_straight_and_keep_their_ends() -> None:
    x = np.linspace(0, 1, 100_000)
    y = np.minimum(x * 1000, 1.0)
    few_x, few_y = thinned(x, y)
    assert len(few_x) <= POINTS
    assert (few_x[0], few_x[-1], few_y[-1]) == (0, 1, 1)
    assert ((few_y > 0) & (few_y < 0.99)).sum() > 40  # of the steep part, a thousandth of the points
