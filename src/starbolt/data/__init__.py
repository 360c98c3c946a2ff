"""Data modules: from files to batches of physical numbers, split and measured without a leak."""

from starbolt.data.datamodules import (
    ArchiveDataModule,
    ImageDataModule,
    MultimodalDataModule,
    SeriesDataModule,
    TableDataModule,
)
from starbolt.data.module import ObjectDataModule

__all__ = [
    "ArchiveDataModule",
    "ImageDataModule",
    "MultimodalDataModule",
    "ObjectDataModule",
    "SeriesDataModule",
    "TableDataModule",
]
