"""`starbolt evaluate`: score a trained network, on its own parts or on new data with known answers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from starbolt import looks
from starbolt.aside import write_json
from starbolt.data import ObjectDataModule
from starbolt.data.ranges import Outside
from starbolt.ensemble import Ensemble
from starbolt.messages import bar, say
from starbolt.predict import Network, predict_rows, score, scored_table
from starbolt.report import write as write_report
from starbolt.scoring import calibration_told, keep_evidence, write_table
from starbolt.verbs.applying import loaded, members, own_words, record_looks, rows_to_score, run_of


def main(words: list[str]) -> None:
    """Print and write the scores; the last line is the folder with metrics.json and predictions.parquet."""
    from starbolt.verbs import until

    own, rest = own_words(words, ("checkpoint", "part", "output"))
    if days := until.several(rest):
        until.main(own, rest, days)
        return
    learner, data, source, new = loaded(own, rest)
    name, rows = rows_to_score(own, learner, data, new)
    found = predict_rows(learner, data.loader(rows), progress=bar("scoring"))
    metrics = {f"{name}/{key}": value for key, value in score(learner, data, found).items()}
    folder = Path(own.get("output") or source / "evaluate" / name)
    folder.mkdir(parents=True, exist_ok=True)
    table = scored_table(learner, data, found, part=name)
    write_table(folder / "predictions.parquet", table)
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "calibration.json", calibration_told(learner, data, found))
    if name == "test" and not new:
        record_looks(own["checkpoint"])
        report(folder if isinstance(learner, Ensemble) else source, learner, data, table, own["checkpoint"])
    for note in [*data.notes, Outside(learner.spec).note(found)]:
        if note:
            say(f"note: {note}")
    say(f"{len(rows)} objects of the {name} part")
    for key, value in metrics.items():
        say(f"  {key:28} {value:.4g}")
    say(str(folder))


def report(folder: Path, network: Network, data: ObjectDataModule, table: pa.Table, named: str) -> None:
    """The report of an ensemble's test part; that of a run, which tells how often the test rows were scored, anew."""
    if isinstance(network, Ensemble):
        write_json(folder / "spec.json", network.spec.to_dict())
        keep_evidence(folder, network, data, {"test": table})
        name = f"an ensemble of {len(network.members)} networks"
        write_json(folder / "config.yaml", {"name": name, **network.recipe})
        write_json(folder / "provenance.json", {"notes": data.notes, "data": network.spec.data})
        seen = [look for path in members(named)[0] for look in looks.of_run(run_of(path))]
        write_json(folder / looks.FILE, sorted(seen, key=lambda look: look["when"]))
        say(f"report: {write_report(folder)}")
    elif (folder / "report.html").is_file():
        write_report(folder)
