"""Bootstrap intervals hold the truth as often as they say, also of many objects drawn from few, and of groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from starbolt.report import intervals, resample
from starbolt.report.results import Results

Interval = tuple[float, float]


def mean_interval(values: np.ndarray, seed: int = 0, groups: np.ndarray | None = None) -> Interval:
    score = {"mean": values.mean()}
    return intervals.intervals(lambda i: {"mean": values[i].mean()}, len(values), score, seed=seed, groups=groups)[
        "mean"
    ]


def width(interval: Interval) -> float:
    return interval[1] - interval[0]


def test_interval_holds_the_true_mean_in_68_per_cent_of_draws() -> None:
    random = np.random.default_rng(0)
    spans = [mean_interval(random.normal(5, 2, 100), seed) for seed in range(200)]
    assert np.mean([low < 5 < high for low, high in spans]) == pytest.approx(0.68, abs=0.1)


def test_interval_of_many_objects_has_the_width_of_theory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "MOST", 500)
    low, high = mean_interval(np.random.default_rng(0).normal(5, 2, 20_000))
    assert high - low == pytest.approx(2 * 2 / np.sqrt(20_000), rel=0.2)


def test_a_score_missing_from_some_resamples_takes_its_interval_from_the_others() -> None:
    found = intervals.intervals(lambda i: {"rare": 1.0} if 0 in i else {}, 3, {"rare": 1.0, "never": 2.0})
    assert found == {"rare": (1.0, 1.0)}


def test_copies_under_one_group_widen_the_interval_to_that_of_single_objects() -> None:
    once = np.random.default_rng(0).normal(5, 2, 300)
    copies, groups = np.repeat(once, 4), np.repeat(np.arange(300), 4)
    assert mean_interval(copies, groups=groups) == pytest.approx(mean_interval(once))
    assert width(mean_interval(copies)) == pytest.approx(width(mean_interval(once)) / 2, rel=0.2)


def test_groups_of_unlike_sizes_have_the_width_of_theory() -> None:
    random = np.random.default_rng(1)
    size = random.integers(1, 9, 400)
    groups = np.repeat(random.permutation(400), size)  # whose objects share a value, and are scattered in the table
    shuffled = random.permutation(len(groups))
    values, groups = np.repeat(random.normal(size=400), size)[shuffled], groups[shuffled]
    total = np.array([(values[groups == g] - values.mean()).sum() for g in range(400)])
    sigma = np.sqrt((total**2).sum()) / len(values)  # of a ratio of sums over groups
    assert width(mean_interval(values, groups=groups)) == pytest.approx(2 * sigma, rel=0.2)


@pytest.mark.parametrize(("many", "most"), [(20_000, 500), (2_000, 100)])
def test_many_groups_drawn_from_few_have_the_width_of_theory(
    monkeypatch: pytest.MonkeyPatch, many: int, most: int
) -> None:
    monkeypatch.setattr(resample, "MOST", most)
    groups = np.repeat(np.arange(many // 5), 5)
    values = np.random.default_rng(2).normal(5, 2, many // 5)[groups]
    assert width(mean_interval(values, groups=groups)) == pytest.approx(2 * 2 / np.sqrt(many / 5), rel=0.25)


def test_large_groups_are_thinned_and_the_interval_is_not_too_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), 1000)
    values = random.normal(size=20)[groups] + random.normal(size=20_000)
    whole = width(mean_interval(values, groups=groups))
    monkeypatch.setattr(resample, "MOST", 2_000)
    sizes: list[int] = []
    thin = intervals.intervals(
        lambda i: sizes.append(len(i)) or {"m": values[i].mean()}, 20_000, {"m": 0.0}, groups=groups
    )
    assert set(sizes) == {2_000}
    assert width(thin["m"]) == pytest.approx(whole, rel=0.2)


def test_of_a_single_group_no_interval_is_known() -> None:
    assert intervals.intervals(lambda i: {"mean": 1.0}, 9, {"mean": 1.0}, groups=np.zeros(9, int)) == {}


def test_a_resample_draws_whole_groups() -> None:
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    drawn = resample.Units.of(6, groups).draw(np.random.default_rng(0))
    counts = {name: [int((drawn == i).sum()) for i in np.flatnonzero(groups == name)] for name in "abc"}
    assert all(len(set(count)) == 1 for count in counts.values())
    assert sum(count[0] for count in counts.values()) == 3


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_scores_of_all_objects_are_those_of_the_run(trained, model: str) -> None:
    results = Results.read(trained(model))
    found = intervals.score_of(results)(np.arange(len(results.loss)))
    assert dict(found) == pytest.approx(results.scores, rel=1e-4, abs=1e-6)
    spans = intervals.score_intervals(results)
    assert spans.keys() == {name for name, value in found.items() if np.isfinite(value)}
    assert all(low <= results.scores[name] <= high for name, (low, high) in spans.items())


def test_groups_are_read_from_the_predictions_and_objects_without_one_stand_alone(trained) -> None:
    results = Results.read(trained("mlp"))
    table = results.predictions
    assert intervals.groups_of(results) is None
    names = pa.array(["", "a", "", *("b" * (len(table) - 3))])
    groups = intervals.groups_of(replace(results, parts={results.part: table.append_column("group", names)}))
    assert groups is not None
    assert len(set(groups)) == 4
    assert len(set(groups[3:])) == 1


def test_several_quantities_have_each_their_known_objects(trained) -> None:
    results = Results.read(trained("mlp"))
    table, target = results.predictions, results.spec.target
    n, known = len(table), np.arange(len(table)) % 2 == 0
    two = replace(target, names=("z", "w"), units=("", "km"))
    columns = {"target_z": table["target"], "target_w": np.where(known, 1.0, np.nan), "z": table["redshift"]}
    columns |= {"w": np.where(known, 3.0, np.nan), "loss": table["loss"]}
    found = intervals.score_of(
        replace(results, spec=replace(results.spec, target=two), parts={results.part: pa.table(columns)})
    )
    scores, some = found(np.arange(n)), found(np.flatnonzero(~known))
    assert scores["rms/w"] == 2
    assert scores["rms/z"] == pytest.approx(results.scores["rms"], rel=1e-5)
    assert "rms/w" not in some
    assert "rms/z" in some
