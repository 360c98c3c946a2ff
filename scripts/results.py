"""Train the experiments on the four real sets over three seeds and write docs/results.md: `make results`.

Runs are kept in runs/results and used again when they are complete; delete them to measure anew.
"""

from __future__ import annotations

import datetime
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
HOME = Path("runs/results")
SEEDS = (0, 1, 2)
WANTED: dict[str, dict[str, tuple[str, float, float]]] = {  # experiment -> score -> (sense, must reach, aim)
    "sdss_photoz": {"rms": ("<=", 0.0164, 0.0155), "nmad": ("<=", 0.0127, 0.0117)},
    "sdss_photoz_errors": {"rms": ("<=", 0.0159, 0.0155), "nmad": ("<=", 0.0122, 0.0117)},
    "efigi_class": {"balanced_accuracy": (">=", 0.81, 0.86), "f1": (">=", 0.71, 0.77)},
    "efigi_type": {"rms": ("<=", 1.37, 1.28)},
    "eros1": {"accuracy": (">=", 0.845, 0.87)},
    "eros1_fused": {"accuracy": (">=", 0.905, 0.925)},
}
HEAD = """# Results on real data

Made by `make results` (`python scripts/results.py`) on {date}, {hardware}, starbolt {version} at commit {commit}.
Each experiment is trained with the seeds {seeds}; figures are test scores, mean over the seeds, with the single runs
behind. "Train" is the time from the start to the written report of one run, median over the seeds.

| experiment | score | mean | runs | must reach | aim | boosting | linear | naive | train [s] |
|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Train what is missing, then write the table."""
    chosen = sys.argv[1:] or list(WANTED)
    for experiment in chosen:
        for seed in SEEDS:
            train(experiment, seed)
    rows = [row for experiment in WANTED if complete(experiment) for row in table_rows(experiment)]
    about = json.loads((folder(chosen[0], SEEDS[0]) / "provenance.json").read_text())
    head = HEAD.format(
        date=datetime.date.today(),
        hardware=about["hardware"],
        version=about["starbolt"],
        commit=subprocess.check_output(["git", "-C", TOP, "rev-parse", "--short", "HEAD"], text=True).strip(),
        seeds=", ".join(map(str, SEEDS)),
    )
    notes = TOP / "docs" / "results_notes.md"
    text = head + "\n".join(rows) + "\n" + (f"\n{notes.read_text()}" if notes.exists() else "")
    (TOP / "docs" / "results.md").write_text(text)
    print(text)


def folder(experiment: str, seed: int) -> Path:
    """Run folder of an experiment and seed."""
    return HOME / f"{experiment}_{seed}"


def train(experiment: str, seed: int) -> None:
    """One run, unless it is there already."""
    run = folder(experiment, seed)
    if (run / "metrics.json").exists() and (run / "report.html").exists():
        return
    command = [sys.executable, "-m", "starbolt", "train", f"experiment={experiment}", f"seed={seed}", f"run={run}"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})


def complete(experiment: str) -> bool:
    """Whether all its seeds are there."""
    return all((folder(experiment, seed) / "provenance.json").exists() for seed in SEEDS)


def table_rows(experiment: str) -> list[str]:
    """A table row per wanted score."""
    runs = [folder(experiment, seed) for seed in SEEDS]
    metrics = [json.loads((run / "metrics.json").read_text()) for run in runs]
    beside = json.loads((runs[0] / "controls.json").read_text())
    seconds = statistics.median(json.loads((run / "provenance.json").read_text())["seconds"] for run in runs)
    rows = []
    for score, (sense, must, aim) in WANTED[experiment].items():
        values = [m[f"test/{score}"] for m in metrics]
        mean = statistics.mean(values)
        reached = "yes" if (mean <= must if sense == "<=" else mean >= must) else "NO"
        each = " ".join(f"{value:.4f}" for value in values)
        controls = " | ".join(f"{beside[name][f'test/{score}']:.4f}" for name in ("boosting", "linear", "naive"))
        wanted = f"{sense} {must} ({reached})"
        cells = (experiment, score, f"**{mean:.4f}**", each, wanted, aim, controls, f"{seconds:.0f}")
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return rows


if __name__ == "__main__":
    main()
