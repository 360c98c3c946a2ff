"""The best trial of a sweep as an experiment: a yaml that composes to the same run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starbolt.compose import conf_folder, own_conf
from starbolt.sweep.space import parse


def experiment(words: Sequence[str], name: str, told: str) -> str:
    """The text of conf/experiment/NAME.yaml for these override words; told: a comment on where it comes from."""
    from omegaconf import OmegaConf

    groups, settings, base = _sorted(words)
    new = {item.get_key_element().lstrip("+") for item in parse(words) if item.is_add()}
    lines = [f"  - {base}"] if base else []
    lines += [f"  - /{group}: {_option(option)}" for group, option in groups.items() if group in new]
    lines += [f"  - override /{group}: {_option(option)}" for group, option in groups.items() if group not in new]
    defaults = ["defaults:", *lines, *(["  - _self_"] if base else []), ""] if lines else []
    content = OmegaConf.create({})
    for key, value in settings.items():
        OmegaConf.update(content, key, value, force_add=True)
    head = ["# @package _global_", f"# starbolt train experiment={name}", f"# {told}"]
    return "\n".join([*head, *defaults, OmegaConf.to_yaml(content) if settings else ""])


def _sorted(words: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    """Group choices, settings by key, and the experiment they are laid over; the last word on each counts."""
    groups: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    base = None
    for item in parse(words):
        key, value = item.get_key_element().lstrip("+~"), None if item.is_delete() else _plain(item.value())
        if key == "experiment":
            base = str(value)
        elif _is_group(key):
            groups[key] = value
        else:
            settings[key] = value  # what was deleted is null: a yaml that is laid over others takes nothing away
    return groups, settings, base


def _is_group(key: str) -> bool:
    return any((folder / key).is_dir() for folder in (own_conf(), conf_folder()) if folder)


def _option(option: Any) -> str:
    return "null" if option is None else json.dumps(option) if isinstance(option, list) else str(option)


def _plain(value: Any) -> Any:
    """Hydra's quoted strings as strings, within lists and mappings too."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return getattr(value, "text", value)
