"""One object of a gallery: what is true and predicted of it, and where its measurements stand in the gallery file."""

from __future__ import annotations

from typing import Any

from starbolt.report.galleries.kinds import Gallery
from starbolt.report.quantity import truth_column
from starbolt.report.results import Results
from starbolt.report.words import number


def images(results: Results) -> list[str]:
    """Inputs that are shown as cut-outs."""
    return [name for name, about in results.spec.inputs.items() if about.kind == "image" and name in results.gallery]


def series(results: Results) -> list[str]:
    """Inputs that are shown as light curves or spectra."""
    inputs = results.spec.inputs.items()
    return [name for name, about in inputs if about.kind == "series" and f"{name}_x" in results.gallery]


def places_in_file(results: Results, gallery: Gallery) -> list[int]:
    """Places of a gallery's objects in the arrays of the gallery file."""
    place = {row: i for i, row in enumerate(results.gallery["row"].tolist())}
    return [place[row] for row in results.predictions["row"].take(gallery.places).to_pylist()]


def curve(results: Results, name: str, place: int) -> tuple:
    """Arguments of `plot_series` after the axes."""
    planes = [results.gallery.get(f"{name}{suffix}") for suffix in ("_time", "_x", "_err")]
    return (*(None if plane is None else plane[place] for plane in planes), results.spec.inputs[name])


def columns(results: Results) -> list[str]:
    """Columns of predictions.parquet that tell what went wrong."""
    if results.classes:
        return ["id", "target", "prediction", "loss"]
    target = results.spec.target
    names = zip(target.names, target.columns, strict=True)
    pairs = [(truth_column(name, results.spec), column, f"{column}_err") for name, column in names]
    known = results.predictions.column_names
    return ["id", *(name for pair in pairs for name in pair if name in known), "loss"]


def lines(results: Results, gallery: Gallery, k: int) -> list[str]:
    """The k-th object of a gallery in words: its id, what is true, what was predicted, what ranks it."""
    row = {name: results.predictions[name][int(gallery.places[k])].as_py() for name in results.predictions.column_names}
    said = _of_class(results, row) if results.classes else _of_quantities(results, row)
    ranked = len(gallery.value) and gallery.name != "wrong"
    name, _, unit = gallery.name_of_value.partition(" ")
    return [
        str(row["id"]),
        *said,
        *([f"{name} {number(gallery.value[k])} {unit.strip('[]')}".rstrip()] if ranked else []),
    ]


def _of_class(results: Results, row: dict[str, Any]) -> list[str]:
    words = [f"true {row['target']}", f"predicted {row['prediction']} ({row['prob_' + row['prediction']]:.2f})"]
    if results.sets is None:
        return words
    held = [name for name in results.classes if row[f"set_{name}"]]
    return [*words, f"set: {', '.join(held) or 'empty'}"]


def _of_quantities(results: Results, row: dict[str, Any]) -> list[str]:
    target, words = results.spec.target, []
    units = target.units or ("",) * len(target.names)
    for name, column, unit in zip(target.names, target.columns, units, strict=True):
        error = f" ± {number(row[f'{column}_err'])}" if f"{column}_err" in row else ""
        truth = number(row[truth_column(name, results.spec)])
        words.append(f"{name}: true {truth}, predicted {number(row[column])}{error} {unit}".rstrip())
    return words
