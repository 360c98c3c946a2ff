"""`starbolt evaluate 'data.until=[0,5,10,20]'`: score light curves as they were so long after the first detection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from starbolt.aside import write_json
from starbolt.compose import UserError
from starbolt.data import ObjectDataModule
from starbolt.data.cuts import checked_day
from starbolt.messages import bar, say
from starbolt.predict import Network, predict_rows, score, scored_table
from starbolt.report.asof import AsOf, results_of
from starbolt.report.style import house_style, save
from starbolt.report.until import draw
from starbolt.scoring import write_table
from starbolt.verbs.applying import loaded, record_looks, rows_to_score
from starbolt.verbs.listing import show

SEVERAL = re.compile(r"(data\.(?:modules\.([^.=]+)\.)?until)=(\[.*\])")  # of light curves, or of some joined to others
UNPREPARED = "the network was trained on whole curves; with data.early=0.5 it would have met curves of any day"
KNOWING = "the columns of data.context are the same on every day: those measured on whole curves tell how they end"
CALIBRATED = "sets, intervals and probabilities were calibrated on {}: they need not hold for those of other days"
COUNTS = ("objects", "points", "median_points", "outside")


def several(words: Sequence[str]) -> re.Match[str] | None:
    """The override that names a list of days, where there is one."""
    return next((found for word in words if (found := SEVERAL.fullmatch(word))), None)


def main(own: dict[str, str], words: Sequence[str], named: re.Match[str]) -> None:
    """Score each day and the whole curves, print a table, draw; the last line is the folder with all of it."""
    days, series = days_of(named), named[2] or "series"
    others = [word for word in words if word != named.string]
    network, data, run, new = loaded(own, [*others, f"{named[1]}={days[-1]:g}"])
    part, rows = rows_to_score(own, network, data, new)
    found = scored(network, data, run, part, rows, series, days)
    if part == "test" and not new:
        record_looks(own["checkpoint"])  # one look, at however many days
    unit = network.spec.inputs[series].units[0]
    folder = Path(own.get("output") or run / "evaluate" / f"{part}_until")
    write(folder, found, unit)
    for note in [*data.notes, *doubts(network, series)]:
        say(f"note: {note}")
    say_table(found, part, unit)
    say(str(folder))


def days_of(named: re.Match[str]) -> list[float]:
    """The days that are asked for, each once, the first one first; UserError where there are none."""
    listed = [day for day in yaml.safe_load(named[3]) if day is not None]  # null: whole curves, which come in any case
    if not listed:
        raise UserError(f"{named.string} names no day; give some, as in {named[1]}=[0,5,10,20]")
    return sorted({checked_day(day, named[1]) for day in listed})


def scored(
    network: Network, data: ObjectDataModule, run: Path, part: str, rows: np.ndarray, series: str, days: Sequence[float]
) -> list[AsOf]:
    """The same objects as of each day, and last as of the end."""
    told = {"config": {**network.recipe, **_json(run / "config.yaml")}, "controls": _json(run / "controls.json")}
    found = []
    for day in (*days, None):
        data.sources = data.sources | {series: data.sources[series].as_of(day)}
        predicted = predict_rows(network, data.loader(rows), progress=bar("scoring"))
        table = scored_table(network, data, predicted, part=part, until=np.nan if day is None else day)
        results = results_of(network.spec, part, table, score(network, data, predicted), **told)
        lengths = data.sources[series].lengths(rows)
        assert lengths is not None
        found.append(AsOf(day, lengths, results))
    return found


def write(folder: Path, found: Sequence[AsOf], unit: str) -> None:
    """predictions.parquet, until.json and the figure with its numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "predictions.parquet", pa.concat_tables([each.results.predictions for each in found]))
    numbers = [each.numbers() for each in found]
    write_json(folder / "until.json", {"part": found[0].results.part, "unit": unit, "until": numbers})
    with house_style():
        save(draw(found, unit), folder)


def say_table(found: Sequence[AsOf], part: str, unit: str) -> None:
    """A column per day, a row per number."""
    numbers = [each.numbers() for each in found]
    names = [*COUNTS, *found[0].results.scores]
    rows = [(name.replace("median_", "median "), *(_cell(told[name]) for told in numbers)) for name in names]
    header = ("", *("whole" if each.day is None else f"{each.day:g}" for each in found))
    title = f"{numbers[0]['objects']} objects of the {part} part, by time since the first detection [{unit}]"
    show(header, rows, title=title)


def doubts(network: Network, series: str) -> list[str]:
    """What to bear in mind about this network's answers to incomplete curves."""
    words = network.recipe["data"]
    words = words.get("modules", {}).get(series, words)
    day, knows = words.get("until"), any(name.endswith("context") for name in network.spec.inputs)
    calibrated = CALIBRATED.format("whole curves" if day is None else f"curves of day {day:g}")
    told = {UNPREPARED: day is None and not words.get("early"), KNOWING: knows, calibrated: bool(network.calibration)}
    return [note for note, holds in told.items() if holds]


def _cell(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.4g}"


def _json(path: Path) -> dict[str, Any]:
    """A file of a run folder, JSON or YAML; {} where a checkpoint was taken out of its folder."""
    return yaml.safe_load(path.read_text()) if path.is_file() else {}
