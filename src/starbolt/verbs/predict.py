"""`starbolt predict`: apply a trained network to a catalogue, every object of it, labelled or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table

from starbolt.compose import UserError
from starbolt.data.ranges import Outside
from starbolt.messages import bar, say
from starbolt.predict import predict_rows, prediction_table
from starbolt.verbs.evaluate import loaded, own_words

ENDINGS = {".parquet": "parquet", ".fits": "fits", ".csv": "ascii.csv", ".ecsv": "ascii.ecsv"}
FITS_WORDS = {"starbolt_data": "SB_DATA", "starbolt_split": "SB_SPLIT", "checkpoint": "SB_CKPT"}  # eight letters


def main(words: list[str]) -> None:
    """Write one row per object to output=FILE; the last line is the file."""
    own, rest = own_words(words, ("checkpoint", "output"))
    output = Path(own.get("output", ""))
    if output.suffix not in ENDINGS:
        raise UserError(f"say output=FILE ending in {', '.join(ENDINGS)}, not {own.get('output', 'nothing')!r}")
    learner, data, _, _ = loaded(own, rest)
    found = predict_rows(learner, data.predict_dataloader(), progress=bar("predicting"))
    table = prediction_table(learner, data, found).drop_columns(["loss"])
    units = dict(zip(learner.spec.target.columns, learner.spec.target.units, strict=True))
    meta = {"starbolt_data": learner.spec.data, "starbolt_split": learner.spec.split, "checkpoint": own["checkpoint"]}
    write(table, output, units, meta)
    for note in [*data.notes, Outside(learner.spec).note(found)]:
        if note:
            say(f"note: {note}")
    say(f"{len(table)} objects")
    say(str(output))


def write(table: pa.Table, output: Path, units: dict[str, str], meta: dict[str, str]) -> None:
    """Write a catalogue aside and rename it; units and meta go into the file."""
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = output.with_name(f".{output.stem}.part{output.suffix}")
    try:
        (_write_parquet if output.suffix == ".parquet" else _write_table)(table, aside, units, meta)
        aside.rename(output)
    finally:
        aside.unlink(missing_ok=True)


def _write_parquet(table: pa.Table, path: Path, units: dict[str, str], meta: dict[str, str]) -> None:
    fields = [
        f.with_metadata({"unit": units[name]}) if (name := f.name.removesuffix("_err")) in units else f
        for f in table.schema
    ]
    pq.write_table(pa.table(table.columns, schema=pa.schema(fields, metadata=meta)), path)


def _write_table(table: pa.Table, path: Path, units: dict[str, str], meta: dict[str, str]) -> None:
    if path.suffix == ".fits":
        meta = {FITS_WORDS[key]: value for key, value in meta.items()}
    made = Table({name: _array(table[name]) for name in table.column_names}, meta=meta)
    for name in made.colnames:
        if unit := units.get(name.removesuffix("_err")):
            made[name].unit = unit
    made.write(path, format=ENDINGS[path.suffix], overwrite=True)


def _array(column: pa.ChunkedArray) -> np.ndarray:
    values = column.to_numpy()
    return values.astype(str) if values.dtype == object else values
