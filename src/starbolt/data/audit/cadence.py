"""How a series was observed, where that alone tells the target: a network reads it as well as it reads the values.

Classes that come from different surveys, or were followed up by different rules, differ in the number, spacing and gaps
of their points. Train, validation and test parts share that, so that no score shows it.
"""

from __future__ import annotations

import numpy as np

from starbolt.archives import Ragged
from starbolt.contract import TargetSpec
from starbolt.data.audit import leaks
from starbolt.data.audit.copies import places_of
from starbolt.data.audit.findings import FIRST, Finding
from starbolt.data.audit.sides import Sides
from starbolt.data.sources import Source

AREA, SHARE = 0.8, 0.5  # AUC of a class, R2 of a quantity, above which it is told; EROS1 has 0.64 at most
SAMPLE = 4_000  # series looked at
FEWEST, MEMBERS = 100, 20  # of these, and of a class: with fewer, chance alone now and then tells as much


def cadence(sides: Sides, name: str, source: Source, y: np.ndarray, aim: TargetSpec) -> Finding | None:
    """Number, extent and spacing of a light curve's points, or the share of a channel, that tell a class or quantity.

    Of each the class that it tells best.
    """
    rows = leaks.sampled(sides.rows)[:SAMPLE]
    places = places_of(source, rows)
    rows, places = rows[places >= 0], places[places >= 0]
    data = source.modality.data
    assert isinstance(data, Ragged)
    if len(rows) < FEWEST:
        return None
    large = set(np.flatnonzero(np.bincount(y[rows]) >= MEMBERS).tolist()) if aim.classes else set()
    found: dict[tuple[str, str], float] = {}
    for what, values in observed(data, places, source.modality.channels).items():
        known = np.isfinite(values)
        if aim.classes:
            areas = leaks.class_areas(values[known], y[rows][known], len(aim.classes))
            area, code = max(((area, code) for code, area in areas.items() if code in large), default=(0.0, 0))
            if area > AREA:
                found[what, aim.classes[code]] = area
        elif (score := leaks.told(values, y[rows], aim)) > SHARE:
            found[what, "the target"] = score
    if not found:
        return None
    worst = sorted(found.items(), key=lambda item: -item[1])
    unit = "AUC" if aim.classes else "R2"
    return Finding(
        "cadence",
        f"how the input {name!r} was observed, without its values, tells the target",
        len(found),
        "if it is not so on the sky, leave out points until all have one cadence: no part of the split shows this leak",
        tuple((f"{what} tells {aimed} ({unit} {value:.2f})",) for (what, aimed), value in worst[:FIRST]),
        note=True,
    )


def observed(data: Ragged, places: np.ndarray, channels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Numbers [n] that say how the series at `places` [n] were observed; NaN where a series has too few points."""
    starts, counts = data.offsets[places], data.offsets[places + 1] - data.offsets[places]
    owner = np.repeat(np.arange(len(places)), counts)
    points = np.arange(counts.sum()) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
    time, x = data.time[points], data.x[points]
    several = counts > 1
    ends = np.cumsum(counts)
    extent, gap = np.full((2, len(places)), np.nan)
    extent[several] = time[ends[several] - 1] - time[(ends - counts)[several]]
    inside = owner[1:] == owner[:-1]
    gaps, whose = np.diff(time)[inside], owner[1:][inside]
    ordered = gaps[np.lexsort((gaps, whose))]
    first = np.cumsum(np.maximum(counts - 1, 0)) - (counts - 1)
    gap[several] = ordered[(first + (counts - 2) // 2)[several]]
    told = {"the number of points": counts.astype(np.float64), "their extent": extent, "their median spacing": gap}
    if len(channels) > 1:
        for c, channel in enumerate(channels):
            measured = np.bincount(owner, np.isfinite(x[:, c]), len(places))
            told[f"the share of {channel}"] = np.where(counts > 0, measured / np.maximum(counts, 1), np.nan)
    return told
