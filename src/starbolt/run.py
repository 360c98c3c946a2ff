"""Execute one run folder: `python -m starbolt.run FOLDER` trains what its config.yaml says, or goes on with it.

Ranks, sweep trials, cluster jobs and continued runs all start here, so that no command line is ever repeated.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # Ctrl-C while all this is imported needs no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from starbolt import build, looks, provenance, threads, tracking
from starbolt.aside import write_json, write_text
from starbolt.callbacks import History, Monitored, Settled
from starbolt.checkpoints import read_checkpoint
from starbolt.compiling import compiled
from starbolt.compose import begun, forget_before, put_back
from starbolt.data import ObjectDataModule
from starbolt.data.splits.earlier import FILE as SPLIT
from starbolt.endurance import cluster, lease, signals
from starbolt.endurance.signals import Stopped
from starbolt.learner import Learner, refuse_another
from starbolt.messages import bar, quiet, say, talk
from starbolt.progress import followed
from starbolt.report import write as write_report
from starbolt.scoring import calibrate_run, keep_evidence, score_parts
from starbolt.trials.attempt import Attempt, Prune, Pruned


def main(folder: str | None = None) -> None:
    """Execute the folder named on the command line; the last line printed is the folder.

    Raises Stopped where it was asked to stop and can go on; ValueError where another process executes it.
    """
    path = Path(folder or sys.argv[1])
    talk(path / "log.txt")
    with falling_back(path), signals.owned(), lease.held(path) if leading() else nullcontext():
        execute(path)
    rank_zero_only(say)(f"{path}")


@contextmanager
def falling_back(folder: Path) -> Iterator[None]:
    """Where the block fails before a run goes on as it was told, it is told again what it was before."""
    try:
        yield
    except Exception:
        if leading() and put_back(folder):
            say("config.yaml is again what it was before this command")
        raise
    if leading():
        forget_before(folder)


def leading() -> bool:
    """Whether this process is the first of the ranks, or the only one."""
    return getattr(rank_zero_only, "rank", 0) == 0


def stopped(folder: str, stop: Stopped) -> int:
    """What follows on a stop: words, and the job back in the queue of the cluster that took its machine; the status."""
    signals.deaf()
    if not leading():
        return 0  # the first rank tells; another's status would have it killed before it has
    say(f"stopped; go on with: starbolt train run={folder}")
    if stop.status == signals.TAKEN and cluster.job():
        say(cluster.requeue(stop.number))
    return stop.status


def execute(folder: Path) -> dict[str, float]:
    """Train, score and report; returns metrics.json. Raises Stopped where the user asked to stop."""
    attempt = Attempt.of(folder, tells=leading())
    with attempt.recorded() if attempt else nullcontext():
        return train(folder, attempt)
    return {}  # pruned


def train(folder: Path, attempt: Attempt | None = None) -> dict[str, float]:
    """The same for a run that may be a trial of a sweep, whose end the caller records."""
    began = time.time()
    cfg = OmegaConf.load(folder / "config.yaml")
    assert isinstance(cfg, DictConfig)
    quiet()
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = build.data(cfg)
    data.progress = bar("packing")
    learner = build.learner(cfg, data)
    build.refuse_unknown_columns(cfg, data)
    if begun(folder):
        refuse_another(learner, read_checkpoint(folder / "checkpoints" / "last.ckpt"), folder)
    examine(cfg, folder, data)
    trainer = build_trainer(cfg, folder, [Prune(attempt)] if attempt else [])
    if not attempt:  # trials would each take the time, and could end up with different numbers
        settle_threads(cfg, folder, learner, data, trainer)
    if cfg.get("compile"):
        compiled(learner, trainer.strategy.root_device)
    describe(learner, data, trainer.strategy.root_device)
    try:
        tracking.begin(trainer, settings(cfg, learner))
        metrics = fit_and_score(cfg, folder, trainer, learner, data, began)
    except (Stopped, Pruned) as end:
        tracking.close(trainer, "stopped" if isinstance(end, Stopped) else "pruned")
        raise
    except BaseException:
        tracking.close(trainer, "failed")
        raise
    tracking.close(trainer, "finished")
    return metrics


def settle_threads(cfg: DictConfig, folder: Path, learner: Learner, data: ObjectDataModule, trainer: Trainer) -> None:
    """Take as many threads as told; where they were measured, config.yaml tells them from now on.

    Their number is in the last digits of all that is learnt, so a run that goes on or is reproduced takes the same.
    """
    if trainer.world_size > 1:
        return
    found = threads.settled(cfg.get("threads"), learner, data, trainer.strategy.root_device)
    if found is not None:
        cfg.threads = found
        write_text(folder / "config.yaml", OmegaConf.to_yaml(cfg))


def examine(cfg: DictConfig, folder: Path, data: ObjectDataModule) -> None:
    """Audit the data and their split, and keep who is in which part; AuditError where a fault is not waived."""
    audited = build.audit(cfg)(data)
    if leading():
        write_json(folder / "audit.json", audited.to_dict())
        if not ((folder / SPLIT).exists() and begun(folder)):
            data.store_split(folder)
    for finding in audited.findings:
        if finding.waived:
            rank_zero_only(say)(f"waived by audit.waive=[{finding.name}]: {finding.sentence}: {finding.first}")
    audited.refuse()


def fit_and_score(
    cfg: DictConfig, folder: Path, trainer: Trainer, learner: Learner, data: ObjectDataModule, began: float
) -> dict[str, float]:
    """Fit, go back to the best epoch, calibrate, score its parts beside the controls, report."""
    last, best = folder / "checkpoints" / "last.ckpt", folder / "checkpoints" / "best.ckpt"
    with signals.training():
        trainer.fit(learner, datamodule=data, ckpt_path=last if last.exists() else None, weights_only=True)
    if not trainer.is_global_zero:
        return {}
    chosen = best if best.exists() else last
    learner.load_state_dict(read_checkpoint(chosen)["state_dict"])
    device = trainer.strategy.root_device
    calibrate_run(build.calibrate(cfg), learner, data, chosen, device=device)
    parts = ["val", "test"] if cfg.test and len(data.parts["test"]) else ["val"]
    tables = score_parts(folder, learner, data, parts, slices=cfg.get("slices", ()), device=device)
    if "test" in parts:
        looks.record(folder, chosen, "train")
    write_json(folder / "spec.json", learner.spec.to_dict())
    write_json(folder / "provenance.json", provenance.of_run(cfg, learner, began) | {"notes": data.notes})
    metrics = json.loads((folder / "metrics.json").read_text())
    say_scores(metrics, parts[-1])
    if cfg.get("report", True):
        keep_evidence(folder, learner, data, tables, device=device)
        say(f"report: {write_report(folder)}")
    tracking.finish(trainer, folder, metrics)
    return metrics


def settings(cfg: DictConfig, learner: Learner) -> dict[str, Any]:
    """What the loggers keep of a run: its configuration, commit and fingerprints."""
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return {
        **plain,
        "git": provenance.git_commit(),
        "data_fingerprint": learner.spec.data,
        "split_fingerprint": learner.spec.split,
    }


def say_scores(metrics: dict[str, float], part: str) -> None:
    """The scores of a part, on a line."""
    scores = {name.removeprefix(f"{part}/"): value for name, value in metrics.items() if name.startswith(f"{part}/")}
    say(f"{part}: " + ", ".join(f"{name} {value:.4g}" for name, value in scores.items()))


def build_trainer(cfg: DictConfig, folder: Path, more: Sequence[Callback] = ()) -> Trainer:
    """Lightning's Trainer of a configuration, with the callbacks and loggers that every run has, and some more."""
    own: list[Any] = [History(folder), Monitored(cfg.monitor), Settled(folder), *more, followed(cfg.monitor)]
    return build.trainer(
        cfg,
        folder,
        own,
        enable_progress_bar=False,  # Lightning's
        enable_model_summary=False,
        log_every_n_steps=1,  # nothing is logged by steps
    )


@rank_zero_only
def describe(learner: Learner, data: ObjectDataModule, device: torch.device) -> None:
    """One line on what is trained on what, and what was noticed in the data."""
    sizes = ", ".join(f"{n} {part}" for part, n in learner.spec.sizes.items())
    parameters = sum(p.numel() for p in learner.parameters() if p.requires_grad)
    shapes = "; ".join(f"{name} {'x'.join(map(str, about.shape))}" for name, about in learner.spec.inputs.items())
    say(f"{len(data.ids)} objects ({shapes}): {sizes}; {parameters:,} parameters on {device.type}")
    if len(classes := learner.spec.target.classes) == 2:
        say(f"f1, average_precision, purity and completeness are those of {classes[1]}; data.classes= gives the order")
    for note in data.notes:
        say(f"note: {note}")


if __name__ == "__main__":
    from starbolt.messages import guarded

    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.insert(0, os.getcwd())
    with guarded():
        try:
            main()
        except Stopped as stop:
            sys.exit(stopped(sys.argv[1], stop))
