"""What the calibration did: on which objects it was fitted, and the scores before and after."""

from __future__ import annotations

from html import escape

from starbolt.report.results import Results
from starbolt.report.words import html_table, number

SHOWN = ("log_loss", "ece", "crps", "cde_loss", "pit_ks", "coverage_90", "set_coverage", "coverage")  # first if there


def told(results: Results) -> str:
    """A paragraph and a table, as HTML; a plain sentence where nothing was calibrated."""
    about = results.calibration
    if not about:
        return "<p>These answers were not calibrated.</p>"
    by = about.get("by") or []
    words = f"{about['objects']:,} objects that are" if "objects" in about else "objects"
    apart = f", with thresholds of their own for each {' and '.join(map(str, by))}" if by else ""
    first = (
        f"Fitted to {words} in neither the training, the validation nor the test part. Sets and intervals are meant "
        f"to hold the truth of {about.get('level', 0.9):.0%} of the objects{apart} (split-conformal)."
    )
    return f"<p>{escape(first)}</p>{_table(results)}"


def _table(results: Results) -> str:
    before, after = results.calibration.get("before", {}), results.calibration.get("after", {})
    changed = [name for name in after if name in before and number(before[name]) != number(after[name])]
    if not changed:
        return ""
    changed.sort(key=lambda name: (_rank(name), name))
    rows = [[name, number(before[name]), number(after[name])] for name in changed]
    return html_table([f"score of the {results.part} part", "before", "after"], rows)


def _rank(name: str) -> int:
    base = name.partition("/")[0]
    return SHOWN.index(base) if base in SHOWN else len(SHOWN)
