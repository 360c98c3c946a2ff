"""Cost against size: seconds of training an object, and memory, of tables ten and a hundred times as large.

python benchmarks/scale.py [--rows 20000 200000 2000000] [--batch 1024] [--objects 3000000]

Start-up is no part of the time: an epoch's is that between two rows of history.csv, validation included. RssAnon is the
largest of the whole run, scoring of the test rows included.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from pathlib import Path

from memory import peak
from rivals.contest import gaps
from tasks import drawn
from timing import scratch

LONGER, MORE = 1.25, 500  # at most: time an object, over that of the smallest table; anonymous memory beyond its [MB]


def cost(rows: int, batch: int, objects: int) -> tuple[list[float], float]:
    """Microseconds an object of each epoch but the first, and the largest RssAnon [MB]."""
    with scratch() as folder:
        words = [*drawn("mlp", folder, rows), f"data.batch_size={batch}", f"data.cache={folder}/cache", "test=true"]
        epochs = max(4, objects // rows)
        most, _ = peak(["train", *words, f"trainer.max_epochs={epochs}", f"run={folder}/run"])
        return [1e6 * each / rows for each in epochs_of(folder / "run")], most


def epochs_of(run: Path) -> list[float]:
    """Seconds of each epoch of a run but the first."""
    with (run / "history.csv").open(newline="") as file:
        return gaps([float(row["seconds"]) for row in csv.DictReader(file)])


def main() -> None:
    """The smallest table first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 200_000, 2_000_000])
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--objects", type=int, default=3_000_000, help="seen in each training, about")
    asked = parser.parse_args()
    first: tuple[float, float] | None = None
    for rows in asked.rows:
        times, most = cost(rows, asked.batch, asked.objects)
        middle = statistics.median(times)
        first = first or (middle, most)
        longer, more = middle / first[0], most - first[1]
        kept = "kept" if longer <= LONGER and more < MORE else "MISSED"
        spread = f"{middle:.3f} us an object and epoch ({min(times):.3f} to {max(times):.3f}, {len(times)} epochs)"
        beside = f"{longer:.2f} times the first; RssAnon {most:.0f} MB, {more:+.0f} MB"
        print(f"{rows:>9} rows  {spread}, {beside}: {kept}", flush=True)
    print(f"promised: at most {LONGER} times, less than {MORE} MB more")


if __name__ == "__main__":
    main()
