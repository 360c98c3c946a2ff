"""Which pixels of an image count, and how well they are known: mask and error planes, blank values, padded edges.

What does not count is NaN, whatever said so; integers become float for that (float16 for 8 bit, float32 otherwise).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from starbolt.archives.stamps.pixels import Hdu, Picture, floating, read_pictures


@dataclass(frozen=True)
class Quality:
    """mask_hdu: HDUs of a mask, nonzero where a pixel is bad; mask_bits: only these bits of it (0 is the lowest) count.

    error_hdu, variance_hdu, weight_hdu: at most one: HDUs of one sigma, its square, or the inverse of its square;
    pixels for which it is not positive and finite are unmeasured. Each has one plane per channel, or one for all.
    blank: pixel values that mean unmeasured. padding: value of rows and columns, at the edges, that hold nothing else.
    """

    mask_hdu: Hdu = None
    mask_bits: Sequence[int] = ()
    error_hdu: Hdu = None
    variance_hdu: Hdu = None
    weight_hdu: Hdu = None
    blank: Sequence[float] = ()
    padding: float | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("error_hdu", "variance_hdu", "weight_hdu") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"errors are given once: choose one of data.{' and data.'.join(given)}")
        if self.mask_bits and self.mask_hdu is None:
            raise ValueError(f"data.mask_bits={list(self.mask_bits)} needs data.mask_hdu=")
        if any(not 0 <= bit < 64 for bit in self.mask_bits):
            raise ValueError(f"data.mask_bits={list(self.mask_bits)} are numbers of bits, from 0 (the lowest) to 63")

    @property
    def errors(self) -> tuple[Hdu, float]:
        """The HDUs of errors, and the power that makes them one sigma."""
        powers = ((self.error_hdu, 1.0), (self.variance_hdu, 0.5), (self.weight_hdu, -0.5))
        return next((pair for pair in powers if pair[0] is not None), (None, 1.0))

    @cached_property
    def hdus(self) -> tuple[Hdu, ...]:
        """The HDUs of masks and errors to be read beside the image."""
        return tuple(hdu for hdu in (self.mask_hdu, self.errors[0]) if hdu is not None)

    @cached_property
    def is_set(self) -> bool:
        """Whether there is anything to say about pixels."""
        return bool(self.hdus or len(self.blank) or self.padding is not None)

    def read(self, source: str | bytes, hdu: Hdu, name: str, card: str) -> Picture:
        """A picture from one file with its mask and errors applied; see `read_pictures`."""
        picture, *planes = read_pictures(source, [hdu, *self.hdus], name, card)
        return self.applied(picture, [plane.pixels for plane in planes], name)

    def applied(self, picture: Picture, planes: list[np.ndarray], name: str) -> Picture:
        """The picture with NaN where a pixel does not count, and err; planes: what `hdus` hold, [1 or C, H, W] each.

        ValueError where a plane has another shape than the picture.
        """
        if not self.is_set:
            return picture
        bad, err = self.without_content(picture.pixels), None
        for hdu, plane in zip(self.hdus, planes, strict=True):
            _refuse_odd(hdu, plane, picture.pixels, name)
        if self.mask_hdu is not None:
            bad = bad | self._masked(planes[0], name)
        if self.errors[0] is not None:
            err = sigma(planes[-1], self.errors[1])
            bad = bad | np.isnan(err)
            err = np.where(bad, np.nan, err).astype(np.float32)
        pixels = floating(picture.pixels)
        return picture._replace(pixels=np.where(bad, pixels.dtype.type(np.nan), pixels), err=err)

    def without_content(self, images: np.ndarray) -> np.ndarray:
        """True [..., H, W] where a pixel holds a blank value or belongs to a padded edge."""
        bad = np.isin(images, np.asarray(self.blank)) if len(self.blank) else np.zeros(images.shape, bool)
        return bad if self.padding is None else bad | padded(images, self.padding)

    def cleaned(self, images: np.ndarray) -> np.ndarray:
        """Images [..., H, W] of a stack, NaN where `without_content`."""
        if not self.is_set:
            return images
        images, bad = floating(images), self.without_content(images)
        images[bad] = np.nan
        return images

    def _masked(self, mask: np.ndarray, name: str) -> np.ndarray:
        if not self.mask_bits:
            return mask != 0
        if mask.dtype.kind not in "iu":
            raise ValueError(f"{name}: data.mask_bits needs a mask of integers, HDU {self.mask_hdu!r} is {mask.dtype}")
        bits = sum(1 << int(bit) for bit in self.mask_bits)
        return (mask.astype(np.uint64) & np.uint64(bits)) != 0


def sigma(values: np.ndarray, power: float) -> np.ndarray:
    """values ** power as one sigma, float32; NaN where a value is not positive and finite."""
    known = np.isfinite(values) & (values > 0)
    with np.errstate(over="ignore"):
        err = np.where(known, values, 1).astype(np.float64) ** power
    return np.where(known & (err < np.finfo(np.float32).max), err, np.nan).astype(np.float32)


def padded(images: np.ndarray, value: float) -> np.ndarray:
    """True [..., H, W] in the rows and columns at the edges that hold nothing but `value` (NaN included)."""
    content = ~(np.isnan(images) if np.isnan(value) else images == value)
    rows, columns = _between(content.any(-1)), _between(content.any(-2))
    return ~(rows[..., :, None] & columns[..., None, :])


def _between(there: np.ndarray) -> np.ndarray:
    """True [..., N] from the first True to the last."""
    since = np.maximum.accumulate(there, axis=-1)
    return since & np.maximum.accumulate(there[..., ::-1], axis=-1)[..., ::-1]


def _refuse_odd(hdu: Any, plane: np.ndarray, pixels: np.ndarray, name: str) -> None:
    if plane.shape not in (pixels.shape, (1, *pixels.shape[1:])):
        here, image = ("x".join(map(str, shape)) for shape in (plane.shape, pixels.shape))
        raise ValueError(
            f"{name}: HDU {hdu!r} is {here}, the image {image} (channels x rows x columns); a mask or error HDU has "
            "one plane for each channel, or one for all"
        )
