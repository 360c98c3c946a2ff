"""`starbolt runs`: the runs below a folder, newest first, with their scores."""

from __future__ import annotations

import csv
import datetime
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from starbolt.compose import UserError
from starbolt.endurance.lease import holder
from starbolt.messages import say
from starbolt.trials.trial import ended
from starbolt.verbs.listing import show

HOMES = ("runs", "sweeps")
SCORES = ("accuracy", "balanced_accuracy", "f1", "rms", "nmad", "outlier_fraction", "r2")
MOST = 4  # scores shown of one run


class Run(NamedTuple):
    """One run folder: when it was begun, part/name -> score, seconds it took (None where unknown), and its state."""

    folder: Path
    began: float
    metrics: dict[str, float]
    seconds: float | None
    state: str


def main(words: list[str]) -> None:
    """List the runs below the folder named, or below ./runs and ./sweeps."""
    homes = [Path(word) for word in words] or [Path(home) for home in HOMES]
    for home in homes:
        if words and not home.is_dir():
            raise UserError(f"there is no folder {home}; starbolt runs FOLDER lists the runs below it")
    runs = sorted((look(folder) for home in homes for folder in run_folders(home)), key=lambda run: -run.began)
    if not runs:
        below = ", ".join(map(str, homes))
        say(f"no runs below {below}; starbolt train makes one, starbolt runs FOLDER looks elsewhere")
        return
    show(("run", "begun", "scores", "seconds", "state"), [row_of(run) for run in runs])


def run_folders(home: Path) -> Iterator[Path]:
    """Folders below `home` that hold a config.yaml; nothing inside a run is another run."""
    for folder, inside, files in os.walk(home):
        if "config.yaml" in files:
            inside.clear()
            yield Path(folder)


def look(folder: Path) -> Run:
    """What the files of a run folder say."""
    metrics, about, epochs = _json(folder / "metrics.json"), _json(folder / "provenance.json"), _history(folder)
    began = (folder / "config.yaml").stat().st_mtime
    if about:
        return Run(folder, began, metrics, about.get("seconds"), "done")
    end = ended(folder)
    state = end.state if end and end.state != "finished" else "in work" if holder(folder) else "unfinished"
    if not epochs:
        return Run(folder, began, metrics, None, state)
    return Run(folder, began, metrics, float(epochs[-1]["seconds"]), f"{state}, {len(epochs)} epochs")


def row_of(run: Run) -> tuple[str, ...]:
    """Cells of the listing: folder, date, scores, seconds, state."""
    begun = datetime.datetime.fromtimestamp(run.began).strftime("%Y-%m-%d %H:%M")
    seconds = "" if run.seconds is None else f"{run.seconds:.0f}"
    return str(run.folder), begun, main_scores(run.metrics), seconds, run.state


def main_scores(metrics: dict[str, float]) -> str:
    """The few scores that tell most, of the test part where it was scored, else of the validation part."""
    part = next((part for part in ("test", "val") if any(key.startswith(f"{part}/") for key in metrics)), None)
    wanted = [key for name in SCORES for key in metrics if key == f"{part}/{name}" or key.startswith(f"{part}/{name}/")]
    words = [f"{key.removeprefix(f'{part}/')} {metrics[key]:.4g}" for key in wanted[:MOST]]
    return f"{part}: {', '.join(words)}" if words else ""


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _history(folder: Path) -> list[dict[str, str]]:
    if not (folder / "history.csv").is_file():
        return []
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))
