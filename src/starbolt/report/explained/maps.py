"""What the first layer makes of a few objects."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from starbolt.report.explained import chosen, tiles
from starbolt.report.explained.filters import SIGNED, one_tile, painted
from starbolt.report.results import Results
from starbolt.report.style import WIDTH, Drawing, file_name

LINE = tiles.LINE + 0.06  # inches of the words above an object
FILTER = 0.62  # width of a filter, over that of a map


def draw(results: Results, name: str) -> list[Drawing]:
    """A line per object: its cut-out, and the answers of the filters that stand above; none without a convolution."""
    if f"maps_{name}" not in results.explained:
        return []
    found, about = results.explained, results.spec.inputs[name]
    pick = chosen.few(found["wrong"])
    step = WIDTH / (len(found[f"maps_filter_{name}"]) + 1)
    top = LINE if not one_tile(found[f"channels_{name}"].tolist()) else FILTER * step + 0.08
    tall = step * about.shape[1] / about.shape[2] + LINE
    figure = tiles.canvas(top + len(pick) * tall + 0.02)
    _head(figure, results, name, step)
    for line, (i, words) in enumerate(zip(pick, chosen.lines(results, found["row"][pick]), strict=True)):
        told = f"{chosen.WORDS[bool(found['wrong'][i])]}: {', '.join(words)}"
        tiles.write(figure, 0.03, top + line * tall, tiles.shortened(told, WIDTH))
        _line(figure, results, name, i, (step, top + line * tall + LINE - 0.03, tall - LINE))
    title = "Feature maps of the first layer"
    return [Drawing(f"maps_{file_name(name)}", title, _caption(results, name), figure, _numbers(results, name, pick))]


def _head(figure: Figure, results: Results, name: str, step: float) -> None:
    """The filters, as pictures where they can be shown as one, else their numbers."""
    which = results.explained[f"maps_filter_{name}"]
    shown = one_tile(results.explained[f"channels_{name}"].tolist())
    for m, number in enumerate(which):
        left, side = (m + 1) * step, FILTER * step
        if shown:
            kernel = painted(results.explained[f"filters_{name}"][number])
            tiles.tile(figure, (left + (step - side) / 2, 0.02, side, side), kernel, **SIGNED)
        else:
            tiles.write(figure, left + step / 2, 0.02, f"filter {number + 1}", ha="center")


def _line(figure: Figure, results: Results, name: str, i: int, where: tuple[float, float, float]) -> None:
    """Cut-out and maps of one object; where: width of each with its margin, top and height, in inches."""
    step, top, tall = where
    picture = tiles.shown(results, name)(results.explained[f"picture_{name}"][i])
    tiles.tile(figure, (0.02, top, step - 0.04, tall - 0.04), picture)
    for m, plane in enumerate(results.explained[f"maps_{name}"][i]):
        away = plane - np.median(plane)
        box = ((m + 1) * step + 0.02, top, step - 0.04, tall - 0.04)
        tiles.tile(figure, box, away / max(float(np.abs(away).max()), 1e-30), **SIGNED)


def _caption(results: Results, name: str) -> str:
    count, shown = len(results.explained[f"maps_filter_{name}"]), tiles.shown(results, name).in_words()
    return (
        f"What the {count} filters of the first layer that vary most make of a few objects, before normalisation and "
        "activation: red above the map's own median, blue below, each scaled to its own largest departure. Maps tell "
        f"what is passed on, not whether it is used.{shown} {chosen.kinds_in_words(results)}"
    )


def _numbers(results: Results, name: str, pick: np.ndarray) -> dict[str, np.ndarray]:
    """A row per object, filter and place."""
    found = results.explained
    columns = tiles.long_form(found[f"maps_{name}"][pick], ("row", "filter", "y", "x"), "answer")
    named = {"row": found["row"][pick][columns["row"]], "filter": found[f"maps_filter_{name}"][columns["filter"]] + 1}
    return columns | named
