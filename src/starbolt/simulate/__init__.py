"""A small, physically sensible sky to learn on: a galaxy catalogue, alert cut-outs and light curves, made from a seed.

The tasks are neither trivial nor hopeless: docs/sky.md tells what simple models and networks reach on them.
Needs numpy, astropy and pyarrow; no torch.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from starbolt.simulate.catalogue import write_catalogue
from starbolt.simulate.cutouts import write_cutouts
from starbolt.simulate.lightcurves import write_stars

__all__ = ["simulate"]

FILES = {
    "catalogue": "catalogue.fits",
    "cutouts": "cutouts",
    "labels": "cutouts.csv",
    "photometry": "photometry.parquet",
    "stars": "stars.parquet",
}


def simulate(
    output: str | Path,
    *,
    galaxies: int = 4000,
    stamps: int = 1500,
    stars: int = 1200,
    supernovae: int = 0,
    difficulty: float = 1.0,
    seed: int = 0,
) -> dict[str, Path]:
    """Write a simulated sky into the new or empty folder `output`; returns the path of each product.

    catalogue: `galaxies` galaxies, magnitudes and redshifts (FITS table). cutouts: folder of `stamps` FITS stamps;
    labels: their classes (CSV). photometry, stars: light curves of `stars` variable stars, one row per measurement,
    and their classes (Parquet), and of `supernovae` supernovae, a fifth class. `difficulty` multiplies the noise. The
    same arguments give the same bytes, and each product is independent of the sizes of the others. They appear when all
    are finished.
    ValueError where `output` is a file or holds something, or where a number is not positive (`supernovae` may be 0).
    """
    if supernovae < 0:
        raise ValueError(f"supernovae={supernovae} is below 0; give a number of supernovae, or 0 for none")
    _check(galaxies=galaxies, stamps=stamps, stars=stars, difficulty=difficulty)
    folder = _empty_folder(Path(output))
    aside = folder / ".unfinished"
    aside.mkdir()
    try:
        parts = {name: aside / file for name, file in FILES.items()}
        streams = [np.random.default_rng([seed, product]) for product in range(3)]
        write_catalogue(parts["catalogue"], galaxies, streams[0], difficulty)
        write_cutouts(parts["cutouts"], parts["labels"], stamps, streams[1], difficulty)
        write_stars(parts["photometry"], parts["stars"], stars, streams[2], difficulty, supernovae)
        return {name: part.rename(folder / part.name) for name, part in parts.items()}
    finally:
        shutil.rmtree(aside)


def _check(**numbers: float) -> None:
    for name, value in numbers.items():
        if not value > 0:
            raise ValueError(f"{name}={value} is not positive; give a number above 0")


def _empty_folder(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"output={folder} is a file; name a new folder with output=FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    held = min((path.name for path in folder.iterdir()), default=None)
    if held:
        raise ValueError(f"output={folder} is not empty (it holds {held}); name a new folder with output=FOLDER")
    return folder
