"""`starbolt evaluate`: score a trained network, on its own parts or on new data with known answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt import build, looks
from starbolt.calibrate import Calibrate
from starbolt.compose import UserError, override
from starbolt.data import ObjectDataModule
from starbolt.data.ranges import Outside
from starbolt.data.splits.earlier import own_split
from starbolt.learner import Ensemble
from starbolt.messages import bar, say
from starbolt.predict import Network, predict_rows, score, scored_table
from starbolt.report import write as write_report
from starbolt.scoring import calibration_told, keep_evidence, write_json, write_table

ENSEMBLE = "ensemble.ckpt"
NO_CALIBRATION = "the ensemble is not calibrated: its training data are not split as they were"


def main(words: list[str]) -> None:
    """Print and write the scores; the last line is the folder with metrics.json and predictions.parquet."""
    from starbolt.verbs import until

    own, rest = own_words(words, ("checkpoint", "part", "output"))
    if days := until.several(rest):
        until.main(own, rest, days)
        return
    learner, data, source, new = loaded(own, rest)
    name, rows = rows_to_score(own, learner, data, new)
    found = predict_rows(learner, data.loader(rows), progress=bar("scoring"))
    metrics = {f"{name}/{key}": value for key, value in score(learner, data, found).items()}
    folder = Path(own.get("output") or source / "evaluate" / name)
    folder.mkdir(parents=True, exist_ok=True)
    table = scored_table(learner, data, found, part=name)
    write_table(folder / "predictions.parquet", table)
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "calibration.json", calibration_told(learner, data, found))
    if name == "test" and not new:
        record_looks(own["checkpoint"])
        report(folder if isinstance(learner, Ensemble) else source, learner, data, table)
    for note in [*data.notes, Outside(learner.spec).note(found)]:
        if note:
            say(f"note: {note}")
    say(f"{len(rows)} objects of the {name} part")
    for key, value in metrics.items():
        say(f"  {key:28} {value:.4g}")
    say(str(folder))


def report(folder: Path, network: Network, data: ObjectDataModule, table: pa.Table) -> None:
    """The report of an ensemble's test part; that of a run, which tells how often the test rows were scored, anew."""
    if isinstance(network, Ensemble):
        keep_evidence(folder, network, data, {"test": table})
        name = f"an ensemble of {len(network.members)} networks"
        write_json(folder / "config.yaml", {"name": name, **network.recipe})
        write_json(folder / "provenance.json", {"notes": data.notes, "data": network.spec.data})
        say(f"report: {write_report(folder)}")
    elif (folder / "report.html").is_file():
        write_report(folder)


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
    from omegaconf import OmegaConf

    trust: Any = OmegaConf.create({"trust": []})
    override(trust, [word for word in overrides if word.startswith("trust=")])
    overrides = [word for word in overrides if not word.startswith("trust=")]
    learner, folder = network_of(own, trust.trust)
    cfg = saved_words(learner)
    override(cfg, overrides)
    given = [word.split("=", 1)[0] for word in overrides]
    build.refuse_half_chosen(cfg, given)
    new = build.for_new_files(cfg, given, learner.spec)
    return learner, opened(cfg, learner, folder, labels=labels), folder, new


def network_of(own: dict[str, str], trust: Sequence[str]) -> tuple[Network, Path]:
    """The network that checkpoint= names, one or an ensemble, and its folder; an ensemble is calibrated once."""
    if "checkpoint" not in own:
        raise UserError("say checkpoint=RUN, a run folder or a .ckpt file (starbolt runs lists them)")
    paths, folder = members(own["checkpoint"])
    if len(paths) == 1:
        return build.load_learner(paths[0], trust), folder
    kept = folder / ENSEMBLE
    if kept.is_file() and kept.stat().st_mtime > max(path.stat().st_mtime for path in paths):
        return build.load_learner(kept, trust), folder
    made = build.load_ensemble(paths, trust)
    say(f"an ensemble of {len(paths)} networks, calibrated on the calibration part of their training data")
    data = opened(saved_words(made), made, run_of(paths[0]))
    for note in Calibrate()(made, data) if data.split_name == made.spec.split else [NO_CALIBRATION]:
        say(f"note: {note}")
    build.save_ensemble(made, kept)
    return made, folder


def members(named: str) -> tuple[list[Path], Path]:
    """The checkpoint files that checkpoint= means, and the folder that they belong to.

    Of a file or run it is its own; of a folder of runs (a sweep) that of each run; of [RUN,RUN] that of each.
    """
    if named.startswith("["):
        runs = [word.strip() for word in named.strip("[]").split(",")]
        folder = Path(os.path.commonpath([Path(run).absolute() for run in runs]))
        return [build.find_checkpoint(run) for run in runs], folder
    inside = sorted(path.parent.parent for path in Path(named).glob("*/checkpoints/best.ckpt"))
    if inside and not (Path(named) / "checkpoints").is_dir():
        return [build.find_checkpoint(run) for run in inside], Path(named)
    path = build.find_checkpoint(named)
    return [path], run_of(path)


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
