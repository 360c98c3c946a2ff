"""From a configuration to objects: the only place that follows import paths, of checkpoints only trusted ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_class, get_object, instantiate
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from starbolt.archives import Archive
from starbolt.calibration import Calibrated
from starbolt.checkpoints import AsideCheckpointIO
from starbolt.contract import Spec
from starbolt.data import ImageDataModule, ObjectDataModule, SeriesDataModule, SpectraDataModule, TableDataModule
from starbolt.data.audit import Audit
from starbolt.learner import Ensemble, Learner, symmetries_of
from starbolt.tasks.scores import mode_of

TRUSTED = ("starbolt", "torch", "torchvision")
BUILT = (torch.nn.Module, ObjectDataModule, Archive)
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


def calibrate(cfg: DictConfig) -> Callable[..., list[str]] | None:
    """The calibration of a configuration; None where it asks for none."""
    return _made(cfg.get("calibration"))


def data_like(learner: Learner | Ensemble, source: Any, cache: str | None = None) -> ObjectDataModule:
    """A data module that reads `source` as the training data of a learner were read, target and row choices aside."""
    recipe = learner.recipe
    made = get_class(recipe["data"]["_target_"])
    if made not in (TableDataModule, ImageDataModule, SeriesDataModule, SpectraDataModule):
        raise ValueError(f"{made.__name__} cannot be made from one table; give a data module")
    left = (
        CHOICES if isinstance(source, str | Path) else (*CHOICES, "names", "table")
    )  # a table in memory has its names
    words = {key: value for key, value in recipe["data"].items() if key not in (*left, "_target_")}
    return made(source, **words | wanted_features(words, learner.spec) | {"cache": cache})


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
    schedule = _factory(cfg.schedule) if cfg.get("schedule") else None
    encoder = {key: value for key, value in cfg.model.items() if key not in EXTRA}
    made = Learner(
        spec,
        _factory(encoder),
        _factory(cfg.task),
        optim=_factory(cfg.optim),
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
    named = [_callback(c, folder) for c in cfg.callbacks.values()]
    loggers = [_made(logger) for logger in (cfg.get("logger") or {}).values()]
    if not loggers:
        named = [c for c in named if not isinstance(c, LearningRateMonitor)]  # history.csv has the rate
    options |= {"callbacks": [*callbacks, *named], "logger": loggers, "plugins": [AsideCheckpointIO()]}
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


def _unweighted(config: Any) -> Any:
    """Without names of weight files: the checkpoint has weights of its own."""
    if not isinstance(config, Mapping):
        return config
    return {key: None if key == "weights" else _unweighted(value) for key, value in config.items()}


def load_learner(checkpoint: str | Path, trust: Sequence[str] = ()) -> Learner | Ensemble:
    """The learner (or ensemble) of a checkpoint file or run folder, ready to predict; the file cannot run code.

    Raises ValueError where the file is none of ours, or names classes of packages that are not trusted.
    """
    path = find_checkpoint(checkpoint)
    state = read_checkpoint(path)
    ours = state["starbolt"]
    if "members" not in ours:
        return _learner(ours, state["state_dict"], trust, path)
    learners = [_learner(*pair, trust, path) for pair in zip(ours["members"], state["state_dict"], strict=True)]
    made = Ensemble(learners)
    made.calibration = Calibrated.from_dict(ours["calibration"])
    return made.eval()


def load_ensemble(checkpoints: Sequence[Path], trust: Sequence[str] = ()) -> Ensemble:
    """Several trained networks as one, not calibrated yet; ValueError where they do not belong together."""
    learners = [load_learner(path, trust) for path in checkpoints]
    for learner, path in zip(learners, checkpoints, strict=True):
        if isinstance(learner, Ensemble):
            raise ValueError(f"{path} is an ensemble already; name its members, the run folders")
        if learner.spec.split != learners[0].spec.split:
            raise ValueError(
                f"{path} was trained on another split than {checkpoints[0]}; the members of an ensemble share their "
                "test rows: vary seed=, and not split.seed= or split.fold="
            )
    return Ensemble(learners).eval()  # type: ignore[arg-type]


def save_ensemble(made: Ensemble, path: Path, of: Sequence[str] = ()) -> None:
    """All members in one file, with the calibration of their common answer; of: digests of the members' files."""
    abouts, states = [m.about() for m in made.members], [m.state_dict() for m in made.members]  # type: ignore[operator]
    kept = made.calibration.to_dict() if made.calibration else None
    ours = {**abouts[0], "members": abouts, "calibration": kept, "of": list(of)}
    AsideCheckpointIO().save_checkpoint({"starbolt": ours, "state_dict": states}, path)


def keep_calibration(path: Path, calibrated: Calibrated | None) -> None:
    """Write the calibration into a checkpoint that is there already."""
    state = read_checkpoint(path)
    state["starbolt"]["calibration"] = calibrated.to_dict() if calibrated else None
    AsideCheckpointIO().save_checkpoint(state, path)


def _learner(ours: Mapping[str, Any], weights: Mapping[str, Any], trust: Sequence[str], path: Path) -> Learner:
    check_trust(ours["recipe"], trust, path)
    made = Learner(
        Spec.from_dict(ours["spec"]),
        _factory(_unweighted(ours["recipe"]["model"])),
        _factory(ours["recipe"]["task"]),
        symmetries=ours["symmetries"],
        mc_dropout=ours.get("mc_dropout", 0),
        recipe=ours["recipe"],
    )
    try:
        made.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the weights in {path} do not fit the network that it names ({_first_line(error, 1)})"
        ) from None
    made.calibration = Calibrated.from_dict(ours.get("calibration"))
    return made.eval()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's plain values and tensors; ValueError where it is damaged, foreign or would run code."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is not a checkpoint that can be read safely ({_first_line(error)})") from None
    ours = state.get("starbolt") if isinstance(state, dict) else None
    if not isinstance(ours, dict) or not {"spec", "recipe", "symmetries"} <= ours.keys():
        raise ValueError(f"{path} is not a checkpoint of starbolt: it carries no spec")
    return state


def find_checkpoint(named: str | Path) -> Path:
    """The file that a checkpoint's or a run folder's name means."""
    path = Path(named)
    if path.is_file():
        return path
    for name in ("checkpoints/best.ckpt", "checkpoints/last.ckpt"):
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"{path} is neither a checkpoint nor a run folder with checkpoints/best.ckpt")


def adopt(made: Learner, checkpoint: Path, *, freeze: bool) -> None:
    """Give a learner the encoder of an earlier run; ValueError where the two differ in shape."""
    state = read_checkpoint(checkpoint)["state_dict"]
    encoder = {key.removeprefix("encoder."): value for key, value in state.items() if key.startswith("encoder.")}
    try:
        made.encoder.load_state_dict(encoder)
    except RuntimeError as error:
        raise ValueError(
            f"the encoder in {checkpoint} does not fit this model and data ({_first_line(error, 1)})"
        ) from None
    if freeze:
        made.encoder.requires_grad_(False).eval()  # eval: batch statistics stay as they are too


def check_trust(config: Any, trust: Sequence[str], where: Any) -> None:
    """ValueError where plain values name anything but networks, tasks, data, archives and splits of trusted packages.

    trust: further packages, of which everything may be built. "${" is refused: Hydra would compute with it.
    """
    if isinstance(config, Mapping):
        if "_target_" in config:
            _check_target(str(config["_target_"]), trust, where)
        for key, value in config.items():
            check_trust(key, trust, where)
            check_trust(value, trust, where)
    elif isinstance(config, str) and "${" in config:
        raise ValueError(f"{where} holds {config!r}; a checkpoint holds plain values, and nothing is computed from it")
    elif isinstance(config, Sequence) and not isinstance(config, str):
        for value in config:
            check_trust(value, trust, where)


def _check_target(target: str, trust: Sequence[str], where: Any) -> None:
    package = target.split(".")[0]
    if package not in (*TRUSTED, *trust):
        raise ValueError(f"{where} names {target!r}, which is not built unless you say 'trust=[{package}]'")
    made = _found(target, where)
    home = str(getattr(made, "__module__", ""))
    ours = isinstance(made, type) and (issubclass(made, BUILT) or home.startswith("starbolt.data.splits."))
    if not ours and home.split(".")[0] not in trust:
        raise ValueError(f"{where} names {target!r}, which is no network, task, data module or split, and is not built")


def _found(target: str, where: Any) -> Any:
    try:
        return get_object(target)
    except (ImportError, AttributeError, ValueError):
        raise ValueError(f"{where} names {target!r}, which is not found here; start where it can be imported") from None


def _made(config: Any, **more: Any) -> Any:
    """Build; `more` goes past Hydra, which would turn dataclasses into dicts. None for an empty configuration."""
    return _factory(config)(**more) if config else None


def _callback(config: DictConfig, folder: Path) -> Callback:
    if "monitor" in config and "mode" not in config:
        made = _made(config, mode=mode_of(config.monitor))
    else:
        made = _made(config)
    if isinstance(made, ModelCheckpoint):
        made.dirpath = str(folder / "checkpoints")
    return made


def _factory(config: Any) -> partial:
    """A config as a partial, so that what only the data know can be given later."""
    plain = OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else dict(config)
    return instantiate(plain, _partial_=True, _convert_="all")


def _first_line(error: Exception, line: int = 0) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[min(line, len(lines) - 1)].strip()[:200]
