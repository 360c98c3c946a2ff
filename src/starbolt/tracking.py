"""Tracking in Weights & Biases: online where a login exists, else into the run's own folder, to be synced later."""

from __future__ import annotations

import netrc
import os
import re
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from starbolt.messages import say


def wandb_logger(
    run: str, *, project: str = "starbolt", name: str | None = None, group: str | None = None
) -> WandbLogger:
    """A wandb run whose files all lie in the run folder; offline unless a login exists ($WANDB_MODE has the last word).

    project, name, group: as wandb shows them. Nothing asks for a key.
    """
    folder = Path(run)
    for variable in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        os.environ.setdefault(variable, str(folder))
    os.environ.setdefault("WANDB_SILENT", "true")
    mode = os.environ.get("WANDB_MODE") or ("online" if logged_in() else "offline")
    # the run's own name as id: a continued run goes on in the same wandb run
    identity = re.sub(r"[^\w.,=-]", "-", f"{folder.parent.name}-{folder.name}")[-120:]
    logger = WandbLogger(
        project=project, name=name, save_dir=run, id=identity, group=group, offline=mode == "offline", resume="allow"
    )
    logger._wandb_init.pop("anonymous", None)  # Lightning 2.6 always sets it, wandb 0.31 warns of it
    return logger


def logged_in() -> bool:
    """Whether wandb would find a key."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def begin(trainer: Trainer, config: dict[str, Any]) -> None:
    """Give every logger the configuration, commit and fingerprints."""
    for logger in trainer.loggers:
        logger.log_hyperparams(config)


def finish(trainer: Trainer, folder: Path, metrics: dict[str, float]) -> None:
    """Give every logger the final scores; wandb also figures, report and the checkpoint as an artifact."""
    for logger in trainer.loggers:
        logger.log_metrics(metrics, step=trainer.global_step)
        if isinstance(logger, WandbLogger):
            _hand_over(logger, folder)


def close(trainer: Trainer, failed: bool) -> None:
    """End the wandb runs, also when training raised; say how to sync an offline one."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger) and trainer.is_global_zero:
            run = logger.experiment
            offline = run.offline
            place = Path(run.dir).parent
            run.finish(exit_code=1 if failed else 0)
            if offline:
                say(f"wandb is offline; upload with: wandb sync {place}")


def _hand_over(logger: WandbLogger, folder: Path) -> None:
    import wandb

    for figure in sorted((folder / "figures").glob("*.png")):
        logger.experiment.log({f"figures/{figure.stem}": wandb.Image(str(figure))})
    artifact = wandb.Artifact(f"run-{logger.experiment.id}", type="model")
    for name in ("checkpoints/best.ckpt", "config.yaml", "report.html", "predictions.parquet"):
        if (folder / name).is_file():
            artifact.add_file(str(folder / name), name=name)
    logger.experiment.log_artifact(artifact)
