"""How data and networks were made, as plain values: import paths and keyword arguments that a checkpoint can carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np


def recipe_of(factory: Callable[..., Any]) -> dict[str, Any]:
    """The import path and keyword arguments of a class or a partial of one."""
    words = factory.keywords if isinstance(factory, partial) else {}
    return {"_target_": import_path(made_by(factory)), **plain(words)}


def made_by(factory: Callable[..., Any]) -> Any:
    """The class that a class or a partial of one builds."""
    return factory.func if isinstance(factory, partial) else factory


def import_path(made: type) -> str:
    """Where a class is imported from: the package that offers it for ours, so that checkpoints outlive moved files."""
    top, _, rest = made.__module__.partition(".")
    home = f"{top}.{rest.split('.')[0]}" if top == "starbolt" else made.__module__
    return f"{home}.{made.__qualname__}"


def plain(value: Any) -> Any:
    """Tuples and arrays as lists, mappings as dicts, paths as strings, classes as recipes, all the way down."""
    if callable(value):
        return recipe_of(value) | {"_partial_": True}
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    return [plain(inner) for inner in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
