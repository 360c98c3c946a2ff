"""From the command to the first step of the optimiser, on a packed store; and how soon a verb says what it can do.

python benchmarks/startup.py [--rows 200000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from tasks import drawn
from timing import scratch, seconds, told

FIRST = '''import pathlib, time
from lightning.pytorch import Callback


class First(Callback):
    """Leaves the time of the first step."""

    def on_before_optimizer_step(self, *_):
        if not pathlib.Path("first").exists():
            pathlib.Path("first").write_text(str(time.time()))
'''
WANTED = {"step": 8.0, "verb": 1.0, "import": 0.1}  # [s]
VERBS = (
    "train",
    "evaluate",
    "predict",
    "inspect",
    "pack",
    "simulate",
    "runs",
    "compare",
    "export",
    "reproduce",
    "sync",
)


def ran(words: list[str], folder: Path) -> None:
    """A command of starbolt's, in a folder."""
    command = [sys.executable, "-m", "starbolt", *words]
    subprocess.run(command, cwd=folder, env=environment(folder), check=True, stdout=subprocess.DEVNULL)


def environment(folder: Path) -> dict[str, str]:
    """One thread, a cache of its own."""
    return os.environ | {"OMP_NUM_THREADS": "1", "STARBOLT_CACHE": str(folder / "cache")}


def first_step(words: list[str], folder: Path, number: int) -> float:
    """Seconds from the command to the first step."""
    (folder / "first").unlink(missing_ok=True)
    began = time.time()
    ran(["train", *words, f"run=run{number}", "+callbacks.first._target_=first.First"], folder)
    return float((folder / "first").read_text()) - began


def imported() -> float:
    """Seconds that `import starbolt` takes in a new process, without the start of Python."""
    code = "import time; began = time.perf_counter(); import starbolt; print(time.perf_counter() - began)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def kept(what: str, times: list[float], wanted: float) -> str:
    """One line, with what is promised."""
    verdict = "kept" if statistics.median(times) < wanted else "MISSED"
    return f"{told(what, times)}; promised below {wanted:g} s: {verdict}"


def main() -> None:
    """All three, each several times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    with scratch() as folder:
        (folder / "conf").mkdir()
        (folder / "first.py").write_text(FIRST)
        words = [*drawn("mlp", folder, asked.rows), "trainer.max_epochs=1"]
        first_step(words, folder, 0)  # packs the store, and compiles what Python compiles
        steps = [first_step(words, folder, i + 1) for i in range(asked.repeats)]
        print(kept("from the command to the first step", steps, WANTED["step"]), flush=True)
        for verb in VERBS:
            times = [seconds(partial(ran, [verb, "--help"], folder)) for _ in range(asked.repeats)]
            print(kept(f"starbolt {verb} --help", times, WANTED["verb"]), flush=True)
        print(kept("import starbolt", [imported() for _ in range(asked.repeats)], WANTED["import"]))


if __name__ == "__main__":
    main()
