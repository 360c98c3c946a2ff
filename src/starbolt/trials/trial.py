"""What a run folder says of the trial of a sweep that it is: which one, and how it ended.

Whoever started it need not live: the sweep that is started again reads what is written here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from starbolt.aside import write_json

FILE, STATE = "trial.json", "state.json"


class End(NamedTuple):
    """How a trial ended: finished, pruned, failed or stopped; the objective's value; why."""

    state: str
    value: float | None = None
    reason: str | None = None


def assign(
    folder: Path, number: int, objective: str, mode: str, pruner: str | None, startup: int, warmup: int = 0
) -> None:
    """Write trial.json: the run in this folder is trial `number` of the study in the folder above.

    How an earlier trial ended that had the folder is forgotten.
    """
    if _number(folder) != number:
        (folder / STATE).unlink(missing_ok=True)
    content = {"number": number, "objective": objective, "mode": mode}
    write_json(folder / FILE, content | {"pruner": pruner, "startup": startup, "warmup": warmup})


def ended(folder: Path, number: int | None = None) -> End | None:
    """How the trial in a folder ended, as it wrote itself; None where it wrote nothing.

    number: of the trial that is meant; None where the folder had another one before.
    """
    if not (folder / STATE).is_file() or (number is not None and _number(folder) != number):
        return None
    content = json.loads((folder / STATE).read_text())
    return End(content["state"], content["value"], content["reason"])


def _number(folder: Path) -> int | None:
    return json.loads((folder / FILE).read_text())["number"] if (folder / FILE).is_file() else None
