"""What a sweep is to find, how it chooses its trials, and when it ends: the words sweep.*."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from starbolt.compose import UserError
from starbolt.direction import BETWEEN
from starbolt.sweep.space import axes_of, points
from starbolt.trials.study import PRUNERS, SAMPLERS, Axis


class Plan:
    """What every sweep has.

    name: of the study and its folder in sweeps/; None: the time of day. resume: go on where a study of that name
    exists. objective: the val/ score to improve. timeout: after which a trial is ended [minutes]. retry: also try
    again what failed. space: settings to vary, beside those in the command, each in Hydra's notation.
    """

    sampler: str = "grid"
    pruner: str | None = None
    startup, warmup, seed, trials = 10, 0, 0, 0

    def __init__(
        self,
        *,
        name: str | None = None,
        resume: bool = True,
        objective: str = "val/loss",
        timeout: float | None = None,
        retry: bool = False,
        space: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        if not str(objective).startswith("val/"):
            raise UserError(
                f"sweep.objective={objective} is no score of the validation part, by which alone a sweep may choose; "
                "say for example sweep.objective=val/loss"
            )
        if objective.split("/")[1] in BETWEEN:
            raise UserError(f"sweep.objective={objective} is best at a value between; improve for example val/loss")
        self.name, self.resume, self.objective, self.timeout, self.retry = name, resume, objective, timeout, retry
        self.space = [f"{key}={_several(key, value)}" for key, value in space.items()]

    def axes(self, words: Sequence[str]) -> tuple[Axis, ...]:
        """What varies: in the command, which has the last word, and in the plan's own space."""
        typed = axes_of(words)
        named = {axis.key for axis in typed} | {word.partition("=")[0] for word in words}
        axes = (*(axis for axis in axes_of(self.space) if axis.key not in named), *typed)
        if not axes:
            raise UserError("nothing varies; give a setting several values, as in optim.lr=0.01,0.001 'seed=range(3)'")
        return axes

    def points(self, axes: Sequence[Axis]) -> list[dict[str, str]]:
        """The settings that are planned beforehand, in order."""
        return []


def _several(key: str, value: Any) -> str:
    """An entry of `space` in Hydra's notation; UserError where it is a single value."""
    if isinstance(value, list | tuple):
        return f"choice({','.join(json.dumps(each) for each in value)})"
    if not axes_of([f"{key}={value}"]):
        raise UserError(f"sweep.space has {key}: {value}, which is one value; give a list, or interval(), range()")
    return str(value)


class Grid(Plan):
    """Every combination of the values given; see Plan."""

    def points(self, axes: Sequence[Axis]) -> list[dict[str, str]]:
        return points(axes)


class Search(Plan):
    """Trials that learn from those before them; see Plan.

    sampler: "tpe" (Bergstra et al. 2011, NeurIPS 24), "random", or "grid". trials: how many. startup: of them at
    random before the sampler learns. pruner: None, "median" or "hyperband" (Li et al. 2018, JMLR 18, 185), which ends
    trials that do poorly, after `warmup` epochs at the earliest. seed: of the sampler.
    """

    def __init__(
        self,
        *,
        sampler: str = "tpe",
        trials: int = 20,
        startup: int = 10,
        pruner: str | None = None,
        warmup: int = 0,
        seed: int = 0,
        name: str | None = None,
        resume: bool = True,
        objective: str = "val/loss",
        timeout: float | None = None,
        retry: bool = False,
        space: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        common: dict[str, Any] = {"name": name, "resume": resume, "objective": objective, "timeout": timeout}
        super().__init__(**common, retry=retry, space=space)
        for word, value, known in (("sampler", sampler, SAMPLERS), ("pruner", pruner, (None, *PRUNERS))):
            if value not in known:
                names = ", ".join(str(each or "null") for each in known)
                raise UserError(f"sweep.{word}={value} is not one of {names}")
        if warmup < 0:
            raise UserError(f"sweep.warmup={warmup} is below 0; give a number of epochs")
        self.sampler, self.trials, self.startup, self.seed = sampler, trials, startup, seed
        self.pruner, self.warmup = pruner, warmup

    def points(self, axes: Sequence[Axis]) -> list[dict[str, str]]:
        return points(axes) if self.sampler == "grid" else []
