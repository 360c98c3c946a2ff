"""The best trial of a sweep as an experiment: a yaml that composes to the same run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starbolt.compose import conf_folder, options
from starbolt.sweep.space import parse


def experiment(words: Sequence[str], name: str, told: str) -> str:
    """The text of conf/experiment/NAME.yaml for these override words; told: a comment on where it comes from."""
    from omegaconf import OmegaConf

    groups, settings, base = _sorted(words)
    defaults: list[Any] = [base] if base else []
    defaults += [{f"override /{group}": option} for group, option in groups.items()]
    if base:
        defaults.append("_self_")
    content = OmegaConf.create({"defaults": defaults}) if defaults else OmegaConf.create({})
    for key, value in settings.items():
        OmegaConf.update(content, key, value, force_add=True)
    head = f"# @package _global_\n# starbolt train experiment={name}\n# {told}\n"
    return head + OmegaConf.to_yaml(content).replace("'override /", "override /").replace("':", ":")


def _sorted(words: Sequence[str]) -> tuple[dict[str, str], dict[str, Any], str | None]:
    """Group choices, settings by key, and the experiment they are laid over; the last word on each counts."""
    groups: dict[str, str] = {}
    settings: dict[str, Any] = {}
    base = None
    for item in parse(words):
        key = item.get_key_element().lstrip("+")
        if key == "experiment":
            base = str(item.value())
        elif ("." not in key and (conf_folder() / key).is_dir()) or key in _own_groups():
            groups[key] = str(item.value())
        elif not item.is_delete():
            settings[key] = _plain(item.value())
    return groups, settings, base


def _own_groups() -> set[str]:
    return {group for group in ("data", "model", "task", "optim") if options(group)} - {"experiment"}


def _plain(value: Any) -> Any:
    """Hydra's quoted strings as strings, within lists and mappings too."""
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return getattr(value, "text", value)
