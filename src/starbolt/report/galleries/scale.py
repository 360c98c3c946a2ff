"""The bar that says how large a cut-out is on the sky."""

from __future__ import annotations

from typing import NamedTuple

from starbolt.contract import InputSpec
from starbolt.report.cutouts import GAP

ROUND = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)  # arcsec
MOST = 0.4  # of a channel's width that a bar may take


class Bar(NamedTuple):
    """A bar of round length: its label, and its length in pixels of the cut-out and as a share of the whole picture."""

    label: str
    pixels: float
    share: float


def bar(about: InputSpec, colour: bool) -> Bar | None:
    """The longest round bar that is not too long; None where the pixel scale is unknown or nothing round fits.

    colour: the channels make one picture, and do not stand side by side.
    """
    if not about.pixel_scale:
        return None
    side = about.shape[2]
    fitting = [length for length in ROUND if length <= MOST * side * about.pixel_scale]
    if not fitting:
        return None
    tiles = 1 if colour else about.shape[0]
    pixels = fitting[-1] / about.pixel_scale
    return Bar(_label(fitting[-1]), pixels, pixels / (tiles * side + (tiles - 1) * GAP))


def in_words(about: InputSpec) -> str:
    """Size of a cut-out, for a caption."""
    rows, columns = about.shape[1:]
    size = f"{rows} x {columns} pixels"
    if not about.pixel_scale:
        return f"{size}; their scale on the sky is not known (data.pixel_scale= tells it)"
    across = columns * about.pixel_scale
    return f"{size} of {about.pixel_scale:.4g} arcsec, {across:.3g} arcsec across"


def _label(length: float) -> str:
    return (
        f"{length:g}\u2033"
        if length < 60
        else f"{length / 60:g}\u2032"
        if length < 3600
        else f"{length / 3600:g}\u00b0"
    )
