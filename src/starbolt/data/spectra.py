"""Spectra: the keyword arguments are the words of `data.*` with `data=spectra`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starbolt.archives.series import SeriesArchive
from starbolt.data.augment import SeriesAugment
from starbolt.data.module import ObjectDataModule, scaling_of
from starbolt.data.objects import Objects, named, packed


class SpectraDataModule(ObjectDataModule):
    """Spectra of any length: series over wavelength [Angstrom], for the same networks as light curves.

    objects: table with a row per object. Its spectra are one file each (root, file: column or pattern), vectors in its
    own cells or images beside it in one FITS file, or rows of another table, spectra, joined by id. wavelength, flux,
    error or ivar (inverse variance, not positive where unmeasured), mask (not 0 where bad): columns, or HDUs of that
    name, of which B_FLUX, R_FLUX, Z_FLUX are the arms of FLUX. Wavelengths may be in any unit of length, or decimal
    logarithms. bin: merge pixels to bins of this width [Angstrom]. context: object columns that go to the network
    beside the spectrum. names, table, where, missing, drop, noise, per_object: as for series. common: words of all
    data, see ObjectDataModule.
    """

    def __init__(
        self,
        objects: Any = None,
        *,
        spectra: Any = None,
        test_objects: Any = None,
        test_spectra: Any = None,
        id: str | None = None,
        wavelength: str = "wavelength",
        flux: str = "flux",
        error: str | None = None,
        ivar: str | None = None,
        mask: str | None = None,
        bin: float | None = None,
        root: str | None = None,
        file: str | None = None,
        context: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        per_object: bool | str = True,
        drop: float = 0.0,
        noise: float = 0.0,
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.scaling = scaling_of(per_object)
        self.augment = {"series": SeriesAugment(drop=drop, noise=noise, absolute=True)}
        self.save_hyperparameters(ignore=["objects", "spectra", "test_objects", "test_spectra", "split"], logger=False)
        named(objects if objects is not None else spectra, "data.objects=FILE or data.spectra=FILE")
        if error and ivar:
            raise ValueError(f"data.error={error} and data.ivar={ivar} say the same thing; leave one out")
        self.archive = SeriesArchive(
            spectra,
            objects,
            test_observations=test_spectra,
            test_objects=test_objects,
            id=id,
            time=wavelength,
            value=flux,
            error=ivar or error,
            ivar=ivar is not None,
            mask=mask,
            axis="wavelength",
            bin=bin,
            root=root,
            file=file,
            context=tuple(context),
            names=tuple(names),
            table=table,
            where=where,
            missing=tuple(missing),
        )

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)
