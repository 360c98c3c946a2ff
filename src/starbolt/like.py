"""`starbolt train like=RUN`: the configuration of another run as base, with the other words laid over it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starbolt.compose import UserError, begun, complete, compose, conf_folder, override

LIKE = "like="
LOGGED = ("git", "data_fingerprint", "split_fingerprint")  # what tracking logs beside a configuration
TWICE = {"run": ("logger",), "name": ("logger",), "monitor": ("callbacks",)}  # words that groups say again
ANY = {"data": "table", "model": "mlp", "task": "regression"}  # to compose other groups with


def compose_like(words: Sequence[str]) -> Any | None:
    """The configuration of the run that like= names, with a folder of its own and the other words; None without like=.

    UserError where there is no such run, or a word cannot be laid over it.
    """
    named = [word.removeprefix(LIKE) for word in words if word.startswith(LIKE)]
    if not named:
        return None
    if len(named) > 1:
        raise UserError(f"like= is given {len(named)} times; one run can be the base")
    rest = [word for word in words if not word.startswith(LIKE)]
    refuse_old_folder(named[0], rest)
    return anew(base(named[0]), rest)


def refuse_old_folder(named: str, words: Sequence[str]) -> None:
    """UserError where run= names a run in which something was trained: it goes on as it is, or not at all."""
    for word in words:
        if word.startswith("run=") and begun(Path(word.removeprefix("run="))):
            raise UserError(
                f"{word} is a run already, and like={named} begins a new one; leave like= out to go on with the run, "
                "or name a new folder"
            )


def anew(cfg: Any, words: Sequence[str]) -> Any:
    """A run's configuration made that of a new run, with words laid over; in a new folder unless run= names one."""
    from omegaconf import OmegaConf

    groups = [word for word in words if word.split("=")[0] in _groups()]
    loosen(cfg)
    cfg.run = None
    cfg.threads = None  # those were measured on another machine, perhaps
    for group, part in chosen(groups, str(cfg.monitor)).items():
        cfg[group] = part
    override(cfg, [word for word in words if word not in groups])
    complete(cfg, {"experiment": cfg.name or "like"})
    OmegaConf.resolve(cfg)
    return cfg


def chosen(words: Sequence[str], monitor: str) -> dict[str, Any]:
    """group -> its configuration, of words that choose one, such as trainer=gpu."""
    if not words:
        return {}
    named = {word.split("=")[0] for word in words}
    if "experiment" in named:
        raise UserError("an experiment is a whole configuration, and so is the run that like= names; say one of them")
    others = [f"{group}={option}" for group, option in ANY.items() if group not in named]
    cfg = compose([*others, *words, f"monitor={monitor}"])
    loosen(cfg)
    return {group: cfg.get(group) for group in named}


def loosen(cfg: Any) -> None:
    """Let loggers and callbacks of a resolved configuration refer to run, name and monitor again, in place.

    So that these can change: a resolved logger would write into the folder of the old run.
    """
    from omegaconf import OmegaConf

    for word, groups in TWICE.items():
        for group in groups:
            if cfg.get(group) and cfg.get(word):
                cfg[group] = _referring(OmegaConf.to_container(cfg[group], resolve=False), word, str(cfg[word]))


def relocated(folder: Path, words: Sequence[str] = ()) -> Any:
    """The configuration of a run folder, wherever it lies now, with words laid over; UserError for a wrong word."""
    from omegaconf import OmegaConf

    cfg = OmegaConf.load(folder / "config.yaml")
    loosen(cfg)
    override(cfg, words)
    cfg.run = str(folder.absolute())
    OmegaConf.resolve(cfg)
    return cfg


def base(named: str) -> Any:
    """The configuration of a run folder, or of a wandb run named ENTITY/PROJECT/ID or by its address."""
    from omegaconf import OmegaConf

    folder = Path(named)
    if folder.is_dir():
        if not (folder / "config.yaml").is_file():
            raise UserError(f"like={named} is no run folder: it holds no config.yaml (starbolt runs lists the runs)")
        return OmegaConf.load(folder / "config.yaml")
    if path := wandb_path(named):
        return OmegaConf.create(tracked(path))
    raise UserError(f"like={named} is neither a run folder nor a wandb run, which is named ENTITY/PROJECT/ID")


def wandb_path(named: str) -> str | None:
    """ENTITY/PROJECT/ID of a wandb run's name or address; None of what can only be a folder."""
    address = re.match(r"https?://[^/]+/", named)
    parts = re.split(r"[?#]", named)[0].strip("/").split("/")
    if len(parts) >= 4 and parts[-2] == "runs" and (address or len(parts) == 4):
        return "/".join([*parts[-4:-2], parts[-1]])
    folder = named.startswith(("/", ".", "~")) or parts[0] in ("runs", "sweeps") or Path(parts[0]).exists()
    return None if len(parts) != 3 or address or folder else "/".join(parts)


def tracked(path: str) -> dict[str, Any]:
    """The configuration that tracking logged for a wandb run; UserError where it cannot be had."""
    from starbolt.login import HOW, hosts, logged_in, reachable

    if not logged_in():
        raise UserError(f"like={path} is a wandb run, and no login to wandb was found; {HOW}")
    if not reachable():
        raise UserError(f"like={path} is a wandb run, and {hosts()[0]} cannot be reached from here; name a run folder")
    import wandb

    try:
        config = dict(wandb.Api().run(path).config)
    except (wandb.errors.Error, ValueError, OSError) as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"the wandb run {path} cannot be read ({told})") from error
    if not {"data", "model", "task"} <= config.keys():
        raise UserError(f"the wandb run {path} is none of starbolt's: its config has no data, model and task")
    return {key: value for key, value in config.items() if key not in LOGGED and not key.startswith("_")}


def _referring(part: Any, word: str, value: str, key: str = "") -> Any:
    if isinstance(part, dict):
        return {name: _referring(inner, word, value, name) for name, inner in part.items()}
    if word == "run" and isinstance(part, str) and (part == value or part.startswith(f"{value}/")):
        return "${run}" + part.removeprefix(value)
    return f"${{{word}}}" if key == word and part == value else part


def _groups() -> set[str]:
    return {folder.name for folder in conf_folder().iterdir() if folder.is_dir()}
