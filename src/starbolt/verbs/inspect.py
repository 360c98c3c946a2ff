"""`starbolt inspect`: what is in these data, before anything is trained on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hydra.utils import get_class

from starbolt import build
from starbolt.archives.reading.columns import column, is_numeric
from starbolt.compose import compose_data
from starbolt.data import ObjectDataModule
from starbolt.data.audit import Audit
from starbolt.data.labels import class_words
from starbolt.data.objects import Objects
from starbolt.messages import bar, say
from starbolt.verbs.applying import own_words
from starbolt.verbs.listing import show
from starbolt.verbs.summary import (
    Row,
    catalogue_rows,
    channel_rows,
    channel_values,
    class_rows,
    headline,
    quantity_rows,
    rows_looked_at,
    strange_values,
)

FEW = 20  # a numeric target with no more different values than this names classes


def main(words: list[str]) -> None:
    """Print what the data hold and draw inspect.png into output= (default: here); the last line is the figure."""
    own, rest = own_words(words, ("output",))
    cfg = compose_data(rest)
    data = build.data(cfg)
    data.progress = bar("packing")
    objects = data.objects
    notes = [*objects.notes, *describe(objects, data.targets)]
    if data.targets:
        notes += describe_target(
            data, task_of(cfg) or kind_of_target(objects.catalogue, data.targets), build.audit(cfg)
        )
    for note in dict.fromkeys(notes):
        say(f"note: {note}")
    say(str(draw(Path(own.get("output") or "."), objects, data)))


def describe(objects: Objects, targets: tuple[str, ...]) -> list[str]:
    """The catalogue's columns, and each modality's shape and channels; returns what was noticed."""
    say(f"{len(objects.ids)} objects")
    header = ("column", "unit", "type", "role", "missing", "min", "median", "max")
    show(header, catalogue_rows(objects, targets), title="\ncatalogue")
    notes = []
    for name, source in objects.sources.items():
        rows = rows_looked_at(source, len(objects.ids))
        found = channel_values(source, rows)
        notes += strange_values(source, found)
        known = objects.catalogue.column_names if source.modality.kind == "table" else []
        describe_channels(headline(name, source, rows, len(objects.ids)), channel_rows(source, found, known))
    return notes


def describe_channels(title: str, rows: list[Row]) -> None:
    """A modality's headline, and its channels where these are not columns of the catalogue."""
    if not rows:
        say(f"\n{title}")
        return
    header = ("channel", "unit", "missing", "min", "median", "max", "median error")
    cut = None if any(row[-1] for row in rows) else -1
    show(header[:cut], [row[:cut] for row in rows], title=f"\n{title}")


def describe_target(data: ObjectDataModule, kind: str, audit: Audit) -> list[str]:
    """Class balance, or spread of the quantities, in the parts of the split; returns what was noticed or found."""
    try:
        spec = data.open(kind)
    except ValueError as error:
        return [f"training would stop here: {error}"]
    names = ", ".join(spec.target.names)
    if kind == "class":
        show(("class", "all", *data.parts), class_rows(data), title=f"\nclasses of {names}")
    else:
        header = ("target", "unit", "part", "objects", "min", "median", "max", "mean", "spread")
        show(header, quantity_rows(data), title=f"\nvalues of {names}")
    audited = audit(data)
    return data.notes + [
        f"{'waived' if f.waived else 'training would stop here'}: {f.sentence}: {f.first}"
        for f in audited.findings
        if f.waived or not f.note
    ]


def task_of(cfg: Any) -> str | None:
    """What the chosen task learns, "class" or "quantity"; None where no task is chosen."""
    if "_target_" not in (cfg.get("task") or {}):
        return None
    task: Any = get_class(cfg.task._target_)
    return task.target


def kind_of_target(catalogue: pa.Table, names: tuple[str, ...]) -> str:
    """ "class" for text, flags and numbers of few values, "quantity" otherwise."""
    if len(names) > 1:
        return "quantity"
    values = column(catalogue, names[0])
    numeric = is_numeric(values.type) and not pa.types.is_boolean(values.type)
    return "quantity" if numeric and pc.count_distinct(values).as_py() > FEW else "class"


def draw(folder: Path, objects: Objects, data: ObjectDataModule) -> Path:
    """inspect.png in the folder."""
    from starbolt.report.overview import draw_overview

    folder.mkdir(parents=True, exist_ok=True)
    labels = class_words(objects.catalogue, data.targets[0]) if data.targets else np.full(len(objects.ids), "")
    return draw_overview(folder / "inspect.png", objects.sources, objects.ids, labels)
