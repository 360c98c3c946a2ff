"""Shift of how objects are answered: losses, PIT values and coverage of the test part against what they should be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from starbolt.report.calibrated.sets import covered, level
from starbolt.report.quantity import numbers, quantities
from starbolt.report.results import Results
from starbolt.report.shift.inputs import FEWEST, P, small

LEAST_LOSS = 0.03  # departure from 1/2 of the chance that a test object has the larger loss
LEAST_PIT = 0.05  # Kolmogorov-Smirnov distance
LEAST_COVERAGE = 0.015  # of the share of truths held


def answered_otherwise(results: Results) -> list[str]:
    """Sentences on the test objects, each with size and p; none where they are answered as the validation objects."""
    if results.part != "test" or "val" not in results.parts:
        return []
    return [*_losses(results), *_pit(results), *_coverage(results)]


def _losses(results: Results) -> Iterator[str]:
    """Mann & Whitney 1947, doi:10.1214/aoms/1177730491: the chance that a test object has the larger loss."""
    from scipy.stats import mannwhitneyu

    test, val = (_one_of_each(results, part, numbers(results.parts[part], "loss")) for part in ("test", "val"))
    if min(len(test), len(val)) < FEWEST:
        return
    found = mannwhitneyu(test, val)
    larger = float(found.statistic) / (len(test) * len(val))
    if found.pvalue < P and abs(larger - 0.5) > LEAST_LOSS:
        word, chance = ("easier", 1 - larger) if larger < 0.5 else ("harder", larger)
        than = "smaller" if larger < 0.5 else "larger"
        yield (
            f"They are {word} than the validation objects: a test object has the {than} loss in {chance:.0%} of pairs "
            f"with a validation object, not in half of them (mean loss {test.mean():.4g} against {val.mean():.4g}, "
            f"{small(float(found.pvalue))})."
        )


def _pit(results: Results) -> Iterator[str]:
    """Smirnov's test of two samples: what the calibration itself misses is the same in both parts."""
    from scipy.stats import ks_2samp

    for k, quantity in enumerate(results.quantities if not results.classes else ()):
        other = quantities(results.parts["val"], results.spec)[k]
        if quantity.pit is None or other.pit is None:
            continue
        test = _one_of_each(results, "test", quantity.pit, quantity.place)
        val = _one_of_each(results, "val", other.pit, other.place)
        if min(len(test), len(val)) < FEWEST:
            continue
        found = ks_2samp(test, val, method="asymp")
        if found.pvalue * len(results.quantities) < P and found.statistic > LEAST_PIT:
            yield (
                f"Their truths of {quantity.name} lie elsewhere in the predicted distributions than those of the "
                f"validation objects (distance of the PIT values {found.statistic:.2f}, {small(float(found.pvalue))})."
            )


def _coverage(results: Results) -> Iterator[str]:
    """Coverage that neither chance nor the finite number of calibration objects explains, with probability 99%."""
    for row in covered(results, chance=0.99):
        if row.name not in ("all", *results.spec.target.names):
            continue
        off = row.reached - level(results)
        if not row.inside and abs(off) > LEAST_COVERAGE and "group" not in results.predictions.column_names:
            kind = "sets" if results.classes else f"intervals{'' if row.name == 'all' else f' of {row.name}'}"
            yield (
                f"Their {level(results):.0%} {kind} hold the truth of {row.reached:.1%}, where {row.low:.1%} to "
                f"{row.high:.1%} were to be expected of objects drawn as the calibration objects were (p < 0.01)."
            )


def _one_of_each(results: Results, part: str, values: np.ndarray, place: np.ndarray | None = None) -> np.ndarray:
    """The finite values [n], one of each group of objects, which are alike."""
    table = results.parts[part]
    place = np.arange(table.num_rows) if place is None else place
    if "group" in table.column_names:
        groups = table["group"].take(pa.array(place)).to_numpy().astype(str)
        values = values[np.sort(np.unique(groups, return_index=True)[1])]
    return values[np.isfinite(values)]
