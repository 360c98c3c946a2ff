"""A sweep as its folder tells it: what was searched (sweep.json), what came of it (trials.json, best.yaml)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starbolt.report.sweep.axis import Axis

REPEATS = ("seed", "split.fold")  # they repeat a setting and are none: among them nothing is chosen
STATES = ("finished", "pruned", "failed", "running", "waiting")
METHOD = "PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255)"  # Optuna's own choice


@dataclass(frozen=True)
class Trial:
    """One training. folder: relative to the sweep's. curve: (epoch, objective). value: None where there is none."""

    number: int
    label: str
    folder: str = ""
    state: str = "finished"
    params: dict[str, str] = field(default_factory=dict)
    value: float | None = None
    reason: str = ""
    seconds: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    curve: list[tuple[float, float]] = field(default_factory=list)

    @property
    def scored(self) -> bool:
        """Whether it ran to its end and its value is known."""
        return self.state == "finished" and self.value is not None


@dataclass(frozen=True)
class Sweep:
    """All trials with what they have in common. mode: "min" or "max" of the objective is best."""

    folder: Path
    name: str
    objective: str
    mode: str
    axes: list[Axis]
    trials: list[Trial]
    best: Trial | None
    importance: dict[str, float]
    method: str
    command: str
    sampler: str
    pruner: str
    words: list[str]
    yaml: str

    @property
    def scored(self) -> list[Trial]:
        """The trials that ran to their end."""
        return [trial for trial in self.trials if trial.scored]

    @property
    def compared(self) -> list[Trial]:
        """These, and the pruned ones whose value is known, in the order of their numbers."""
        return [trial for trial in self.trials if trial.scored or (trial.state == "pruned" and trial.value is not None)]

    @property
    def chooses(self) -> bool:
        """Whether settings compete: something other than the seed and the fold varies."""
        return any(axis.name not in REPEATS for axis in self.axes)

    @property
    def repeats(self) -> list[str]:
        """The axes that repeat a setting."""
        return [axis.name for axis in self.axes if axis.name in REPEATS]

    def count(self, state: str) -> int:
        """Trials in this state."""
        return sum(trial.state == state for trial in self.trials)


def read(folder: Path) -> Sweep:
    """The sweep in a folder; ValueError where there is none."""
    if not (folder / "sweep.json").is_file():
        raise ValueError(f"{folder} holds no sweep: it has no sweep.json")
    about, told = _json(folder / "sweep.json"), _json(folder / "trials.json")
    trials = sorted((_trial(one) for one in told.get("trials", [])), key=lambda trial: trial.number)
    yaml = folder / "best.yaml"
    return Sweep(
        folder=folder,
        name=str(about.get("name") or folder.absolute().name),
        objective=str(about.get("objective", "val/loss")),
        mode=str(about.get("mode", "min")),
        axes=[Axis.of(name, kind) for name, kind in (about.get("axes") or {}).items()],
        trials=trials,
        best=next((trial for trial in trials if trial.number == told.get("best")), None),
        importance=_numbers(told.get("importance")),
        method=str(told.get("importance_method") or METHOD),
        command=str(about.get("command", "")),
        sampler=str(about.get("sampler") or ""),
        pruner=str(about.get("pruner") or ""),
        words=[str(word) for word in about.get("words") or []],
        yaml=yaml.read_text(encoding="utf-8") if yaml.is_file() else "",
    )


def _trial(told: Mapping[str, Any]) -> Trial:
    return Trial(
        number=int(told["number"]),
        label=str(told.get("label") or ""),
        folder=str(told.get("folder") or ""),
        state=str(told.get("state", "waiting")),
        params={name: str(value) for name, value in (told.get("params") or {}).items()},
        value=told["value"] if _known(told.get("value")) else None,
        reason=str(told.get("reason") or ""),
        seconds=told["seconds"] if _known(told.get("seconds")) else None,
        metrics=_numbers(told.get("metrics")),
        curve=[(float(epoch), value) for epoch, value in told.get("curve") or [] if _known(value)],
    )


def _numbers(told: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: value for name, value in (told or {}).items() if _known(value)}


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
