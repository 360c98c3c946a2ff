"""What a sweep keeps in its folder beside the journal: sweep.json, trials.json, best.yaml."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from starbolt.aside import write_json
from starbolt.compose import UserError
from starbolt.trials.study import Axis, Study, Trial

REPEATS = {"seed", "split.fold"}  # where nothing else varies nothing is chosen
METHOD = "fANOVA (Hutter, Hoos & Leyton-Brown 2014, ICML)"
SWEEP, TRIALS, BEST = "sweep.json", "trials.json", "best.yaml"


def begin(folder: Path, about: dict[str, Any], axes: Sequence[Axis]) -> None:
    """Write sweep.json, or refuse to go on with another sweep's folder: what it has found would not be comparable."""
    told = about | {"axes": {axis.key: axis.to_dict() for axis in axes}}
    if (folder / SWEEP).is_file():
        before = json.loads((folder / SWEEP).read_text())
        for word in ("words", "objective", "sampler"):
            if _last(before[word]) != _last(told[word]):
                was, now = _different(before[word], told[word])
                raise UserError(
                    f"{folder} is a sweep with {was or 'nothing'} where this one has {now or 'nothing'}: the two would "
                    "not compare; give this one a name of its own: sweep.name=NAME"
                )
        same = before["axes"].keys() == told["axes"].keys()  # a grid may get more values
        if not same or (told["sampler"] != "grid" and before["axes"] != told["axes"]):
            raise UserError(f"{folder} varies other settings; give this sweep a name of its own: sweep.name=NAME")
    write_json(folder / SWEEP, told)


def trials_told(
    folder: Path, study: Study, place: Any, label: Any, mode: str, *, whole: bool = False
) -> dict[str, Any]:
    """trials.json: every trial with its settings, end, scores and curve; the best one; where `whole`, what mattered."""
    trials = study.standing()
    rows = [_row(trial, place(trial), label(trial)) for trial in trials]
    told = {
        "trials": rows,
        "best": best_of(trials, mode),
        "importance": study.importance() if whole else None,
        "importance_method": METHOD,
    }
    write_json(folder / TRIALS, told)
    return told


def best_of(trials: Sequence[Trial], mode: str) -> int | None:
    """Number of the best finished trial, the first of equals; None where none has finished.

    Where seeds or folds vary too, settings are judged by their mean over them, or the luckiest seed would win, and
    those of which some failed are left out; the first trial of the best setting stands for it.
    """
    done = [trial for trial in trials if trial.state == "finished" and trial.value is not None]
    settings: dict[tuple[Any, ...], list[Trial]] = {}
    for trial in done:
        settings.setdefault(tuple(sorted(chosen(trial.settings).items())), []).append(trial)
    most = max(map(len, settings.values()), default=0)
    whole = [each for each in settings.values() if len(each) == most]
    means = [(mean(trial.value or 0.0 for trial in each), each[0].number) for each in whole]
    best = min if mode == "min" else max
    return min((number for value, number in means if value == best(means)[0]), default=None) if means else None


def chosen(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings among which a sweep chooses: all but seeds and folds."""
    return {key: text for key, text in settings.items() if key not in REPEATS}


def best_words(named: str) -> list[str]:
    """The override words of the best trial of a sweep, named by its name or folder; UserError where there is none.

    Its test rows were left alone while it was chosen: now they are to be scored.
    """
    folder = Path(named) if (Path(named) / SWEEP).is_file() else Path("sweeps") / named
    if not (folder / SWEEP).is_file():
        raise UserError(f"sweep.best={named} names no sweep: there is no {folder / SWEEP}")
    about = json.loads((folder / SWEEP).read_text())
    told: dict[str, Any] = json.loads((folder / TRIALS).read_text()) if (folder / TRIALS).is_file() else {"best": None}
    if told["best"] is None:
        raise UserError(f"no trial of {folder} has finished yet")
    (params,) = (trial["params"] for trial in told["trials"] if trial["number"] == told["best"])
    return words_of(about["words"], params)


def words_of(words: Sequence[str], settings: Mapping[str, str]) -> list[str]:
    """A sweep's words that do not vary with a trial's settings, for a run that also scores its test rows."""
    return [*(word for word in words if word != "test=false"), *(f"{k}={v}" for k, v in chosen(settings).items())]


def _row(trial: Trial, folder: Path, label: str) -> dict[str, Any]:
    metrics = folder / "metrics.json"
    return {
        "number": trial.number,
        "label": label,
        "folder": folder.name,
        "state": trial.state,
        "params": trial.settings,
        "value": trial.curve[-1][1] if trial.state == "pruned" and trial.curve else trial.value,
        "reason": trial.reason,
        "seconds": trial.seconds,
        "metrics": json.loads(metrics.read_text()) if trial.state == "finished" and metrics.is_file() else {},
        "curve": trial.curve,
    }


def _last(words: Any) -> Any:
    """The last word on each setting, whatever their order."""
    return {word.partition("=")[0]: word for word in words} if isinstance(words, list) else words


def _different(before: Any, now: Any) -> tuple[str, str]:
    """What only the one has and what only the other."""
    if not isinstance(before, list):
        return str(before), str(now)
    one, other = [[word for word in a if word not in b] for a, b in ((before, now), (now, before))]
    return (" ".join(one), " ".join(other)) if one or other else (" ".join(before), " ".join(now))
