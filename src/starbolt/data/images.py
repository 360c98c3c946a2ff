"""Cut-outs: the keyword arguments are the words of `data.*` with `data=images`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starbolt.archives.images import ImageArchive
from starbolt.data.augment import ImageAugment
from starbolt.data.module import ObjectDataModule, scaling_of
from starbolt.data.objects import Objects, named, packed
from starbolt.data.transforms import stretch_of


class ImageDataModule(ObjectDataModule):
    """Cut-outs named by a catalogue.

    catalogue: table with a row per image (file, or in memory). file: column with the file name, a list of columns (one
    file per band), a pattern such as "{objid}.fits", or with stack= the row-number column. root: folder of the files.
    stack: one NPY, NPZ or HDF5 file holding all images. hdu: FITS extension(s), null: the first with an image.
    size: pixels to crop or pad to, or an angle ("20 arcsec"). mosaic: large images to cut from at ra, dec: a path, a
    pattern such as "tiles/*_g.fits", a column, or a list of these, a band each.
    mask_hdu: extension(s) nonzero where a pixel is bad, in mask_bits alone if given. error_hdu, variance_hdu,
    weight_hdu: extension(s) with one sigma, its square or the inverse of its square. blank: pixel values that mean
    unmeasured. padding: value of padded edges. pixel_scale [arcsec], default from the header. zero_point [mag], or the
    header keyword by which each image is scaled to the zero point 25.
    context: catalogue columns that go to the network beside the image. symmetries, shift, noise: see ImageAugment.
    per_object: false, true or both: scale by the training set, by each image itself, or both side by side.
    stretch: linear, asinh, log or zscale, its constants from the training set, or from each image by per_object.
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
        hdu: Any = None,
        size: int | str | None = None,
        mosaic: str | Sequence[str] | None = None,
        mask_hdu: Any = None,
        mask_bits: Sequence[int] = (),
        error_hdu: Any = None,
        variance_hdu: Any = None,
        weight_hdu: Any = None,
        blank: Sequence[float] = (),
        padding: float | None = None,
        pixel_scale: float | None = None,
        zero_point: float | str | None = None,
        context: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        per_object: bool | str = False,
        symmetries: bool = True,
        shift: int = 0,
        noise: float = 0.0,
        stretch: str = "linear",
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.scaling, self.stretch = scaling_of(per_object), stretch_of(stretch)
        self.augment = {"image": ImageAugment(symmetries=symmetries, shift=shift, noise=noise)}
        self.save_hyperparameters(ignore=["catalogue", "test_catalogue", "stack", "split"], logger=False)
        named(catalogue, "data.catalogue=FILE (an HDF5 stack may be its own catalogue)")
        self.archive = ImageArchive(
            catalogue,
            test_catalogue=test_catalogue,
            id=id,
            file=file,
            root=root,
            stack=stack,
            hdu=hdu,
            size=size,
            mosaic=mosaic,
            ra=self.ra,
            dec=self.dec,
            mask_hdu=mask_hdu,
            mask_bits=mask_bits,
            error_hdu=error_hdu,
            variance_hdu=variance_hdu,
            weight_hdu=weight_hdu,
            blank=blank,
            padding=padding,
            pixel_scale=pixel_scale,
            zero_point=zero_point,
            context=tuple(context),
            names=tuple(names),
            table=table,
            where=where,
            missing=tuple(missing),
        )

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)
