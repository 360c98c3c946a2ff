"""The demonstration: a small simulated sky, three networks, and what each is worth beside plain models.

`make demo` calls it. All it writes is in demo/; each call simulates and trains anew. On a noisier sky:
`python scripts/demo.py difficulty=4`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from starbolt.compose import unused
from starbolt.simulate import FILES, simulate
from starbolt.verbs.listing import show
from starbolt.verbs.simulate import commands

HOME = Path("demo")
CONTROLS = ("boosting", "linear", "naive")


class Part(NamedTuple):
    """One network of the demonstration: on which data, its main score, and words beyond those of the sky's command."""

    name: str
    data: str
    score: str
    words: tuple[str, ...] = ()


SHORT = ("data.batch_size=32", "trainer.max_epochs=14")  # small batches learn more in few epochs
BOTH_WAYS = ("data.batch_size=32", "data.per_object=true", "model.bidirectional=true", "optim.lr=3e-3")
PARTS = {
    "mlp": Part("MLP", "catalogue, redshift", "rms"),
    "cnn": Part("CNN", "cut-outs, real or bogus", "accuracy", (*SHORT, "model.width=16")),
    "gru": Part("GRU", "light curves, class of star", "accuracy", (*BOTH_WAYS, "trainer.max_epochs=30")),
}


def main(difficulty: float = 1.0) -> None:
    """Simulate, train, compare."""
    paths = sky(HOME / ("sky" if difficulty == 1 else f"sky-{difficulty:g}"), difficulty)
    began = time.monotonic()
    runs = {}
    for key, words in commands(paths).items():
        runs[key] = Path(unused(HOME / "runs" / key))
        print(f"\n{PARTS[key].name} on {PARTS[key].data}", flush=True)
        train([*words, *PARTS[key].words, f"run={runs[key]}"])
    print(f"\ntrained in {time.monotonic() - began:.0f} s; scores of the test part")
    header = ("network", "data", "score", "here", *CONTROLS)
    show(header, [compared(PARTS[key], run) for key, run in runs.items()])
    for run in runs.values():
        print(run / "report.html")


def sky(folder: Path, difficulty: float) -> dict[str, Path]:
    """Paths of the simulated sky in `folder`, in place of an earlier one."""
    for path in (folder / file for file in FILES.values()):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
    print(f"simulating a small sky in {folder}", flush=True)
    return simulate(folder, difficulty=difficulty)


def train(words: Sequence[str]) -> None:
    """`starbolt train`; the demonstration ends where it fails."""
    # one thread: beside another program on two cores, a second one made this four times slower
    chosen = {"STARBOLT_CACHE": str((HOME / "cache").absolute()), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "starbolt", "train", *words], env=chosen | os.environ, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def compared(part: Part, run: Path) -> tuple[str, ...]:
    """A row of the table: the network's main score on the test part, and those of the controls."""
    controls = json.loads((run / "controls.json").read_text())
    here = json.loads((run / "metrics.json").read_text())
    scores = [found[f"test/{part.score}"] for found in (here, *(controls[name] for name in CONTROLS))]
    return part.name, part.data, part.score, *(f"{score:.3g}" for score in scores)


if __name__ == "__main__":
    main(*(float(word.removeprefix("difficulty=")) for word in sys.argv[1:]))
