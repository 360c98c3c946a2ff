"""Cut-outs: the keyword arguments are the words of `data.*` with `data=images`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starbolt.archives.images import ImageArchive
from starbolt.data.augment import ImageAugment
from starbolt.data.module import ObjectDataModule, Objects, named, packed, scaling_of


class ImageDataModule(ObjectDataModule):
    """Cut-outs named by a catalogue.

    catalogue: table with a row per image (file, or in memory). file: column with the file name, a list of columns (one
    file per band), a pattern such as "{objid}.fits", or with stack= the row-number column. root: folder of the files.
    stack: one NPY, NPZ or HDF5 file holding all images. hdu: FITS extension(s). size: pixels to crop or pad to.
    context: catalogue columns that go to the network beside the image. symmetries, shift, noise: see ImageAugment.
    per_object: false, true or both: scale by the training set, by each image itself, or both side by side.
    names, table, where, missing: as for tables, of the catalogue. common: words of all data, see ObjectDataModule.
    """

    def __init__(
        self,
        catalogue: Any = None,
        *,
        test_catalogue: Any = None,
        id: str | None = None,
        file: str | Sequence[str] | None = None,
        root: str = "",
        stack: Any = None,
        hdu: Any = 0,
        size: int | None = None,
        context: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        per_object: bool | str = False,
        symmetries: bool = True,
        shift: int = 0,
        noise: float = 0.0,
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.scaling = scaling_of(per_object)
        self.augment = {"image": ImageAugment(symmetries=symmetries, shift=shift, noise=noise)}
        self.save_hyperparameters(ignore=["catalogue", "test_catalogue", "stack", "split"], logger=False)
        named(catalogue, "data.catalogue=FILE")
        self.archive = ImageArchive(
            catalogue,
            test_catalogue=test_catalogue,
            id=id,
            file=file if isinstance(file, str) or file is None else tuple(file),
            root=root,
            stack=stack,
            hdu=hdu if isinstance(hdu, int | str) or hdu is None else tuple(hdu),
            size=size,
            context=tuple(context),
            names=tuple(names),
            table=table,
            where=where,
            missing=tuple(missing),
        )

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)
