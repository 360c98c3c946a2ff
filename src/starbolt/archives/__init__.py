"""Where observations come from: files of tables, images and series, read with numpy, astropy and pyarrow alone."""

from starbolt.archives.base import Archive, Dense, Ragged, Sample

__all__ = ["Archive", "Dense", "Ragged", "Sample"]
