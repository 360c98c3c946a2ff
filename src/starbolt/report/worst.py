"""The objects that the network got most wrong: cut-outs and light curves to look at, catalogue columns to read."""

from __future__ import annotations

from html import escape

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbolt.report import cutouts
from starbolt.report.lightcurves import plot_series
from starbolt.report.results import Results, truth_column
from starbolt.report.style import Drawing, inline, plain
from starbolt.report.words import html_table, number

SHOWN = 16
COLUMNS = 12  # catalogue columns that fit into the table of the worst


def worst_rows(results: Results) -> np.ndarray:
    """Places in `results.predictions` of the objects to show, worst first: those of the gallery, else by loss."""
    if not results.gallery:
        return np.argsort(-np.nan_to_num(results.loss, nan=-np.inf), kind="stable")[:SHOWN]
    place = {row: i for i, row in enumerate(results.predictions["row"].to_pylist())}
    return np.array([place[row] for row in results.gallery["row"].tolist() if row in place], int)


def cards(results: Results) -> str:
    """HTML: a card per object with its cut-outs and light curves; empty where the gallery holds neither."""
    if not (_images(results) or _series(results)):
        return ""
    legend = f'<div class="legend">{_legend(results)}</div>' if _series(results) else ""
    made = [_card(results, place) for place in worst_rows(results)]
    return f'{legend}<div class="gallery">{"".join(made)}</div>'


def table(results: Results) -> str:
    """HTML table of the worst objects: id, truth, prediction, loss, and their columns where the gallery has them."""
    picked = results.predictions.take(pa.array(worst_rows(results)))
    columns = {name: picked[name].to_pylist() for name in _told(results)}
    for name, about in results.spec.inputs.items():
        if about.kind == "table" and name in results.gallery:
            values = _gallery_places(results)
            heads = [f"{c} [{unit}]" if unit else c for c, unit in zip(about.channels, about.units, strict=True)]
            columns |= {head: results.gallery[name][values, k].tolist() for k, head in enumerate(heads[:COLUMNS])}
    rows = [[number(v) if isinstance(v, float) else str(v) for v in row] for row in zip(*columns.values(), strict=True)]
    return html_table(list(columns), rows)


def draw(results: Results) -> list[Drawing]:
    """The gallery as one figure for the figures folder; nothing where there are no cut-outs or light curves."""
    if not (_images(results) or _series(results)) or not len(worst_rows(results)):
        return []
    places = _gallery_places(results)
    figure = Figure(figsize=(10, 2.9 * -(-len(places) // 4)))
    axes = figure.subplots(-(-len(places) // 4), 4, squeeze=False).ravel()
    for ax in axes[len(places) :]:
        ax.set_axis_off()
    for ax, place, object_ in zip(axes, places, worst_rows(results), strict=False):
        ax.set_title(plain("\n".join(_told_in_words(results, object_))), fontsize=8)
        _plot(ax, results, place)
    if not _images(results):
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=8)
    picked = results.predictions.take(pa.array(worst_rows(results)))
    numbers = {name: picked[name].combine_chunks() for name in ("row", *_told(results))}
    return [Drawing("worst", "The objects with the largest loss", "", figure, numbers)]


def _plot(ax: Axes, results: Results, place: int) -> None:
    if images := _images(results):
        ax.imshow(cutouts.picture(results.gallery[images[0]][place], results.spec.inputs[images[0]].channels))
        ax.set_axis_off()
    else:
        plot_series(ax, *_curve(results, _series(results)[0], place))


def _card(results: Results, object_: int) -> str:
    row = results.predictions["row"][object_].as_py()
    place = int(np.flatnonzero(results.gallery["row"] == row)[0])
    words = [escape(line) for line in _told_in_words(results, object_)]
    shown = [
        cutouts.as_img(results.gallery[name][place], results.spec.inputs[name], f"{name} of {words[0]}")
        for name in _images(results)
    ]
    for name in _series(results):
        figure = Figure(figsize=(3.3, 2.4))
        plot_series(figure.subplots(), *_curve(results, name, place))
        shown.append(inline(figure, f"{name} of {words[0]}"))
    caption = f"<figcaption><b>{words[0]}</b><br>{'<br>'.join(words[1:])}</figcaption>"
    return f'<figure class="object">{"".join(shown)}{caption}</figure>'


def _curve(results: Results, name: str, place: int) -> tuple:
    planes = [results.gallery.get(f"{name}{suffix}") for suffix in ("_time", "_x", "_err")]
    return (*(None if plane is None else plane[place] for plane in planes), results.spec.inputs[name])


def _legend(results: Results) -> str:
    from starbolt.report.lightcurves import COLOURS, SYMBOLS

    bands = results.spec.inputs[_series(results)[0]].channels[1:]
    return " ".join(
        f'<span><i style="color:{COLOURS[v % len(COLOURS)]}">{SYMBOLS[v % len(SYMBOLS)]}</i> {escape(band)}</span>'
        for v, band in enumerate(bands)
    )


def _images(results: Results) -> list[str]:
    return [name for name, about in results.spec.inputs.items() if about.kind == "image" and name in results.gallery]


def _series(results: Results) -> list[str]:
    inputs = results.spec.inputs.items()
    return [name for name, about in inputs if about.kind == "series" and f"{name}_x" in results.gallery]


def _gallery_places(results: Results) -> list[int]:
    rows = results.predictions["row"].take(pa.array(worst_rows(results))).to_pylist()
    place = {row: i for i, row in enumerate(results.gallery["row"].tolist())}
    return [place[row] for row in rows]


def _told(results: Results) -> list[str]:
    """Columns of predictions.parquet that tell what went wrong."""
    if results.classes:
        return ["id", "target", "prediction", "loss"]
    target = results.spec.target
    names = zip(target.names, target.columns, strict=True)
    pairs = [(truth_column(name, results.spec), column, f"{column}_err") for name, column in names]
    known = results.predictions.column_names
    return ["id", *(name for pair in pairs for name in pair if name in known), "loss"]


def _told_in_words(results: Results, object_: int) -> list[str]:
    """The object's id, and what is true and predicted of it."""
    row = {name: results.predictions[name][object_].as_py() for name in results.predictions.column_names}
    if results.classes:
        sure = row[f"prob_{row['prediction']}"]
        return [str(row["id"]), f"true {row['target']}", f"predicted {row['prediction']} ({sure:.2f})"]
    lines = [str(row["id"])]
    units = results.spec.target.units or ("",) * len(results.spec.target.names)
    target = results.spec.target
    for name, column, unit in zip(target.names, target.columns, units, strict=True):
        error = f" ± {number(row[f'{column}_err'])}" if f"{column}_err" in row else ""
        truth = number(row[truth_column(name, results.spec)])
        lines.append(f"{name}: true {truth}, predicted {number(row[column])}{error} {unit}")
    return lines
