"""Cut-outs as an astronomer looks at them: zscale limits and an asinh stretch, channels side by side, or colour."""

from __future__ import annotations

import io
from html import escape

import numpy as np
from astropy.visualization import AsinhStretch, ZScaleInterval
from matplotlib import colormaps
from PIL import Image

from starbolt.contract import InputSpec
from starbolt.report.style import data_uri

LEAST = 96  # pixels along the shorter side of an inlined picture
MOST = 45_000  # bytes of an inlined picture
GAP = 1  # white columns between channels
UNMEASURED = (0.85, 0.75, 0.75)


def picture(image: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """RGB float [H, W', 3] between 0 and 1 of an image [C, H, W], NaN where unmeasured (drawn in a dull pink).

    In colour where there are three channels R, G, B of 8-bit values; else each channel in grey, side by side.
    """
    if is_colour(image, channels):
        return _marked(np.moveaxis(np.nan_to_num(image) / 255, 0, -1), np.isnan(image).any(0))
    tiles = [_marked(colormaps["gray"](stretched(plane))[..., :3], np.isnan(plane)) for plane in image]
    gap = np.ones((image.shape[1], GAP, 3))
    return np.concatenate([part for tile in tiles for part in (tile, gap)][:-1], 1)


def is_colour(image: np.ndarray, channels: tuple[str, ...]) -> bool:
    """Whether the image is an 8-bit picture in red, green and blue."""
    eight_bit = np.nanmin(image, initial=0) >= 0 and 1 < np.nanmax(image, initial=0) <= 255
    return tuple(name.lower() for name in channels) in (("r", "g", "b"), ("red", "green", "blue")) and bool(eight_bit)


def stretched(plane: np.ndarray) -> np.ndarray:
    """A plane [H, W] between 0 and 1: zscale's lower limit to the 99.8th percentile, asinh; 0 where unmeasured."""
    values = plane[np.isfinite(plane)].astype(np.float64)
    if len(values) == 0:
        return np.zeros(plane.shape)
    low, high = ZScaleInterval().get_limits(values)
    high = max(high, float(np.percentile(values, 99.8)))
    if high <= low:
        return np.zeros(plane.shape)
    return AsinhStretch(0.1)(np.clip((np.nan_to_num(plane, nan=low) - low) / (high - low), 0, 1))


def as_img(image: np.ndarray, about: InputSpec, alt: str) -> str:
    """An <img> that carries the picture as PNG, enlarged by whole pixels where it is small, averaged where it is large.

    However large the cut-outs are, dozens of them fit into a page.
    """
    rgb = (255 * picture(image, about.channels)).round().astype(np.uint8)
    shown, factor = Image.fromarray(rgb), max(1, -(-LEAST // rgb.shape[0]))
    png = _png(shown.resize((rgb.shape[1] * factor, rgb.shape[0] * factor), Image.Resampling.NEAREST))
    block = 1
    while len(png) > MOST:
        block += 1
        png = _png(shown.reduce(block))
    return f'<img class="cutout" src="{data_uri(png, "png")}" alt="{escape(alt)}">'


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _marked(rgb: np.ndarray, unmeasured: np.ndarray) -> np.ndarray:
    rgb = np.array(rgb, float)
    rgb[unmeasured] = UNMEASURED
    return rgb
