"""`starbolt evaluate`: score a trained network, on its own parts or on new data with known answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from starbolt import build
from starbolt.compose import UserError, override
from starbolt.data import ObjectDataModule
from starbolt.data.module import rows_like
from starbolt.learner import Learner
from starbolt.messages import bar, say
from starbolt.predict import predict_rows, prediction_table, score


def main(words: list[str]) -> None:
    """Print and write the scores; the last line is the folder with metrics.json and predictions.parquet."""
    own, rest = own_words(words, ("checkpoint", "part", "output"))
    learner, data, source = loaded(own, rest)
    rows = rows_like(data, own.get("part"))
    if len(rows) == 0:
        raise UserError(
            "no object to score: none has a known target in this part; say part=val, or data with the target column"
        )
    found = predict_rows(learner, data.loader(rows), progress=bar("scoring"))
    name = own.get("part") or ("test" if data.same_objects else "new")
    metrics = {f"{name}/{key}": value for key, value in score(learner, found).items()}
    folder = Path(own.get("output") or source / "evaluate" / name)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(prediction_table(learner, data, found, part=name), folder / ".predictions.part")
    (folder / ".predictions.part").rename(folder / "predictions.parquet")
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1))
    for note in data.notes:
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


def loaded(own: dict[str, str], overrides: Sequence[str]) -> tuple[Learner, ObjectDataModule, Path]:
    """The learner of checkpoint=, its data with the overrides laid over, and the run's folder."""
    from omegaconf import OmegaConf

    if "checkpoint" not in own:
        raise UserError("say checkpoint=RUN, a run folder or a .ckpt file (starbolt runs lists them)")
    path = build.find_checkpoint(own["checkpoint"])
    cfg: Any = OmegaConf.create({"data": {}, "split": {}, "trust": [], "seed": 0})
    override(cfg, [word for word in overrides if word.startswith("trust=")])
    learner = build.load_learner(path, cfg.trust)
    cfg = OmegaConf.merge(cfg, learner.recipe)
    override(cfg, overrides)
    build.for_new_files(cfg, [word.split("=", 1)[0] for word in overrides], learner.spec)
    data = build.data(cfg)
    data.progress = bar("packing")
    data.open(learner.task.target, learner.spec)
    folder = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    return learner, data, folder
