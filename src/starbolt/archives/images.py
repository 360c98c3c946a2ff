"""Images beside a catalogue: files, a stack of all objects, files inside table cells, or cut-outs from mosaics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.base import Archive, Dense, Ragged, Sample
from starbolt.archives.reading.catalogues import (
    called,
    context_rows,
    context_sample,
    flat,
    folder,
    in_parts,
    without_sentinels,
)
from starbolt.archives.reading.columns import column, numbers, unit
from starbolt.archives.reading.files import files_of, read_table
from starbolt.archives.reading.where import where as rows_where
from starbolt.archives.stamps.cutouts import Cutouts, resized
from starbolt.archives.stamps.mosaics import Mosaics
from starbolt.archives.stamps.pixels import Hdu, Picture, named
from starbolt.archives.stamps.quality import Quality
from starbolt.archives.stamps.skyscale import ZERO_POINT, calibrated, pixel_scale, pixels_of
from starbolt.archives.stamps.stacks import ROW, Stack


class ImageArchive(Archive):
    """One image [C, H, W] per catalogue row, in the files' own dtype, NaN where unmeasured.

    file: a column with file names, or with whole files as bytes ("cutoutScience.stampData"); a pattern such as
        "{objid}.fits"; or a list of these, one band each. Names are relative to root.
    root: default the catalogue's own folder. hdu: see `read_picture`; a list of HDUs gives several channels.
    stack: one array of all images instead, see `Stack`; `file` is then the column with its row numbers.
    mosaic: cut-outs from mosaics at the positions ra, dec instead, see `Mosaics`; one entry or a list, a band each.
    size: [pixels] or an angle such as "20 arcsec": every image is cropped or padded about its centre to size x size.
        Padding is NaN, so integer images become float when size is given (float16 for 8 bit, float32 otherwise: each
        value stays exact up to 2^24).
    mask_hdu, mask_bits, error_hdu, variance_hdu, weight_hdu, blank, padding: which pixels count, see `Quality`.
    pixel_scale: [arcsec], default from the first image's header. zero_point: the magnitude of one unit, or the header
        keyword that tells each image's, which is then scaled to the common zero point ZERO_POINT.
    where, missing: rows to keep, and values of the catalogue that stand for none. context: columns of the catalogue
        that become a second modality, "context" [K].
    """

    def __init__(
        self,
        catalogue: Any,
        *,
        test_catalogue: Any = None,
        file: str | Sequence[str] | None = None,
        root: str = "",
        hdu: Hdu = None,
        size: int | str | None = None,
        stack: str | np.ndarray | None = None,
        mosaic: str | Sequence[str] | None = None,
        ra: str | None = None,
        dec: str | None = None,
        mask_hdu: Hdu = None,
        mask_bits: Sequence[int] = (),
        error_hdu: Hdu = None,
        variance_hdu: Hdu = None,
        weight_hdu: Hdu = None,
        blank: Sequence[float] = (),
        padding: float | None = None,
        pixel_scale: float | None = None,
        zero_point: float | str | None = None,
        id: str | None = None,
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        context: Sequence[str] = (),
    ) -> None:
        self.catalogue, self.test_catalogue = catalogue, test_catalogue
        self.file, self.mosaic = _several(file), _several(mosaic)
        self.root, self.hdu, self.size, self.stack = root, _fixed(hdu), size, stack
        self.ra, self.dec, self.pixel_scale = ra, dec, pixel_scale
        self.id, self.names, self.table = id, tuple(names), table
        self.where, self.missing, self.context = where, tuple(missing), tuple(context)
        self.quality = Quality(
            mask_hdu=_fixed(mask_hdu),
            mask_bits=tuple(mask_bits),
            error_hdu=_fixed(error_hdu),
            variance_hdu=_fixed(variance_hdu),
            weight_hdu=_fixed(weight_hdu),
            blank=tuple(blank),
            padding=padding,
        )
        self.keyword = zero_point if isinstance(zero_point, str) else ""
        self.zero_point = ZERO_POINT if self.keyword else zero_point  # type: ignore[assignment]
        self.whole = isinstance(stack, np.ndarray)  # in memory: one gather, no other process
        self._stack = None if stack is None else Stack(stack)
        self._cutouts = self._files()
        self._pixels = size if isinstance(size, int) else None
        self._dtype, self._shape = np.dtype(np.float32), (0, 0, 0)
        self._refuse_unclear()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"catalogue": None, "test_catalogue": None}  # other processes load rows, never read

    def read(self) -> pa.Table:
        """The catalogue's scalar columns, and image bytes where these stand in cells; looks into the first image."""
        sources = [source for source in (self.catalogue, self.test_catalogue) if source is not None]
        table = in_parts([self._catalogue(source) for source in sources])
        self.id = self.id or self._default_id(table)
        if isinstance(self._cutouts, Mosaics) and table.num_rows:
            inside = self._cutouts.inside(table)
            self.tally["objects left out because they lie in no mosaic"] += int((~inside).sum())
            table = table.filter(pa.array(inside))
        if table.num_rows:
            self._look(table)
        return table

    def load(self, row: dict[str, Any]) -> dict[str, Sample]:
        """The image, and the context if any, of one row; ValueError naming the file that differs from the first."""
        picture = self._picture(row)
        err = None if picture.err is None else self._framed(picture.err).astype(np.float32, copy=False)
        sample = Sample(self._like_first(picture.pixels, row), err)
        return {"image": sample, "context": context_sample(row, self.context)} if self.context else {"image": sample}

    def load_rows(self, catalogue: pa.Table) -> dict[str, Dense | Ragged]:
        """Many rows; from a stack in one gather."""
        if self._stack is None or not catalogue.num_rows:
            return super().load_rows(catalogue)
        images = self.quality.cleaned(self._stack.read(numbers(catalogue, self._row_column).astype(np.int64)))
        loaded: dict[str, Dense | Ragged] = {"image": Dense(self._framed(images))}
        if self.context:
            loaded["context"] = context_rows(catalogue, self.context)
        return loaded

    def files(self) -> list[str] | None:
        """The catalogue files; None where a catalogue is in memory."""
        given = [source for source in (self.catalogue, self.test_catalogue) if source is not None]
        found = [files_of(source) for source in given]
        return None if None in found else [path for paths in found for path in paths or ()]

    def sources(self, catalogue: pa.Table) -> list[str]:
        """The catalogues, the stack, and every image file or mosaic."""
        stack = self.stack if isinstance(self.stack, str) else ""
        images = self._cutouts.files(catalogue) if self._stack is None else []
        return [*(self.files() or ()), stack, stack.rpartition(":")[0], *images]

    def _files(self) -> Cutouts | Mosaics:
        roots = {"train": self.root or folder(self.catalogue), "test": self.root or folder(self.test_catalogue)}
        if not self.mosaic:
            return Cutouts(self.file, roots, self.hdu, self.quality, self.keyword)
        size = self.size if isinstance(self.size, int) else 1
        return Mosaics(self.mosaic, roots, self.ra or "", self.dec or "", size, self.hdu, self.quality, self.keyword)

    @property
    def _row_column(self) -> str:
        return self.file[0] if self.file else ROW

    def _refuse_unclear(self) -> None:
        if not self.file and self.stack is None and not self.mosaic:
            raise ValueError(
                "where are the images? name the column of their files with data.file=, a data.stack=FILE, or a "
                "data.mosaic=FILE to cut them from"
            )
        if self.mosaic and (self.file or self.stack is not None):
            raise ValueError("images come from data.mosaic or from data.file and data.stack, not from both")
        if self.mosaic and not (self.ra and self.dec and self.size):
            raise ValueError("cutting from a mosaic needs data.ra=COLUMN data.dec=COLUMN and data.size=PIXELS")
        if self._stack is not None and (self.quality.hdus or self.keyword):
            raise ValueError(
                "a stack has no HDUs and headers: leave out data.mask_hdu and its like, and zero_point=WORD"
            )
        if self.stack is not None and len(self.file) > 1:
            raise ValueError(f"a stack takes one column of row numbers, not data.file={self.file}")
        if self.stack is not None and self.test_catalogue is not None and not self.file:
            raise ValueError(
                "which rows of the stack are the test catalogue's? name their column with data.file=COLUMN"
            )

    def _catalogue(self, source: Any) -> pa.Table:
        """One catalogue with the rows wanted; TableError where a column that is needed is not there."""
        table, place = read_table(source, names=self.names, table=self.table), called(source, "the catalogue")
        for name in (*self._cutouts.columns(), *self.context):
            column(table, name, place)
        if self._stack is not None:
            table = self._stack.numbered(table, self._row_column, place, create=not self.file)
        if self.where:
            table = table.filter(pa.array(rows_where(table, self.where, place)))
        table = without_sentinels(table, self.missing, self.id)
        return flat(table, self._cutouts.columns())

    def _default_id(self, table: pa.Table) -> str | None:
        """The column that names the files, where one column does."""
        names = self._cutouts.columns()
        alone = (
            len(names) == 1
            and isinstance(self._cutouts, Cutouts)
            and self._stack is None
            and not pa.types.is_binary(column(table, names[0]).type)
        )
        return names[0] if alone else None

    def _look(self, table: pa.Table) -> None:
        """Channels, units, scale, shape and dtype from the first image."""
        row = table.slice(0, 1).to_pylist()[0]
        self._measure(row)
        picture = self._picture(row)
        self._dtype, self._shape = picture.pixels.dtype, picture.pixels.shape
        self.channels, self.units = picture.channels, picture.units
        if self.context:
            self.channels = {"image": picture.channels, "context": self.context}
            self.units = {"image": picture.units, "context": tuple(unit(table, name) for name in self.context)}

    def _measure(self, row: dict[str, Any]) -> None:
        """Pixel scale and size in pixels, from the header of the first image."""
        if self._stack is None and self.pixel_scale is None:
            self.pixel_scale = pixel_scale(self._cutouts.header(row))
        self._pixels = pixels_of(self.size, self.pixel_scale)
        if isinstance(self._cutouts, Mosaics):
            self._cutouts = replace(self._cutouts, size=self._pixels or 1)

    def _picture(self, row: dict[str, Any]) -> Picture:
        if self._stack is None:
            picture = self._cutouts.picture(row)
            return calibrated(picture, self.keyword, self._place(row)) if self.keyword else picture
        pixels = self.quality.cleaned(self._stack.read(np.array([row[self._row_column]], np.int64))[0])
        return Picture(pixels, named("image", len(pixels)), ("",) * len(pixels))

    def _framed(self, images: np.ndarray) -> np.ndarray:
        return resized(images, self._pixels) if self._pixels else images

    def _like_first(self, pixels: np.ndarray, row: dict[str, Any]) -> np.ndarray:
        """The image in the size asked for, with the first image's channels, shape and dtype."""
        alike = len(pixels) == self._shape[0] if self._pixels else pixels.shape == self._shape
        if not alike:
            here, first = ("x".join(map(str, shape)) for shape in (pixels.shape, self._shape))
            way = (
                "data.size=PIXELS crops or pads" if len(pixels) == self._shape[0] else "data.hdu= and data.file= choose"
            )
            raise ValueError(
                f"{self._place(row)} is {here}, the first image {first} (channels x rows x columns); {way}"
            )
        if self._pixels:
            return self._framed(pixels).astype(resized(np.empty((0, 0), self._dtype), 0).dtype, copy=False)
        if not np.can_cast(pixels.dtype, self._dtype, "same_kind"):
            raise ValueError(
                f"{self._place(row)} holds {pixels.dtype}, the first image {self._dtype}; "
                f"data.size={self._shape[1]} makes all of them float"
            )
        return pixels.astype(self._dtype, copy=False)

    def _place(self, row: dict[str, Any]) -> str:
        return self._stack.name if self._stack is not None else ", ".join(self._cutouts.place(row))


def _several(entries: str | Sequence[str] | None) -> list[str]:
    return [entries] if isinstance(entries, str) else list(entries or ())


def _fixed(hdu: Hdu) -> Hdu:
    return hdu if hdu is None or isinstance(hdu, int | str) else tuple(hdu)
