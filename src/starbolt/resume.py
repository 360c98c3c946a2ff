"""`starbolt train run=FOLDER`: a run goes on from its last checkpoint; what that has settled stays as it is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starbolt.compose import UserError, begun
from starbolt.endurance import lease
from starbolt.like import relocated

WHOLE = ("data", "experiment")  # words that only a whole command has
GROUPS = ("model", "task", "split", "optim", "schedule")
SETTLED = (*GROUPS, "data", "seed")  # a checkpoint holds what these have made
PLACES = (
    "path", "test_path", "catalogue", "test_catalogue", "observations", "test_observations", "objects", "test_objects",
    "spectra", "test_spectra", "root", "stack", "cache",
)  # fmt: skip  # words of data.* that say where files lie: they may have moved


def continued(words: Sequence[str]) -> Any | None:
    """The saved configuration of the run that run= names, with the other words laid over it; None where there is none.

    A whole command over a folder in which nothing was trained yet (its data were refused) begins anew. UserError for a
    word that a run which has begun cannot take any more.
    """
    folder = named_run(words)
    if not folder or not (folder / "config.yaml").is_file():
        return None
    rest = [word for word in words if not word.startswith("run=")]
    if not begun(folder):
        return None if _whole(rest) else relocated(folder, rest)
    if process := lease.process_here(folder):
        raise UserError(f"{folder} is being executed already (process {process}); wait for that process, or end it")
    refuse_settled(folder, rest)
    return relocated(folder, rest)


def named_run(words: Sequence[str]) -> Path | None:
    """The folder that run= names."""
    named = [word.removeprefix("run=") for word in words if word.startswith("run=")]
    return Path(named[-1]) if named else None


def refuse_settled(folder: Path, words: Sequence[str]) -> None:
    """UserError where a word would change what was settled when the run began."""
    if whole := _whole(words):
        raise UserError(
            f"{folder} is a run that has begun, and {whole[0]} begins one; go on without it: starbolt train "
            f"run={folder}, or name another folder"
        )
    for key in (_key(word) for word in words):
        if key in GROUPS or (_settles(key) and _changes(folder, key, words)):
            raise UserError(
                f"{key} is settled in a run that has begun; begin a new one with it: starbolt train like={folder} "
                f"{shlex.join(words)}"
            )


def _whole(words: Sequence[str]) -> list[str]:
    return [word for word in words if _key(word) in WHOLE]


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+~")


def _settles(key: str) -> bool:
    parts = key.split(".")
    return parts[0] in SETTLED and not (parts[0] == "data" and parts[-1] in PLACES)


def _changes(folder: Path, key: str, words: Sequence[str]) -> bool:
    """Whether the words give a setting another value."""
    from omegaconf import OmegaConf

    before, after = (OmegaConf.select(cfg, key) for cfg in (relocated(folder), relocated(folder, words)))
    return bool(before != after)
