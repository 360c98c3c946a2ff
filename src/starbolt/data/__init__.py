"""Data modules: from files to batches of physical numbers, split and measured without a leak."""

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
