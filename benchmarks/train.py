"""What an epoch of training takes, validation included: starbolt's real runs beside those of others on the same data.

python benchmarks/train.py [--work mlp cnn gru ragged] [--batch N ...] [--rounds 5] [--epochs 5] [--threads 1]
    [--quick] [--more] [--rivals] [--json FILE]

In each round everybody runs once, in turn, in a process of its own; of each run the median epoch counts, without the
first; of each round the rival's time over starbolt's, so that what slows the machine slows both. Start-up is no part of
it. Where one rival works in several ways the fastest counts. --quick: 2 rounds of little, beside the plain loop and the
template. --more: also those against whom nothing is promised. --rivals: first make environments for Keras and Hyrax.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from contestants import BATCHES, OBJECTS, PROMISED, QUICK, RUNNING, Contest, Ran, Rival, prepared, rival, starbolt
from rivals.environments import WANTED, make, python
from timing import scratch

OURS = Rival("starbolt", "starbolt", "")
HEAD = f"{'':42}{'s per epoch':>24}{'objects/s':>11}{'val. loss':>11}{'times ours':>26}  promised"


def raced(contest: Contest, running: Sequence[Rival], rounds: int) -> tuple[dict[Rival, list[Ran]], dict[Rival, str]]:
    """What everybody told in each round, and why somebody did not run to the end."""
    out = {one: "not installed" for one in running if python(one.environment) is None}
    told: dict[Rival, list[Ran]] = {one: [] for one in (OURS, *running) if one not in out}
    for number in range(rounds):
        for one in [*told]:
            try:
                told[one].append(starbolt(contest, number) if one is OURS else rival(one, contest, number))
            except RuntimeError as error:
                if one is OURS:
                    raise SystemExit(f"starbolt failed:\n{error}") from None
                del told[one]
                out[one] = f"failed: {str(error).splitlines()[-1]}"
    return told, out


def judged(contest: Contest, told: dict[Rival, list[Ran]]) -> list[dict[str, Any]]:
    """A row for everybody who ran; `wanted` in those of the fastest of each group."""
    promised = PROMISED.get((contest.work, contest.batch), {})
    ours = [ran.typical for ran in told[OURS]]
    objects = len(np.load(contest.folder / "y_train.npy", mmap_mode="r"))
    rows: list[dict[str, Any]] = []
    for one, runs in told.items():
        times = [ran.typical for ran in runs]
        row = {"work": contest.work, "batch": contest.batch, "threads": contest.threads, "name": one.name}
        row |= {"group": one.group, "seconds": times, "loss": [ran.loss for ran in runs]}
        row |= {"objects_per_second": objects / statistics.median(times), "wanted": None, "kept": None}
        rows.append(row | {"ratios": [rival / mine for rival, mine in zip(times, ours, strict=True)]})
    for group, wanted in promised.items():
        if mine := [row for row in rows if row["group"] == group]:
            best = min(mine, key=lambda row: statistics.median(row["seconds"]))
            best |= {"wanted": wanted, "kept": statistics.median(best["ratios"]) >= wanted}
    return rows


def line(row: dict[str, Any]) -> str:
    """A row of the table: medians, and the spread of the rounds."""
    cells = f"{row['name']:42}{_spread(row['seconds'], 3):>24}{row['objects_per_second']:11,.0f}"
    cells += f"{statistics.median(row['loss']):11.4f}"
    if row["group"] == OURS.group:
        return cells
    verdict = "" if row["wanted"] is None else f"{row['wanted']:.2f} {'kept' if row['kept'] else 'MISSED'}"
    return f"{cells}{_spread(row['ratios'], 2):>26}  {verdict}"


def title(contest: Contest, rounds: int) -> str:
    """What a table is of."""
    ran = f"{rounds} rounds of {contest.epochs} epochs on {contest.threads} thread{'s' * (contest.threads > 1)}"
    return f"{contest.work}, batch {contest.batch}: {ran}; load of the machine {os.getloadavg()[0]:.1f}"


def absent(out: dict[Rival, str]) -> list[str]:
    """A line for everybody who did not run, or not to the end."""
    return [f"{one.name:42}{why}" for one, why in out.items()]


def _spread(values: Sequence[float], digits: int) -> str:
    low, middle, high = (f"{f(values):.{digits}f}" for f in (min, statistics.median, max))
    return f"{middle} ({low} to {high})"


def words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", nargs="+", choices=[*RUNNING], default=None)
    parser.add_argument("--batch", nargs="+", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--threads", type=int, default=1)
    for flag in ("--quick", "--more", "--rivals"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--json", type=Path, default=None)
    asked = parser.parse_args()
    asked.work = asked.work or (["mlp", "cnn", "gru"] if asked.quick else [*RUNNING])
    asked.rounds = asked.rounds or (2 if asked.quick else 5)
    asked.epochs = asked.epochs or (3 if asked.quick else 5)
    if asked.epochs < 2:
        parser.error("--epochs: the first one warms up; give 2 or more")
    return asked


def entrants(work: str, asked: argparse.Namespace) -> list[Rival]:
    """Those who run beside starbolt."""
    usual = [one for one in RUNNING[work] if one.usual or asked.more]
    return [one for one in usual if one.group in ("plain", "template")] if asked.quick else usual


def main() -> None:
    """One table for each work and batch size."""
    asked = words()
    if asked.rivals:
        for name in WANTED:
            make(name)
    rows = []
    with scratch() as folder:
        for work in asked.work:
            for batch in asked.batch or ([1024] if asked.quick and work == "mlp" else BATCHES[work]):
                objects = (QUICK if asked.quick else OBJECTS)[work]
                contest = prepared(work, batch, folder / work, objects, asked.epochs, asked.threads)
                told, out = raced(contest, entrants(work, asked), asked.rounds)
                rows += judged(contest, told)
                mine = rows[-len(told) :]
                print(title(contest, asked.rounds), HEAD, *map(line, mine), *absent(out), "", sep="\n", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
