"""The filters of the first layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from starbolt.report.explained import tiles
from starbolt.report.results import Results
from starbolt.report.style import WIDTH, Drawing, file_name

ACROSS = 8  # filters in a row
ALONE, SEVERAL = 32, 16  # filters shown where each is one tile, and where it has a tile for each channel
CHANNELS = 8  # at most
COLOURS = (("r", "g", "b"), ("red", "green", "blue"))
SIGNED: dict[str, Any] = {"cmap": tiles.DIVERGING, "vmin": -1, "vmax": 1}


def draw(results: Results, name: str) -> list[Drawing]:
    """One figure; none where the encoder has no convolution."""
    if f"filters_{name}" not in results.explained:
        return []
    weights, channels = results.explained[f"filters_{name}"], results.explained[f"channels_{name}"].tolist()
    one = one_tile(channels)
    shown = weights[: ALONE if one else SEVERAL]
    figure = _single_tiles(shown) if one else _tiles_by_channel(shown[:, :CHANNELS], channels[:CHANNELS])
    numbers = tiles.long_form(weights, ("filter", "channel", "y", "x"), "weight")
    numbers |= {"filter": numbers["filter"] + 1, "channel": np.array(channels)[numbers["channel"]]}
    caption = _caption(weights, len(shown), channels)
    return [Drawing(f"filters_{file_name(name)}", "Filters of the first layer", caption, figure, numbers)]


def one_tile(channels: list[str]) -> bool:
    """Whether a filter can be shown as one picture: of one channel, or of red, green and blue."""
    return len(channels) == 1 or _is_colour(channels)


def painted(kernel: np.ndarray) -> np.ndarray:
    """A filter [1, k, k] between -1 and 1, or [3, k, k] in colour with grey for zero, scaled to its largest weight."""
    scaled = kernel / max(float(np.abs(kernel).max()), 1e-30)
    return scaled[0] if len(scaled) == 1 else np.moveaxis(0.5 + 0.5 * scaled, 0, -1)


def _is_colour(channels: list[str]) -> bool:
    return tuple(channel.lower() for channel in channels) in COLOURS


def _single_tiles(kernels: np.ndarray) -> Figure:
    step = WIDTH / ACROSS
    figure = tiles.canvas(-(-len(kernels) // ACROSS) * step)
    for number, kernel in enumerate(kernels):
        row, column = divmod(number, ACROSS)
        box = (column * step + 0.03, row * step + 0.03, step - 0.06, step - 0.06)
        tiles.tile(figure, box, painted(kernel), **SIGNED)
    return figure


def _tiles_by_channel(kernels: np.ndarray, channels: list[str]) -> Figure:
    """Filters along, channels down, in blocks of a row of filters."""
    room = min(0.07 * max(map(len, channels)) + 0.1, 1.4)
    step = (WIDTH - room) / ACROSS
    block = len(channels) * step + 0.12
    figure = tiles.canvas(-(-len(kernels) // ACROSS) * block)
    for number, kernel in enumerate(kernels):
        row, column = divmod(number, ACROSS)
        for c, plane in enumerate(kernel / max(float(np.abs(kernel).max()), 1e-30)):
            top = row * block + 0.06 + c * step
            box = (room + column * step + 0.02, top + 0.02, step - 0.04, step - 0.04)
            tiles.tile(figure, box, plane, **SIGNED)
            if column == 0:
                tiles.write(figure, 0.02, top + step / 2, tiles.shortened(channels[c], room), va="center")
    return figure


def _caption(weights: np.ndarray, shown: int, channels: list[str]) -> str:
    size = " x ".join(map(str, weights.shape[2:]))
    some = f"The {shown} strongest of {len(weights)} filters" if shown < len(weights) else f"The {shown} filters"
    signs = "red weights are positive, blue negative, white zero"
    if _is_colour(channels):
        signs = "grey is zero, and a colour tells which of red, green and blue raises the filter's answer"
    beside = "" if one_tile(channels) else " Each column is a filter, each line what it makes of one input channel."
    left = f" Of {len(channels)} channels the first {CHANNELS} are shown." if len(channels) > CHANNELS else ""
    return (
        f"{some} of the first convolution ({size} pixels), strongest first, each scaled to its own largest weight: "
        f"{signs}.{beside}{left} They act on standardised pixels. Smooth filters have learnt something; what looks "
        "like noise is near its random start, because training was short or later layers did the work."
    )
