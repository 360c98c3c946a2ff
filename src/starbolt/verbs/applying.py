"""What the verbs share that apply a trained network: whose checkpoint, on which data, of which rows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from starbolt import build, loading, looks
from starbolt.calibrate import Calibrate
from starbolt.checkpoints import find_checkpoint, read_checkpoint
from starbolt.compose import UserError, override
from starbolt.data import ObjectDataModule
from starbolt.data.splits.earlier import own_split
from starbolt.messages import bar, say
from starbolt.predict import Network
from starbolt.trials.trial import ended

ENSEMBLE = "ensemble.ckpt"
NO_CALIBRATION = "the ensemble is not calibrated: its training data are not split as they were"


def own_words(words: Sequence[str], known: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The verb's own word=value pairs, and the other overrides."""
    pairs = [word.split("=", 1) for word in words]
    own = {pair[0]: pair[1] for pair in pairs if pair[0] in known and len(pair) == 2}
    return own, [word for word, pair in zip(words, pairs, strict=True) if pair[0] not in known]


def rows_to_score(own: dict[str, str], network: Network, data: ObjectDataModule, new: bool) -> tuple[str, np.ndarray]:
    """The part that is scored and its rows; UserError where no object of it has a label."""
    name = own.get("part") or ("new" if new else "test")
    rows = np.sort(np.concatenate(list(data.parts.values()))) if new else trained_part(data, name)
    if len(rows) == 0:
        wanted = ", ".join(network.spec.target.names)
        raise UserError(f"no object to score: none of the {name} part has a value in the target column {wanted}")
    return name, rows


def trained_part(data: ObjectDataModule, part: str) -> np.ndarray:
    """Rows of a part of the training run's own data; UserError where these are no longer split as they were."""
    if part not in data.parts:
        raise UserError(f"part={part} is not one of {', '.join(data.parts)}")
    if data.split_name != data.spec.split:
        raise UserError(
            "the data have changed since training, so that the parts are no longer those the network was trained with; "
            "name the objects to score as new data, such as data.path=NEW.fits"
        )
    return data.parts[part]


def loaded(
    own: dict[str, str], overrides: Sequence[str], *, labels: bool = True
) -> tuple[Network, ObjectDataModule, Path, bool]:
    """The network of checkpoint=, its data under the overrides, the run's folder, and whether the data are new.

    labels: see `ObjectDataModule.open_like`.
    """
    trust, overrides = trusted(overrides)
    learner, folder = network_of(own, trust)
    cfg = saved_words(learner)
    override(cfg, overrides)
    given = [word.split("=", 1)[0] for word in overrides]
    build.refuse_half_chosen(cfg, given)
    new = build.for_new_files(cfg, given, learner.spec)
    return learner, opened(cfg, learner, folder, labels=labels), folder, new


def trusted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The packages that trust= names, and the other words."""
    from omegaconf import OmegaConf

    cfg: Any = OmegaConf.create({"trust": []})
    override(cfg, [word for word in words if word.startswith("trust=")])
    return list(cfg.trust), [word for word in words if not word.startswith("trust=")]


def network_of(own: dict[str, str], trust: Sequence[str]) -> tuple[Network, Path]:
    """The network that checkpoint= names, one or an ensemble, and its folder; an ensemble is calibrated once."""
    if "checkpoint" not in own:
        raise UserError("say checkpoint=RUN, a run folder or a .ckpt file (starbolt runs lists them)")
    paths, folder = members(own["checkpoint"])
    if len(paths) == 1:
        return loading.load_learner(paths[0], trust), folder
    kept, of = folder / ensemble_file(own["checkpoint"]), [looks.digest(path) for path in paths]
    if kept.is_file() and read_checkpoint(kept)["starbolt"].get("of") == of:
        return loading.load_learner(kept, trust), folder
    made = loading.load_ensemble(paths, trust)
    say(f"an ensemble of {len(paths)} networks, calibrated on the calibration part of their training data")
    data = opened(saved_words(made), made, run_of(paths[0]))
    for note in Calibrate()(made, data) if data.split_name == made.spec.split else [NO_CALIBRATION]:
        say(f"note: {note}")
    loading.save_ensemble(made, kept, of)
    return made, folder


def members(named: str) -> tuple[list[Path], Path]:
    """The checkpoint files that checkpoint= means, and the folder that they belong to.

    Of a file or run it is its own; of a folder of runs (a sweep) that of each run that ended well; of [RUN,RUN] that of
    each.
    """
    if named.startswith("["):
        runs = [word.strip() for word in named.strip("[]").split(",")]
        folder = Path(os.path.commonpath([Path(run).absolute() for run in runs]))
        return [find_checkpoint(run) for run in runs], folder
    inside = sorted(path.parent.parent for path in Path(named).glob("*/checkpoints/best.ckpt"))
    inside = [run for run in inside if ended_well(run)] or inside
    if inside and not (Path(named) / "checkpoints").is_dir():
        return [find_checkpoint(run) for run in inside], Path(named)
    path = find_checkpoint(named)
    return [path], run_of(path)


def ended_well(run: Path) -> bool:
    """Whether a run has scores: a trial that was pruned, failed or still trains has none."""
    end = ended(run)
    return (run / "metrics.json").is_file() and (end is None or end.state == "finished")


def ensemble_file(named: str) -> str:
    """Name of the file that keeps an ensemble: of a folder of runs, or of runs that were named one by one."""
    if not named.startswith("["):
        return ENSEMBLE
    return f"ensemble_{hashlib.sha256(named.encode()).hexdigest()[:8]}.ckpt"


def run_of(checkpoint: Path) -> Path:
    """The run folder of a checkpoint file; the folder that it lies in where it was taken out of one."""
    return checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent


def record_looks(named: str) -> None:
    """Write down in the run (of an ensemble in each run) that its test rows were scored."""
    for path in members(named)[0]:
        looks.record(run_of(path), path, "evaluate")


def saved_words(network: Network) -> Any:
    """The configuration that a checkpoint carries, with all words that name files."""
    from omegaconf import OmegaConf

    cfg: Any = OmegaConf.create({"seed": 0, "split": None, **network.recipe})
    cfg.data = {**build.sources_of(cfg.data), **cfg.data}
    return cfg


def opened(cfg: Any, network: Network, folder: Path, *, labels: bool = True) -> ObjectDataModule:
    """The data of a configuration, made to fit the network."""
    if cfg.split and "like" in cfg.split:
        cfg.split.like = own_split(folder, cfg.split.like)
    data = build.data(cfg)
    data.progress = bar("packing")
    data.open_like(network.spec, labels=labels)
    return data
