"""Sweep folders with as much in them as their page reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LR = {"kind": "interval", "low": 1e-4, "high": 1e-1, "log": True, "integer": False}
WIDTH = {"kind": "choice", "values": ["32", "64"]}

Maker = Callable[..., Path]


def trial(number: int, value: float | None = None, **told: Any) -> dict[str, Any]:
    """An entry of trials.json: finished where it has a value, unless told otherwise."""
    params = {name: str(text) for name, text in told.pop("params", {}).items()}
    label = ",".join(f"{name}={text}" for name, text in params.items())
    entry = {"number": number, "label": label, "folder": f"trial_{number:04d}", "params": params, "value": value}
    entry |= {"state": "finished" if value is not None else "failed", "reason": None, "seconds": 60.0, "metrics": {}}
    return entry | {"curve": [[0, 1.0], [1, value]] if value is not None else []} | told


@pytest.fixture
def write(tmp_path: Path) -> Maker:
    """(trials, axes, best, importance, yaml, **words of sweep.json) -> the folder; trials have folders of their own."""

    def make(
        trials: list[dict[str, Any]],
        axes: dict[str, Any] | None = None,
        best: int | None = None,
        importance: dict[str, float] | None = None,
        yaml: str = "",
        **words: Any,
    ) -> Path:
        folder = tmp_path / "sweeps" / "night"
        about: dict[str, Any] = {"name": "night", "command": "starbolt train -m optim=sgd,adam"}
        about |= {"objective": "val/loss", "mode": "min"}
        about |= {"sampler": "grid", "pruner": None, "words": ["trainer=cpu"], "axes": axes or {}}
        for entry in trials:
            (folder / entry["folder"]).mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sweep.json").write_text(json.dumps(about | words))
        told = {"trials": trials, "best": best, "importance": importance}
        (folder / "trials.json").write_text(json.dumps(told))
        if yaml:
            (folder / "best.yaml").write_text(yaml)
        return folder

    return make


@pytest.fixture
def mixed(write: Maker) -> Path:
    """Ten trials of two parameters: seven finished, of which number 3 is best, two failed, one pruned."""
    values = [0.4, 0.3, None, 0.1, 0.5, 0.25, None, 0.35, 0.2, 0.45]
    params = [{"optim.lr": 10 ** (-4 + 0.3 * i), "model.width": 32 * (1 + i % 2)} for i in range(10)]
    trials = [trial(i, value, params=params[i]) for i, value in enumerate(values)]
    trials[2]["reason"], trials[6]["reason"] = "killed by signal 9", "took longer than 10 minutes"
    trials[9]["state"] = "pruned"
    axes = {"optim.lr": LR, "model.width": WIDTH}
    share = {"optim.lr": 0.7, "model.width": 0.3}
    return write(trials, axes, 3, share, "model:\n  width: 64\n", sampler="tpe", pruner="median")
