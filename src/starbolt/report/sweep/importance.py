"""How much each parameter mattered for the objective."""

from __future__ import annotations

from matplotlib.figure import Figure

from starbolt.report.style import BLUE, WIDTH, Drawing, plain
from starbolt.report.sweep.axis import shortened
from starbolt.report.sweep.reading import Sweep
from starbolt.report.sweep.words import several

FEW = 20  # finished trials below which shares are rough
HEIGHT = 0.32  # inches of a bar


def draw(sweep: Sweep) -> list[Drawing]:
    """Horizontal bars, the greatest on top; nothing where nobody has measured it."""
    if not sweep.importance:
        return []
    shares = dict(sorted(sweep.importance.items(), key=lambda item: item[1]))
    figure = Figure(figsize=(WIDTH, 0.8 + HEIGHT * len(shares)))
    ax = figure.subplots()
    bars = ax.barh([plain(shortened(name, 28)) for name in shares], list(shares.values()), height=0.62, color=BLUE)
    ax.bar_label(bars, [f"{share:.0%}" for share in shares.values()], padding=4, fontsize=9)
    ax.set(
        xlim=(0, max(*shares.values(), 1e-9) * 1.15),
        xlabel="share of the importance",
        xticks=[],
        ylim=(-0.6, len(shares) - 0.4),
    )
    ax.tick_params(axis="y", length=0)
    ax.spines["bottom"].set_visible(False)
    numbers = {"parameter": list(shares)[::-1], "importance": list(shares.values())[::-1]}
    return [Drawing("sweep_importance", "Which parameters mattered", _caption(sweep), figure, numbers)]


def _caption(sweep: Sweep) -> str:
    n = len(sweep.scored)
    rough = ", so few that the shares are rough" if n < FEW else ""
    return f"By {sweep.method}, from {several(n, 'finished trial')}{rough}; within the ranges that were searched."
