"""Who runs in the speed benchmark, by which command, and what starbolt promises against whom."""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rivals.contest import gaps
from rivals.environments import python
from tasks import drawn

RIVALS = Path(__file__).parent / "rivals"
OBJECTS = {"mlp": 200_000, "cnn": 2_000, "gru": 2_000, "ragged": 2_000}
QUICK = {"mlp": 200_000, "cnn": 800, "gru": 800, "ragged": 800}
BATCHES = {"mlp": [256, 1024, 4096], "cnn": [64], "gru": [64], "ragged": [64]}


class Contest(NamedTuple):
    """One work at one batch size: where its data are, what to type after `starbolt train`, and how long to run."""

    work: str
    batch: int
    folder: Path
    words: list[str]
    epochs: int
    threads: int


class Rival(NamedTuple):
    """Somebody beside starbolt. group: of several ways to do the same, of which the fastest counts."""

    name: str
    group: str
    script: str
    words: tuple[str, ...] = ()
    environment: str = "own"
    usual: bool = True  # False: only with --more


class Ran(NamedTuple):
    """What a process told: seconds of each epoch, validation included, and the last validation loss."""

    epochs: list[float]
    loss: float

    @property
    def typical(self) -> float:
        """Median epoch [s] after the first, which warms up."""
        return statistics.median(self.epochs[1:])


def _keras(name: str, *words: str, group: str = "keras", usual: bool = True) -> Rival:
    return Rival(f"Keras fit, {name}", group, "keras_fit.py", words, "keras", usual)


FED = [_keras("arrays"), _keras("tf.data", "--feed", "dataset")]
TEMPLATE = Rival("Lightning template", "template", "template.py")
FORMATS = [Rival(f"plain loop, {f}", "plain", "plain.py", ("--format", f)) for f in ("contiguous", "channels_last")]
COMPILED = Rival("plain loop, torch.compile", "compiled", "plain.py", ("--compile",), usual=False)
RUNNING = {
    "mlp": [
        Rival("plain loop", "plain", "plain.py"),
        COMPILED,
        TEMPLATE,
        *FED,
        _keras("arrays, XLA", "--xla"),
        _keras("16 steps a call", "--steps", "16", group="keras steps", usual=False),
    ],
    "cnn": [*FORMATS, TEMPLATE._replace(usual=False), *FED, Rival("Hyrax train", "hyrax", "hyrax_fit.py", (), "hyrax")],
    "gru": [Rival("plain loop", "plain", "plain.py"), TEMPLATE._replace(usual=False), *FED],
    "ragged": [
        Rival("plain loop, padded to the longest of all", "plain", "plain.py", ("--pad", "all")),
        Rival("plain loop, padded by batch", "plain by batch", "plain.py", ("--pad", "batch")),
        Rival("plain loop, packed", "plain packed", "plain.py", ("--pad", "packed"), usual=False),
        _keras("padded to the longest of all"),
        _keras("masked", "--mask", group="keras masked"),
    ],
}
PROMISED = {  # how many times a rival's seconds per epoch starbolt's shall go into them, at least
    ("mlp", 256): {"plain": 1 / 1.25, "template": 1.3, "keras": 1.2},
    ("mlp", 1024): {"plain": 1 / 1.15, "template": 3.0, "keras": 1.4},
    ("mlp", 4096): {"plain": 1 / 1.10, "template": 6.0, "keras": 1.4},
    ("cnn", 64): {"plain": 1 / 1.05, "keras": 1.0},
    ("gru", 64): {"keras": 1.0},
    ("ragged", 64): {"plain": 2.0, "keras": 2.0, "keras masked": 1.5},
}


def prepared(work: str, batch: int, folder: Path, objects: int, epochs: int, threads: int) -> Contest:
    """The contest, its data drawn into `folder` where they are not there already."""
    words = folder / "words.json"
    if not words.exists():
        folder.mkdir(parents=True)
        words.write_text(json.dumps(drawn(work, folder, objects)))
    return Contest(work, batch, folder, json.loads(words.read_text()), epochs, threads)


def starbolt(contest: Contest, number: int) -> Ran:
    """A real run, seeded by its number; history.csv tells of it."""
    run = contest.folder / f"run-{contest.batch}-{number}"
    more = [f"data.batch_size={contest.batch}", f"trainer.max_epochs={contest.epochs}", f"seed={number}", f"run={run}"]
    _called([sys.executable, "-m", "starbolt", "train", *contest.words, *more], contest)
    with (run / "history.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    return Ran(gaps([0.0, *(float(row["seconds"]) for row in rows)]), float(rows[-1]["val/loss"]))


def rival(one: Rival, contest: Contest, number: int) -> Ran:
    """A run of somebody else, seeded by its number; RuntimeError where it fails."""
    words = [contest.work, "--data", str(contest.folder), "--batch", str(contest.batch)]
    words += ["--epochs", str(contest.epochs), "--threads", str(contest.threads), "--seed", str(number), *one.words]
    program = python(one.environment)
    assert program is not None
    return Ran(**json.loads(_called([program, str(RIVALS / one.script), *words], contest).splitlines()[-1]))


def _called(command: list[str], contest: Contest) -> str:
    """What the command prints."""
    more = {"OMP_NUM_THREADS": str(contest.threads), "STARBOLT_CACHE": str(contest.folder / "cache")}
    done = subprocess.run(command, cwd=contest.folder, env=os.environ | more, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("\n".join((done.stderr or done.stdout).strip().splitlines()[-5:]))
    return done.stdout
