"""What a sweep says in the terminal: a line when a trial ends, a table when all have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from starbolt.sweep.files import chosen
from starbolt.trials.trial import End

SCORES = ("loss", "balanced_accuracy", "f1", "rms", "nmad")
MOST = 30  # rows of the table; sweep.html has them all


def say_end(number: int, end: End, objective: str, folder: Path) -> None:
    """How a trial ended."""
    if end.state == "failed":
        print(f"trial {number} failed: {end.reason}; see {folder}", file=sys.stderr, flush=True)
    elif end.state == "pruned":
        print(f"trial {number}: {end.reason}", flush=True)
    else:
        print(f"trial {number}: {objective} {end.value:.4g}", flush=True)


def say_table(told: dict[str, Any], objective: str) -> None:
    """The trials with their scores, the best first where there are many."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    trials, best = told["trials"], told["best"]
    done = [trial["metrics"] for trial in trials if trial["metrics"]]
    common = set.intersection(*map(set, done)) if done else set()
    scores = [f"{part}/{name}" for part in ("val", "test") for name in SCORES if f"{part}/{name}" in common]
    scores += [objective] if objective in common and objective not in scores else []
    table = Table("trial", *scores, "state")
    shown = trials if len(trials) <= MOST else [trials[best]] if best is not None else trials[:MOST]
    for trial in shown:
        cells: list[Any] = [f"{trial['metrics'][score]:.4g}" if trial["metrics"] else "" for score in scores]
        first = trial["number"] == best and len({str(chosen(trial["params"])) for trial in trials}) > 1
        table.add_row(Text(trial["label"]), *cells, "best" if first else trial["state"])
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if len(shown) < len(trials):
        print(f"the best of {len(trials)} trials; the page has them all")
