"""Data modules: from files to batches of physical numbers, split and measured without a leak."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starbolt.data.custom import ArchiveDataModule
    from starbolt.data.images import ImageDataModule
    from starbolt.data.module import ObjectDataModule
    from starbolt.data.multimodal import MultimodalDataModule
    from starbolt.data.series import SeriesDataModule
    from starbolt.data.spectra import SpectraDataModule
    from starbolt.data.table import TableDataModule

__all__ = [
    "ArchiveDataModule",
    "ImageDataModule",
    "MultimodalDataModule",
    "ObjectDataModule",
    "SeriesDataModule",
    "SpectraDataModule",
    "TableDataModule",
]
_HOMES = dict(zip(__all__, ("custom", "images", "multimodal", "module", "series", "spectra", "table"), strict=True))


def __getattr__(name: str) -> Any:
    """The data modules, imported when first used: what reads files needs astropy, what hands out batches does not."""
    if name not in _HOMES:
        raise AttributeError(f"module 'starbolt.data' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"starbolt.data.{_HOMES[name]}"), name)
