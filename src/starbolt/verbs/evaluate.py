"""`starbolt evaluate`: score a trained network, on its own parts or on new data with known answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from starbolt import build
from starbolt.compose import UserError, override
from starbolt.data import ObjectDataModule
from starbolt.data.ranges import Outside
from starbolt.data.splits.earlier import own_split
from starbolt.learner import Learner
from starbolt.messages import bar, say
from starbolt.predict import predict_rows, prediction_table, score


def main(words: list[str]) -> None:
    """Print and write the scores; the last line is the folder with metrics.json and predictions.parquet."""
    own, rest = own_words(words, ("checkpoint", "part", "output"))
    learner, data, source, new = loaded(own, rest)
    name = own.get("part") or ("new" if new else "test")
    rows = np.sort(np.concatenate(list(data.parts.values()))) if new else trained_part(data, name)
    if len(rows) == 0:
        wanted = ", ".join(learner.spec.target.names)
        raise UserError(f"no object to score: none of the {name} part has a value in the target column {wanted}")
    found = predict_rows(learner, data.loader(rows), progress=bar("scoring"))
    metrics = {f"{name}/{key}": value for key, value in score(learner, found).items()}
    folder = Path(own.get("output") or source / "evaluate" / name)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(prediction_table(learner, data, found, part=name), folder / ".predictions.part")
    (folder / ".predictions.part").rename(folder / "predictions.parquet")
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1))
    for note in [*data.notes, Outside(learner.spec).note(found)]:
        if note:
            say(f"note: {note}")
    say(f"{len(rows)} objects of the {name} part")
    for key, value in metrics.items():
        say(f"  {key:28} {value:.4g}")
    say(str(folder))


def own_words(words: Sequence[str], known: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The verb's own word=value pairs, and the other overrides."""
    pairs = [word.split("=", 1) for word in words]
    own = {pair[0]: pair[1] for pair in pairs if pair[0] in known and len(pair) == 2}
    return own, [word for word, pair in zip(words, pairs, strict=True) if pair[0] not in known]


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


def loaded(own: dict[str, str], overrides: Sequence[str]) -> tuple[Learner, ObjectDataModule, Path, bool]:
    """The learner of checkpoint=, its data under the overrides, the run's folder, and whether the data are new."""
    from omegaconf import OmegaConf

    if "checkpoint" not in own:
        raise UserError("say checkpoint=RUN, a run folder or a .ckpt file (starbolt runs lists them)")
    path = build.find_checkpoint(own["checkpoint"])
    trust: Any = OmegaConf.create({"trust": []})
    override(trust, [word for word in overrides if word.startswith("trust=")])
    overrides = [word for word in overrides if not word.startswith("trust=")]
    learner = build.load_learner(path, trust.trust)
    cfg: Any = OmegaConf.create({"seed": 0, "split": None, **learner.recipe})
    cfg.data = {**build.sources_of(cfg.data), **cfg.data}
    override(cfg, overrides)
    given = [word.split("=", 1)[0] for word in overrides]
    build.refuse_half_chosen(cfg, given)
    new = build.for_new_files(cfg, given, learner.spec)
    folder = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    if cfg.split and "like" in cfg.split:
        cfg.split.like = own_split(folder, cfg.split.like)
    data = build.data(cfg)
    data.progress = bar("packing")
    data.open_like(learner.spec)
    return learner, data, folder, new
