"""Tracking in Weights & Biases: online where a login exists, else into the run's own folder, to be synced later."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from starbolt.aside import write_json
from starbolt.login import logged_in
from starbolt.messages import say

FILE = "wandb.json"  # in the run folder: the id of the wandb run that it is
ROWS = 10_000  # at most, in the table of predictions
PATIENCE = 15.0  # time to reach the server in, before a run is tracked offline [s]
GRACE, LONGEST = 20.0, 1800.0  # a run that was told to stop waits so long for its upload, any other so long [s]
EXIT = {"finished": 0, "pruned": 0, "failed": 1, "stopped": 1}  # what wandb takes for a state's exit status
PLACES = {"WANDB_DATA_DIR": "wandb", "WANDB_CACHE_DIR": "wandb/cache"}  # of files that wandb puts into one's home
ARTIFACT = ("config.yaml", "provenance.json", "metrics.json", "predictions.parquet", "report.html")

_ours: dict[str, str] = {}  # variables that were set here, with their values


def wandb_logger(
    run: str, *, project: str = "starbolt", entity: str | None = None, name: str | None = None, group: str | None = None
) -> WandbLogger:
    """A wandb run whose files all lie in the run folder; offline unless a login exists ($WANDB_MODE has the last word).

    project, entity (team or user), name, group: as wandb shows them; a trial's group is its sweep unless another is
    given. Nothing asks for a key.
    """
    folder = Path(run)
    _keep_inside(folder)
    logger = WandbLogger(
        project=project,
        entity=entity,
        name=name,
        save_dir=os.environ.get("WANDB_DIR") or run,
        id=identity(folder),
        group=group or os.environ.get("WANDB_RUN_GROUP") or sweep_of(folder),
        mode=None if os.environ.get("WANDB_MODE") else "online" if logged_in() else "offline",
        resume="allow",
        settings={"init_timeout": PATIENCE},
    )
    logger._wandb_init.pop("anonymous", None)  # Lightning 2.6 always sets it, wandb 0.31 warns of it
    return logger


def identity(folder: Path) -> str:
    """The id of a run folder's wandb run, made once and kept: what goes on goes on in the same one.

    A copy of a run folder is another run, and gets an id of its own; one that was moved keeps its own.
    """
    file = folder / FILE
    kept = json.loads(file.read_text()) if file.is_file() else None
    if kept and not _elsewhere(Path(kept["folder"]), folder):
        return kept["id"]
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{folder.parent.name}-{folder.name}").strip("-")  # an artifact's letters
    made = {"id": f"{plain[:54]}-{secrets.token_hex(4)}", "folder": str(folder.absolute())}
    if getattr(rank_zero_only, "rank", 0) == 0:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(file, made)
    return made["id"]


def sweep_of(folder: Path) -> str | None:
    """The name of the sweep that a run is a trial of; None of a run on its own."""
    return folder.absolute().parent.name if (folder.parent / "sweep.json").is_file() else None


def begin(trainer: Trainer, config: dict[str, Any]) -> None:
    """Give every logger the configuration, commit and fingerprints; wandb starts here, or offline where it cannot."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            _start(logger)
        logger.log_hyperparams(config)


def finish(trainer: Trainer, folder: Path, metrics: dict[str, float]) -> None:
    """Give every logger the final scores; wandb also figures, report, predictions and the checkpoint as an artifact."""
    for logger in trainer.loggers:
        logger.log_metrics(metrics, step=trainer.global_step)
        if isinstance(logger, WandbLogger):
            _hand_over(logger, folder, trainer.global_step)
            logger.experiment.summary.update(metrics)


def close(trainer: Trainer, state: str) -> None:
    """End the wandb runs as "finished", "failed", "pruned" or "stopped" (to go on); say how to sync an offline one."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger) and logger._experiment is not None:
            _end(logger._experiment, state)
            if logger._experiment.offline:
                place, folder = Path(logger._experiment.dir).parent, Path(trainer.default_root_dir)
                inside = place.resolve().is_relative_to(folder.resolve())
                command = ["starbolt", "sync", str(folder)] if inside else ["wandb", "sync", str(place)]
                say(f"wandb is offline; upload with: {shlex.join(command)}")
    while _ours:
        os.environ.pop(_ours.popitem()[0], None)


def _keep_inside(folder: Path) -> None:
    """Point wandb's places into the run folder, where they are not the user's own; `close` takes that back."""
    wanted = {name: str(folder.absolute() / place) for name, place in PLACES.items()} | {"WANDB_SILENT": "true"}
    for name, value in wanted.items():
        if os.environ.get(name) == _ours.get(name):  # unset, or set here for an earlier run
            os.environ[name] = _ours[name] = value


def _elsewhere(other: Path, folder: Path) -> bool:
    return other.is_dir() and not other.samefile(folder)


def _start(logger: WandbLogger) -> None:
    import wandb

    try:
        _ = logger.experiment
    except wandb.errors.Error as error:
        wandb.teardown()  # its process holds on to the id
        logger._wandb_init["mode"] = "offline"
        say(f"wandb cannot be reached, the run is tracked offline ({str(error).strip().splitlines()[0][:200]})")


def _hand_over(logger: WandbLogger, folder: Path, step: int) -> None:
    """Those of figures, report and predictions that there are, and the artifact."""
    import wandb

    shown: dict[str, Any] = {f"figures/{f.stem}": wandb.Image(str(f)) for f in sorted(folder.glob("figures/*.png"))}
    if (folder / "report.html").is_file():
        shown["report"] = wandb.Html(str(folder / "report.html"), inject=False)
    if (folder / "predictions.parquet").is_file():
        columns, rows, told = thinned(folder / "predictions.parquet")
        shown["predictions"] = wandb.Table(columns=columns, data=rows, allow_mixed_types=True)
        logger.experiment.summary["predictions_rows"] = told
    if shown:
        logger.log_metrics(shown, step=step)
    artifact = wandb.Artifact(f"run-{logger.experiment.id}", type="model")
    best = "best" if (folder / "checkpoints" / "best.ckpt").is_file() else "last"
    for name in (f"checkpoints/{best}.ckpt", *ARTIFACT):
        if (folder / name).is_file():
            artifact.add_file(str(folder / name), name=name)
    logger.experiment.log_artifact(artifact)


def thinned(predictions: Path, rows: int = ROWS) -> tuple[list[str | int], list[list[Any]], str]:
    """Columns and at most so many rows of a table of predictions, evenly spaced in it, and words on which they are."""
    table = pq.read_table(predictions)
    every = max(1, -(-len(table) // rows))
    kept = table.take(pa.array(range(0, len(table), every)))
    cells = [[_plain(cell) for cell in column.to_pylist()] for column in kept.columns]
    told = f"all {len(table):,} rows" if every == 1 else f"one in {every} of {len(table):,} rows, from the first on"
    return [*kept.column_names], [list(row) for row in zip(*cells, strict=True)], told


def _plain(cell: Any) -> Any:
    return cell if isinstance(cell, str | int | float | None) else str(cell)


def _end(run: Any, state: str) -> None:
    """Finish a run; what is not uploaded in time stays in its folder, and nobody waits for it."""
    import wandb

    run.summary["state"] = state
    if state == "stopped":
        run.mark_preempting()
    errors: list[Exception] = []
    code, limit = EXIT[state], GRACE if state == "stopped" else LONGEST
    ending = threading.Thread(target=_finish, args=(run, code, errors), daemon=True)
    ending.start()
    ending.join(limit)
    if ending.is_alive() or errors:
        why = f"{errors[0]}" if errors else f"not all was uploaded within {limit:.0f} s"
        say(f"wandb: {why}; what is left: wandb sync --include-online {Path(run.dir).parent}")
    if not ending.is_alive():
        wandb.teardown()  # its process keeps to the folders of the run that it was started for


def _finish(run: Any, code: int, errors: list[Exception]) -> None:
    try:
        run.finish(exit_code=code)
    except Exception as error:  # from a thread of its own it would be lost
        errors.append(error)
