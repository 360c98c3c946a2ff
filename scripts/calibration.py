"""Are the answers calibrated? Ten re-draws of calibration and test rows on real data: `make calibration`.

Trains each network of `RUNS` once (kept in runs/calibration, used again when complete), predicts the rows that it was
not trained on, deals them ten times anew into calibration and test rows, and prints the rows of the tables in
docs/results.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from torch import Tensor

from starbolt import build, loading
from starbolt.predict import known_of, predict_rows, prediction_of
from starbolt.tasks.conformal import expected
from starbolt.tasks.reliability import calibration_error, perfect_calibration_error, perfect_ks

HOME = Path("runs/calibration")
DRAWS, LEVEL, RESAMPLES = 10, 0.9, 400
SDSS = ("experiment=sdss_photoz", "data.test_path=null", "split.fractions=[0.6,0.1,0.3]", "split.cal=0.3333")
RUNS: dict[str, tuple[str, ...]] = {
    **{f"sdss_{loss}": (*SDSS, f"task.loss={loss}") for loss in ("gaussian", "mixture", "quantiles", "binned")},
    "efigi": ("experiment=efigi_class", "split.cal=0.15"),
    "eros1": ("experiment=eros1", "split.cal=0.15"),
}


def main() -> None:
    """Train what is missing, deal again, print the rows."""
    chosen = sys.argv[1:] or list(RUNS)
    for name in chosen:
        train(name)
    lines = [line for name in chosen for line in told(name)]
    print("\n".join(lines))


def train(name: str) -> None:
    """One run, unless it is there already."""
    run = HOME / name
    if (run / "report.html").exists():
        return
    words = list(RUNS[name])
    if name.startswith("sdss"):
        words.append(f"data.path={pooled()}")
    command = [sys.executable, "-m", "starbolt", "train", *words, "seed=0", f"run={run}", "test=false"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})


def pooled() -> Path:
    """Both shipped files of the SDSS sample in one: the test file alone is easier than the training file."""
    home, path = Path(os.environ["STARBOLT_DATA"]) / "table_sdss_mgs", HOME / "sdss.txt"
    HOME.mkdir(parents=True, exist_ok=True)
    rows = [r for part in ("train", "test") for r in (home / f"SDSS_MGS.{part}").read_text().splitlines()]
    path.write_text("\n".join(row for row in rows if not row.startswith("#")) + "\n")
    return path.absolute()


def told(name: str) -> list[str]:
    """A table row of a run."""
    network = loading.load_learner(HOME / name)
    data = build.data(OmegaConf.load(HOME / name / "config.yaml"))
    data.open_like(network.spec)
    rows = np.concatenate([data.parts["cal"], data.parts["test"]])
    found = known_of(predict_rows(network, data.loader(rows, alone=True)))
    draws = list(dealt(prediction_of(found), found["y"], len(data.parts["cal"])))
    judge = classes if network.spec.target.classes else quantities
    return judge(name, network, draws)


Draw = tuple[dict[str, Tensor], Tensor, dict[str, Tensor], Tensor]  # raw and truth: calibration, then test


def dealt(raw: dict[str, Tensor], y: Tensor, size: int) -> Iterator[Draw]:
    """Predictions and truths, dealt ten times into `size` calibration objects and the rest."""
    for seed in range(DRAWS):
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(y)))
        cal, test = order[:size], order[size:]
        yield {k: v[cal] for k, v in raw.items()}, y[cal], {k: v[test] for k, v in raw.items()}, y[test]


def fitted(network: Any, raw: dict[str, Tensor], y: Tensor) -> Any:
    """The calibration of these objects, without groups."""
    return network.task.calibrate(raw, y, torch.full((len(y),), -1), LEVEL)


def quantities(name: str, network: Any, draws: Sequence[Draw]) -> list[str]:
    """CDE loss, distance of the PIT from uniform and coverage, before and after; mean and scatter over the draws."""
    scores: list[list[float]] = []
    for cal, y, test, truth in draws:
        before = network.task.scores(network.task.answer(test), truth)
        after = network.task.scores(network.task.answer(test, fitted(network, cal, y)), truth)
        scores.append([before["cde_loss"], after["cde_loss"], before["pit_ks"], after["pit_ks"], after["coverage"]])
    mean, n = np.mean(scores, 0), len(draws[0][3])
    perfect, spread = perfect_ks(n), 100 * np.std(scores, 0)[4]
    cells = (
        name, len(draws[0][1]), n, f"{mean[0]:.2f}", f"{mean[1]:.2f}", f"{mean[2]:.4f}", f"{mean[3]:.4f}",
        f"{perfect:.4f}", f"{mean[3] - perfect:+.4f}", f"{100 * mean[4]:.1f} ± {spread:.1f}",
    )  # fmt: skip
    return [f"| {' | '.join(map(str, cells))} |"]


def classes(name: str, network: Any, draws: Sequence[Draw]) -> list[str]:
    """Log-loss, calibration error and coverage of the sets class by class."""
    found, inside = [], []
    for cal, y, test, truth in draws:
        fit = fitted(network, cal, y)
        before, after = network.task.answer(test), network.task.answer(test, fit)
        losses = [-a["prob"].clamp(min=1e-12).log().gather(1, truth[:, None])[:, 0].numpy() for a in (before, after)]
        errors = [*excess(before["prob"], truth), *excess(after["prob"], truth)]
        found.append([losses[0].mean(), losses[1].mean(), reach(losses[1] - losses[0]), *errors])
        inside += covered(fit, after["set"], truth)
    mean = np.mean(found, 0)
    lower = sum(row[1] <= row[0] + row[2] for row in found)
    cells = (
        name, len(draws[0][1]), len(draws[0][3]), f"{mean[0]:.3f}", f"{mean[1]:.3f}", f"{lower} of {len(found)}",
        f"{mean[3] - mean[4]:+.4f}", f"{mean[5]:.4f}", f"{mean[6]:.4f}", f"{mean[5] - mean[6]:+.4f}",
        f"{sum(inside)} of {len(inside)} ({100 * np.mean(inside):.0f}%)",
    )  # fmt: skip
    return [f"| {' | '.join(map(str, cells))} |"]


def excess(prob: Tensor, y: Tensor) -> tuple[float, float]:
    """Calibration error (15 bins of equal numbers), and that of a perfectly calibrated model of the same size."""
    confidence, label = (value.numpy() for value in prob.double().max(1))
    return calibration_error(confidence, label == y.numpy()), perfect_calibration_error(confidence)


def reach(difference: np.ndarray) -> float:
    """Half the 68% bootstrap interval of the mean of paired differences [n]."""
    random = np.random.default_rng(0)
    drawn = [difference[random.integers(0, len(difference), len(difference))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, [16, 84])
    return float(high - low) / 2


def covered(fit: Any, sets: Tensor, y: Tensor) -> list[bool]:
    """Per class, whether the coverage of its sets lies in the 95% beta-binomial range of its numbers."""
    told = []
    for code, n in enumerate(fit.counts):
        mine = sets[y == code, code]
        low, high = expected(n, len(mine), LEVEL)
        told.append(bool(low - 1e-9 <= float(mine.double().mean()) <= high + 1e-9) if len(mine) else True)
    return told


if __name__ == "__main__":
    main()
