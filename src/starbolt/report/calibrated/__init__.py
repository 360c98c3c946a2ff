"""Whether the answers' uncertainties are what they say: on objects that neither trained nor calibrated the network."""

from __future__ import annotations

from starbolt.report.calibrated import before, pit, reliability, sets
from starbolt.report.results import Results
from starbolt.report.style import Drawing


def told(results: Results) -> str:
    """What was fitted, the scores before and after, and the coverage, as HTML; empty where nothing is to be told."""
    return before.told(results) + sets.table(results) if results.calibration or draw_any(results) else ""


def draw(results: Results) -> list[Drawing]:
    """Reliability and sets of classes, PIT, coverage and intervals of quantities."""
    return [figure for kind in (reliability, pit, sets) for figure in kind.draw(results)]


def draw_any(results: Results) -> bool:
    """Whether the answers tell an uncertainty at all."""
    return bool(results.classes) or any(quantity.sigma is not None for quantity in results.quantities)
