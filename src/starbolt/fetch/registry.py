"""The public data sets that `starbolt fetch` knows: where each lies, how it is checked, whom to cite.

Addresses, sizes and checksums stand here as their sources give them; a set without a published checksum is described in
docs/public.md, and not fetched.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataSet:
    """One published file, and the experiment of the same name that trains on it.

    mirrors: addresses of the same file, in the order in which they are asked. sha256: hexadecimal digits.
    size: [bytes], None where its source rounds it; about: as the source says it. licence, cite: lines for the user.
    """

    name: str
    what: str
    objects: int
    file: str
    mirrors: tuple[str, ...]
    sha256: str
    size: int | None
    about: str
    licence: str
    cite: tuple[str, ...]


def home(name: str) -> Path:
    """The folder where an experiment looks for its data: below $STARBOLT_DATA, else below data/ in the current folder.

    Data that were asked for belong to the project, where one sees them, and not to a cache that one may empty.
    """
    return Path(os.environ.get("STARBOLT_DATA") or "data") / name


GALAXY10_SDSS = DataSet(
    name="galaxy10_sdss",
    what="galaxies of SDSS in ten classes of Galaxy Zoo, g, r, i, 69 x 69 pixels",
    objects=21_785,  # astronn.readthedocs.io/en/latest/galaxy10sdss.html, as file, size, checksum and the first address
    file="Galaxy10.h5",
    mirrors=(
        "https://zenodo.org/records/10844811/files/Galaxy10.h5",
        "https://www.astro.utoronto.ca/~hleung/shared/Galaxy10/Galaxy10.h5",
        "http://www.astro.utoronto.ca/~bovy/Galaxy10/Galaxy10.h5",  # in earlier documentation, with the same checksum
    ),
    sha256="969a6b1cefcc36e09fffa86febd2f699a4aa19b837ba0427f01b0bc6ded458af",
    size=210_234_548,
    about="210 MB",
    licence="not stated by astroNN; CC BY 4.0 as others report of zenodo.org/records/10844811",
    cite=(
        "Leung & Bovy, Galaxy10 SDSS, https://zenodo.org/records/10844811; astroNN: https://doi.org/10.1093/mnras/sty3217",
        "labels, Galaxy Zoo: Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166",
        "images: Sloan Digital Sky Survey, https://www.sdss.org",
    ),
)

GALAXY10_DECALS = DataSet(
    name="galaxy10_decals",
    what="galaxies of the DESI Legacy Surveys in ten classes of Galaxy Zoo, g, r, z, 256 x 256 pixels",
    objects=17_736,  # astronn.readthedocs.io/en/latest/galaxy10.html, as file, size and checksum
    file="Galaxy10_DECals.h5",
    mirrors=(
        "https://zenodo.org/records/10845026/files/Galaxy10_DECals.h5",  # astroNN, datasets/galaxy10.py
        "https://www.astro.utoronto.ca/~hleung/shared/Galaxy10/Galaxy10_DECals.h5",  # astroNN's documentation
    ),
    sha256="19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571",
    size=None,
    about="2.54 GB",
    licence="not stated by astroNN; CC BY 4.0 as others report of zenodo.org/records/10845026",
    cite=(
        "Leung & Bovy 2024, Galaxy10 DECaLS, https://doi.org/10.5281/zenodo.10845026",
        "labels, Galaxy Zoo: Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166; "
        "Walmsley et al. 2022, MNRAS 509, 3966",
        "images, DESI Legacy Imaging Surveys: Dey et al. 2019, AJ 157, 168",
    ),
)

SETS = {data.name: data for data in (GALAXY10_SDSS, GALAXY10_DECALS)}
