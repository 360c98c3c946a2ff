"""What a sweep costs: seconds of a trial beyond its training, and whether the sweep's own memory grows with the trials.

python benchmarks/sweep.py [--trials 30] [--galaxies 2000] [--epochs 12]

The overhead of a trial is the time from its predecessor's end to its own, less the seconds that history.csv counts; the
first trial, which also starts the server that the others are forked from, is told apart.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from timing import scratch

SECONDS, GROWTH = 3.0, 10.0  # at most: overhead of a trial; growth of the parent's memory [%]
SPACE = ["optim.lr=tag(log,interval(1e-3,1e-1))", "model.width=choice(16,64)"]


def anonymous(pid: int) -> float:
    """RssAnon of a process [MB]."""
    words = Path(f"/proc/{pid}/status").read_text().split()
    return float(words[words.index("RssAnon:") + 1]) / 1000


def trained(folder: Path) -> float:
    """Seconds of training, validations included, of a trial."""
    with (folder / "history.csv").open(newline="") as file:
        return float([*csv.DictReader(file)][-1]["seconds"])


def watched(command: list[str], folder: Path, trials: int) -> list[float]:
    """Run the sweep; its own memory [MB] after each trial, beginning with the first."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "STARBOLT_CACHE": str(folder / "cache")}
    child = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    memory: list[float] = []
    for line in child.stdout or ():
        if ": val/loss " in line and len(memory) < trials:
            memory.append(anonymous(child.pid))
    if child.wait():
        raise SystemExit("the sweep failed")
    return memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--galaxies", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=12)
    asked = parser.parse_args()
    from starbolt.simulate import simulate
    from starbolt.verbs.simulate import commands

    with scratch() as folder:
        words = commands(simulate(folder / "sky", galaxies=asked.galaxies, stamps=1, stars=1))["mlp"]
        words += ["trainer=cpu", f"trainer.max_epochs={asked.epochs}", *SPACE, "sweep=optuna", "sweep.name=mine"]
        command = [sys.executable, "-m", "starbolt", "train", "-m", *words, f"sweep.trials={asked.trials}"]
        began = time.time()
        memory = watched(command, folder, asked.trials)
        home = folder / "sweeps" / "mine"
        rows = json.loads((home / "trials.json").read_text())["trials"]
        ends = [json.loads((home / row["folder"] / "state.json").read_text())["when"] for row in rows]
        spent = [end - before for before, end in zip([began, *ends], ends, strict=False)]
        over = [each - trained(home / row["folder"]) for each, row in zip(spent, rows, strict=True)]
    rest = statistics.median(over[1:])
    growth = 100 * (memory[-1] / memory[0] - 1)
    training = statistics.median(each - more for each, more in zip(spent, over, strict=True))
    print(f"{asked.trials} trials, each {training:.2f} s of training")
    print(f"overhead of a trial   {rest:.2f} s ({min(over[1:]):.2f} to {max(over[1:]):.2f}), at most {SECONDS} s:"
          f" {'kept' if rest < SECONDS else 'missed'}; of the first {over[0]:.1f} s")  # fmt: skip
    print(f"memory of the sweep   {memory[0]:.1f} MB after the first trial, {memory[-1]:.1f} MB after the last:"
          f" {growth:+.1f}%, at most {GROWTH:.0f}%: {'kept' if growth <= GROWTH else 'missed'}")  # fmt: skip


if __name__ == "__main__":
    main()
