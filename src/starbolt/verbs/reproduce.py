"""`starbolt reproduce`: train a run again; say what differs from then, and whether the scores are equal."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from starbolt import build, provenance
from starbolt.compose import UserError, unused, write_config
from starbolt.like import loosen
from starbolt.messages import bar, say
from starbolt.verbs.listing import show

MADE = ("config.yaml", "provenance.json", "metrics.json")  # what a finished run has
WORDS = {  # of provenance.json, what a result may depend on, in words
    "starbolt": "version of starbolt",
    "source": "code of starbolt",
    "git": "git commit",
    "changes": "changes since that commit",
    "python": "Python",
    "hardware": "machine",
    "processor": "processor",
    "data": "data",
    "split": "split",
}
SEVERAL = "it was trained in {} commands, here in one: where they changed its settings, it was another training"


def main(words: list[str]) -> None:
    """Print the differences and both scores; status 1 where these are not equal; the last line is the new folder."""
    run, new = read_words(words)
    cfg, then, old = finished(run)
    cfg.run = str(new or Path(unused(Path("runs") / str(cfg.name))).absolute())
    OmegaConf.resolve(cfg)
    return_to(then.get("directory"))
    told = list(differences(then, provenance.here() | fingerprints(cfg)))
    for line in told or [f"nothing differs from {run}: code, packages, machine, data and split are the same"]:
        say(line)
    if len(commands := str(then.get("command", "")).splitlines()) > 1:
        say(f"note: {SEVERAL.format(len(commands))}")
    train(cfg, words)
    metrics = json.loads((Path(cfg.run) / "metrics.json").read_text())
    show(("score", "then", "now", "difference"), rows_of(old, metrics))
    unequal = differing(old, metrics)
    say(verdict(unequal, len(old.keys() | metrics.keys()), bool(told)))
    say(cfg.run)
    if unequal:
        sys.exit(1)


def read_words(words: Sequence[str]) -> tuple[Path, Path | None]:
    """The run and the new folder, absolute; UserError where the words are others."""
    runs = [word for word in words if "=" not in word or Path(word).is_dir()]
    homes = [word.removeprefix("run=") for word in words if word.startswith("run=") and word not in runs]
    if len(runs) != 1 or len(runs) + len(homes) != len(words):
        raise UserError("say which run, as in starbolt reproduce RUN, and nothing else but run=FOLDER to train it in")
    if homes and (Path(homes[-1]) / "config.yaml").exists():
        raise UserError(f"run={homes[-1]} is a run already; name a new folder")
    return Path(runs[0]).absolute(), Path(homes[-1]).absolute() if homes else None


def finished(run: Path) -> tuple[Any, dict[str, Any], dict[str, float]]:
    """Configuration, provenance and scores of a run; UserError where there is none, or it was not finished."""
    if not (run / "config.yaml").is_file():
        raise UserError(f"{run} is no run folder: it holds no config.yaml (starbolt runs lists the runs)")
    if not all((run / name).is_file() for name in MADE):
        raise UserError(f"{run} is not finished; starbolt train run={run} goes on with it")
    cfg = OmegaConf.load(run / "config.yaml")
    loosen(cfg)
    then, old = (json.loads((run / name).read_text()) for name in MADE[1:])
    return cfg, then, old


def return_to(directory: str | None) -> None:
    """Go where the run was trained: its relative paths begin there, and the user's own code lies there."""
    if directory and Path(directory).is_dir() and Path(directory) != Path.cwd():
        say(f"in {directory}, as then")
        os.chdir(directory)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())


def fingerprints(cfg: Any) -> dict[str, str]:
    """Of the data and their split, opened as for training."""
    data = build.data(cfg)
    data.progress = bar("packing")
    spec = build.learner(cfg, data).spec
    return {"data": spec.data, "split": spec.split}


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """A line for each thing that is not as it was; what was not written down then is not compared."""
    for key, words in WORDS.items():
        if key in then and then[key] != now[key]:
            yield f"{words}: {_said(then[key])} then, {_said(now[key])} now"
    for name, version in then.get("packages", {}).items():
        if (current := now["packages"].get(name)) != version:
            yield f"{name}: {version} then, {_said(current)} now"


def train(cfg: Any, words: Sequence[str]) -> None:
    """Train in the new folder; leaves with the status of the training where that is not 0."""
    folder = write_config(cfg)
    (folder / "command.txt").write_text(f"starbolt reproduce {shlex.join(words)}\n")
    sys.stdout.flush()
    if status := execute(folder):
        print(f"starbolt: nothing to compare, the training ended with status {status}", file=sys.stderr)
        sys.exit(status if status > 0 else 1)


def execute(folder: Path) -> int:
    """The status of a process of its own that executes the folder, and answers Ctrl-C itself."""
    child = subprocess.Popen([sys.executable, "-m", "starbolt.run", str(folder)])
    before = signal.signal(signal.SIGINT, lambda *_: None)  # after the start: a child would inherit it
    try:
        return child.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def rows_of(old: Mapping[str, float], new: Mapping[str, float]) -> list[tuple[str, ...]]:
    """A row per score, with all its digits."""
    rows = []
    for name in [*old, *(name for name in new if name not in old)]:
        both = name in old and name in new
        values = [f"{table[name]!r}" if name in table else "" for table in (old, new)]
        rows.append((name, *values, f"{new[name] - old[name]:.2g}" if both else ""))
    return rows


def differing(old: Mapping[str, float], new: Mapping[str, float]) -> list[str]:
    """Names of the scores that are not equal to the last digit; one that is not a number equals itself."""
    return [name for name in old.keys() | new.keys() if repr(old.get(name)) != repr(new.get(name))]


def verdict(unequal: Sequence[str], scores: int, others: bool) -> str:
    """Whether it was reproduced, in a sentence."""
    if not unequal:
        return f"reproduced: all {scores} scores are equal to the last digit"
    why = "as may be where something else differs, see above" if others else "although nothing else does"
    return f"not reproduced: {len(unequal)} of {scores} scores differ, {why}"


def _said(value: Any) -> str:
    return "none" if value is None else str(value)
