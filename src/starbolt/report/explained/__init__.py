"""What the network looks at, in figures: filters, maps, columns, stretches of time, and the space where objects lie."""

from __future__ import annotations

from starbolt.report.explained import columns, curves, filters, latent, maps, places
from starbolt.report.results import Results
from starbolt.report.style import Drawing


def draw(results: Results) -> list[Drawing]:
    """All figures that explain.npz has arrays for; none where the run folder lacks it."""
    if not results.explained:
        return []
    drawings = []
    for name, about in results.spec.inputs.items():
        kinds = {"image": (places, filters, maps), "series": (curves,), "table": (columns,)}[about.kind]
        drawings += [drawing for kind in kinds for drawing in kind.draw(results, name)]
    return [*drawings, latent.draw(results)]


def reasons(results: Results) -> list[str]:
    """Sentences on what could not be shown."""
    return results.explained["reasons"].tolist() if results.explained else []
