"""From a configuration to objects: the only place that follows the import paths that a yaml file names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import get_class, get_object, instantiate
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from starbolt.adopting import adopt
from starbolt.archives.reading.columns import nearest
from starbolt.calibration import column_values
from starbolt.checkpoints import AsideCheckpointIO, find_checkpoint
from starbolt.contract import Spec
from starbolt.data import ImageDataModule, ObjectDataModule, SeriesDataModule, SpectraDataModule, TableDataModule
from starbolt.data.audit import Audit
from starbolt.direction import mode_of
from starbolt.endurance import cluster
from starbolt.endurance.keeping import Last
from starbolt.ensemble import Ensemble
from starbolt.learner import Learner, symmetries_of

FILES = (
    "path", "test_path", "catalogue", "test_catalogue", "observations", "test_observations", "objects", "test_objects",
    "spectra", "test_spectra",
)  # fmt: skip  # words of data.* that name catalogues
CHOICES = (*FILES, "target", "where", "weight", "group", "classes", "min_count", "split", "seed")
EXTRA = ("init", "freeze", "old_rate")  # words of model.* that are not the encoder's


def data(cfg: DictConfig) -> ObjectDataModule:
    """The data module of a configuration, with its splitter and seed."""
    return _made(cfg.data, split=_made(cfg.split), seed=cfg.seed)


def audit(cfg: DictConfig) -> Audit:
    """The audit of a configuration; the usual one where it names none: no training goes without."""
    return _made(cfg.get("audit")) or Audit()


def refuse_unknown_columns(cfg: DictConfig, data: ObjectDataModule) -> None:
    """ValueError where slices= or calibration.by= name no column: told before the training, not after it."""
    by = (cfg.get("calibration") or {}).get("by") or ()
    column_values(data.catalogue, [*(cfg.get("slices") or ()), *by], np.zeros(0, np.int64))


def calibrate(cfg: DictConfig) -> Callable[..., list[str]] | None:
    """The calibration of a configuration; None where it asks for none."""
    return _made(cfg.get("calibration"))


def data_like(
    learner: Learner | Ensemble, source: Any, cache: str | None = None, given: Mapping[str, Any] | None = None
) -> ObjectDataModule:
    """A data module that reads `source` as the training data of a learner were read, target and row choices aside.

    given: words of the data module in which the two differ. ValueError where it has no such word.
    """
    recipe = learner.recipe
    made = get_class(recipe["data"]["_target_"])
    if made not in (TableDataModule, ImageDataModule, SeriesDataModule, SpectraDataModule):
        raise ValueError(f"{made.__name__} cannot be made from one table; give a data module")
    left = (
        CHOICES if isinstance(source, str | Path) else (*CHOICES, "names", "table")
    )  # a table in memory has its names
    words = {key: value for key, value in recipe["data"].items() if key not in (*left, "_target_")}
    known = words_of(made)
    for word in given or {}:
        if word not in known:
            raise ValueError(f"{made.__name__} has no word {word!r}; {nearest(word, known)}")
    return made(source, **words | wanted_features(words, learner.spec) | {"cache": cache} | dict(given or {}))


def words_of(made: type) -> list[str]:
    """The words of a data module, those that all share among them."""
    signatures = (inspect.signature(kind).parameters for kind in (made, ObjectDataModule))
    named = (word for signature in signatures for word in signature.values() if word.kind is word.KEYWORD_ONLY)
    return list(dict.fromkeys(word.name for word in named))


def sources_of(words: Mapping[str, Any]) -> dict[str, None]:
    """The words of a data module that name catalogues, all empty: a network trained in Python carries none."""
    named = inspect.signature(get_class(words["_target_"])).parameters
    return {word: None for word in FILES if word in named}


def for_new_files(cfg: DictConfig, given: Sequence[str], spec: Spec) -> bool:
    """Whether overrides name new catalogues; if so the old files, row choices and split are forgotten, in place."""
    words = {word.removeprefix("data.") for word in given if word.startswith("data.")}
    if not any(word.split(".")[-1] in FILES or word.startswith("archive.") for word in words):
        return False
    for word in (*FILES, "where", "group"):
        if word in cfg.data and word not in words:
            cfg.data[word] = None
    cfg.split = None
    cfg.data.update(wanted_features(cfg.data, spec))
    return True


def refuse_half_chosen(cfg: DictConfig, given: Sequence[str]) -> None:
    """ValueError where the image HDUs are named anew, and those of their masks or errors, a list too, are not."""
    if "data.hdu" not in given:
        return
    for word in ("mask_hdu", "error_hdu", "variance_hdu", "weight_hdu"):
        beside = cfg.data.get(word)
        if OmegaConf.is_list(beside) and f"data.{word}" not in given:
            raise ValueError(
                f"data.hdu={list(cfg.data.hdu)} is given anew, but data.{word}={list(beside)} is that of the training; "
                "name it too, band by band"
            )


def wanted_features(words: Mapping[str, Any], spec: Spec) -> dict[str, list[str]]:
    """For a table, the columns that the spec's channels are or are made of; nothing for other data."""
    if "features" not in words:
        return {}
    colours = {f"{a}-{b}" for a, b in words["colours"]}
    return {"features": [channel for channel in spec.inputs["table"].channels if channel not in colours]}


def learner(cfg: DictConfig, data: ObjectDataModule) -> Learner:
    """A fresh learner for `data`, its encoder taken from an earlier run where `model.init` names one."""
    spec = data.open(get_object(cfg.task._target_).target)
    schedule = factory(cfg.schedule) if cfg.get("schedule") else None
    encoder = {key: value for key, value in cfg.model.items() if key not in EXTRA}
    made = Learner(
        spec,
        factory(encoder),
        factory(cfg.task),
        optim=factory(cfg.optim),
        schedule=schedule,
        symmetries=symmetries_of(data),
        mc_dropout=cfg.get("mc_dropout", 0),
        old_rate=cfg.model.get("old_rate", 1.0),
        recipe=recipe(cfg),
    )
    if cfg.model.get("init"):
        adopt(made, find_checkpoint(cfg.model.init), freeze=cfg.model.get("freeze", False))
    return made


def trainer(cfg: DictConfig, folder: Path, callbacks: Sequence[Callback], **options: Any) -> Trainer:
    """Lightning's Trainer, with the configured callbacks and loggers; checkpoints go to the run's folder.

    ValueError where Lightning does not take a setting, such as a word for a number.
    """
    named = [_callback(c, folder) for c in cfg.callbacks.values() if c]
    if not any(isinstance(c, Last) for c in named):  # no run goes without
        named.append(_placed(Last(), folder))
    loggers = [_made(logger) for logger in (cfg.get("logger") or {}).values()]
    options |= {
        "callbacks": [*callbacks, *named],
        "logger": loggers,
        "plugins": [AsideCheckpointIO(), *cluster.plugins()],
    }
    try:
        return _made(cfg.trainer, default_root_dir=str(folder), **options)
    except TypeError as error:
        raise ValueError(f"Lightning's Trainer does not take these settings of trainer.* ({error})") from error


def recipe(cfg: DictConfig) -> dict[str, Any]:
    """The part of a configuration that a checkpoint carries, as plain values."""
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    wanted = {key: plain[key] for key in ("model", "task", "data", "split") if key in plain}
    wanted["model"] = {key: value for key, value in wanted["model"].items() if key not in EXTRA}
    return wanted


def _made(config: Any, **more: Any) -> Any:
    """Build; `more` goes past Hydra, which would turn dataclasses into dicts. None for an empty configuration."""
    return factory(config)(**more) if config else None


def _callback(config: DictConfig, folder: Path) -> Callback:
    if "monitor" in config and "mode" not in config:
        made = _made(config, mode=mode_of(config.monitor))
    else:
        made = _made(config)
    return _placed(made, folder)


def _placed(callback: Any, folder: Path) -> Any:
    if isinstance(callback, ModelCheckpoint | Last):
        callback.dirpath = str(folder / "checkpoints")
    return callback


def factory(config: Any) -> partial:
    """A config as a partial, so that what only the data know can be given later."""
    plain = OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else dict(config)
    return instantiate(plain, _partial_=True, _convert_="all")
