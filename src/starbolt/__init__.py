"""Starbolt: neural networks for astronomers, from the measured file to an answer that a referee believes."""

from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "ImageDataModule": "starbolt.data",
    "TableDataModule": "starbolt.data",
    "SeriesDataModule": "starbolt.data",
    "SpectraDataModule": "starbolt.data",
    "ArchiveDataModule": "starbolt.data",
    "MultimodalDataModule": "starbolt.data",
    "Learner": "starbolt.learner",
    "MLP": "starbolt.models",
    "CNN": "starbolt.models",
    "GRU": "starbolt.models",
    "Backbone": "starbolt.models",
    "Fusion": "starbolt.models",
    "Classification": "starbolt.tasks",
    "Regression": "starbolt.tasks",
    "Calibrate": "starbolt.calibrate",
    "load": "starbolt.instrument",
    "save": "starbolt.loading",
    "fit": "starbolt.fitting",
    "score": "starbolt.fitting",
    "answers": "starbolt.fitting",
    "History": "starbolt.callbacks",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Names of the library, imported when first used: torch and Lightning take seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'starbolt' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
