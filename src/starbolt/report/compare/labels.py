"""What a setting is called: by what sets it apart, such as "model=mlp", else by its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from starbolt.compose import BESIDE

APART = (*BESIDE, "seed", "split.fold")  # no settings: what teaches nothing, and what is repeated
TARGET = "._target_"
MOST = 48  # letters of a label

Flat = dict[str, Any]  # dotted name -> value


def flat(config: Mapping[str, Any]) -> Flat:
    """The settings of a configuration under dotted names, without those of `APART`."""
    whole = dict(_flattened(config, ""))
    return {key: v for key, v in whole.items() if not any(key == out or key.startswith(f"{out}.") for out in APART)}


def labels(configs: Sequence[Flat], folders: Sequence[Path]) -> list[str]:
    """A label for each setting, all different, from its settings and a folder that holds its runs."""
    told = [",".join(_differing(config, configs)) for config in configs]
    short = all(0 < len(label) <= MOST for label in told) and len(set(told)) == len(told)
    return told if short else _names(folders)


def _flattened(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        yield prefix, value
        return
    for key, inner in value.items():
        yield from _flattened(inner, f"{prefix}.{key}" if prefix else str(key))


def _differing(mine: Flat, configs: Sequence[Flat]) -> Iterator[str]:
    """The settings in which this one is not like all others; of another network not each of its own words."""
    keys = dict.fromkeys(key for config in configs for key in config)
    for key in keys:
        target = _target(key, keys)
        alike = [c for c in configs if target in (None, key) or c.get(str(target)) == mine.get(str(target))]
        if any(config.get(key) != mine.get(key) for config in alike):
            yield f"{key.removesuffix(TARGET)}={_word(key, mine.get(key))}"


def _target(key: str, keys: Mapping[str, None]) -> str | None:
    """The key that names the class which this one is a setting of; None where there is none."""
    while "." in key:
        key = key.rpartition(".")[0]
        if f"{key}{TARGET}" in keys:
            return f"{key}{TARGET}"
    return None


def _word(key: str, value: Any) -> str:
    """A value as it is typed; of a class and of a path the last part."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(_word(key, inner) for inner in value)}]"
    if key.endswith(TARGET):
        return str(value).rpartition(".")[2].removesuffix("DataModule").lower()
    return str(value).rpartition("/")[2]


def _names(folders: Sequence[Path]) -> list[str]:
    """The last parts of the folders' paths, as many as tell them apart; equal folders are numbered."""
    paths = [path.absolute() for path in folders]
    for depth in range(1, max(len(path.parts) for path in paths)):
        names = [os.path.join(*path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            break
    return [name if names.index(name) == i else f"{name} ({names[:i].count(name) + 1})" for i, name in enumerate(names)]
