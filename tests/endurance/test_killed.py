"""A run that is killed again and again ends with the weights of one that nobody disturbed, to the last bit."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from starbolt.checkpoints import read_checkpoint
from starbolt.compose import compose, write_config

pytestmark = pytest.mark.slow
KILLS, INTERVAL = 20, 8  # steps between checkpoints within an epoch
PROBE = '''
"""Writes down every step, and makes it last long enough to be killed in."""
import time
from pathlib import Path
from lightning.pytorch import Callback

class Steps(Callback):
    def __init__(self, file):
        self.file = Path(file)

    def on_train_start(self, trainer, *_):
        self.tell(f"start {trainer.global_step} {trainer.num_training_batches}")

    def on_train_batch_end(self, trainer, *_):
        self.tell(f"step {trainer.global_step}")
        time.sleep(0.02)

    def tell(self, line):
        with self.file.open("a") as file:
            file.write(line + "\\n")
'''


def written(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def start(folder: Path, cwd: Path) -> subprocess.Popen:
    with (cwd / f"{folder.name}.out").open("a") as out:
        return subprocess.Popen([sys.executable, "-m", "starbolt.run", str(folder)], cwd=cwd, stdout=out, stderr=out)


def killed(child: subprocess.Popen, log: Path, chance: random.Random, early: bool) -> bool:
    """Kill at a random moment: some seconds after the start, or some steps after training went on."""
    steps, seconds, before = chance.randint(1, 40), chance.uniform(0.2, 6.0), len(written(log))
    until = time.monotonic() + (seconds if early else 120)
    while child.poll() is None and time.monotonic() < until:
        if not early and len(written(log)) > before + steps:
            break
        time.sleep(0.01)
    over = child.poll() is not None
    child.send_signal(signal.SIGKILL)
    child.wait()
    return not over


@pytest.mark.parametrize("model", os.environ.get("STARBOLT_KILLED", "mlp").split(","))  # or cnn: it takes longer
def test_twenty_kills_change_nothing(words, tmp_path, model):
    (tmp_path / "probe.py").write_text(PROBE)
    more = {"mlp": ["data.batch_size=2"], "cnn": ["data.batch_size=1", "data.shift=2"]}[model]
    plain = [
        *words(model), *more, "model.dropout=0.2", "trainer.max_epochs=10", "report=false",
        "callbacks.patience.patience=99", f"callbacks.last.steps={INTERVAL}", "+callbacks.probe._target_=probe.Steps",
    ]  # fmt: skip
    folders = [
        write_config(compose([*plain, f"run={tmp_path / n}", f"+callbacks.probe.file={tmp_path / n}.steps"]))
        for n in ("whole", "cut")
    ]
    whole, cut = folders
    assert start(whole, tmp_path).wait(timeout=600) == 0
    chance, log = random.Random(os.environ.get("STARBOLT_KILLS", 0)), tmp_path / "cut.steps"
    kills = sum(killed(start(cut, tmp_path), log, chance, early=i % 5 == 4) for i in range(KILLS))
    assert kills == KILLS, "it ended before it was killed often enough"
    assert start(cut, tmp_path).wait(timeout=600) == 0, (tmp_path / "cut.out").read_text()

    lives = attempts(log)
    repeated = [max(0, reached - begun) for (_, reached), (begun, _) in itertools.pairwise(lives)]
    assert max(repeated) <= INTERVAL
    batches = int(next(words[2] for words in written(log) if words[0] == "start"))
    amid = sum(begun % batches != 0 for begun, _ in lives)
    assert amid >= KILLS / 2, f"{amid} of {KILLS} kills went on in mid-epoch"
    for name in ("last", "best"):
        states = [read_checkpoint(folder / "checkpoints" / f"{name}.ckpt")["state_dict"] for folder in folders]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert history(whole) == history(cut)
    assert json.loads((whole / "metrics.json").read_text()) == json.loads((cut / "metrics.json").read_text())
    assert not list(cut.rglob("*.part"))
    print(f"{model}: {amid} of {KILLS} went on in mid-epoch, at most {max(repeated)} steps of {INTERVAL} were repeated")


def attempts(log: Path) -> list[tuple[int, int]]:
    """(step it went on from, step it reached) of each process that came as far as training."""
    lives: list[tuple[int, int]] = []
    for word, step, *_ in written(log):
        lives = [*lives, (int(step), int(step))] if word == "start" else [*lives[:-1], (lives[-1][0], int(step))]
    return lives
