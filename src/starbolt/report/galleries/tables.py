"""The objects of a gallery as rows: id, truth, prediction, loss, and their columns where they are a catalogue's."""

from __future__ import annotations

from starbolt.report.galleries import objects
from starbolt.report.galleries.kinds import Gallery
from starbolt.report.results import Results
from starbolt.report.words import html_table, number

COLUMNS = 12  # catalogue columns that fit into the table


def table(results: Results, gallery: Gallery) -> str:
    """HTML table of a gallery's objects."""
    picked = results.predictions.take(gallery.places)
    columns = {name: picked[name].to_pylist() for name in objects.columns(results)}
    if len(gallery.value) and gallery.name != "wrong":
        columns[gallery.name_of_value] = gallery.value.tolist()
    for name, about in results.spec.inputs.items():
        if about.kind == "table" and name in results.gallery:
            places = objects.places_in_file(results, gallery)
            heads = [f"{c} [{unit}]" if unit else c for c, unit in zip(about.channels, about.units, strict=True)]
            columns |= {head: results.gallery[name][places, k].tolist() for k, head in enumerate(heads[:COLUMNS])}
    rows = [[number(v) if isinstance(v, float) else str(v) for v in row] for row in zip(*columns.values(), strict=True)]
    return html_table(list(columns), rows)
