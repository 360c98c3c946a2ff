"""One figure for several runs, with its numbers beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import csv

from starbolt.report.histories import draw_histories


def run(folder: Path, columns: str = "epoch,val/loss,val/accuracy") -> Path:
    folder.mkdir()
    values = "\n".join(",".join([str(e)] + [str(1 / (e + 1))] * columns.count("val/")) for e in range(3))
    (folder / "history.csv").write_text(f"{columns}\n{values}\n")
    return folder


def test_every_run_is_drawn_and_its_numbers_stand_beside(tmp_path: Path) -> None:
    folders = {f"optim={name}": run(tmp_path / name) for name in ("sgd", "adam")}
    figure = draw_histories(folders, tmp_path / "out" / "comparison.png")
    assert figure.read_bytes().startswith(b"\x89PNG")
    numbers = csv.read_csv(figure.with_suffix(".csv"))
    assert numbers.column_names == ["run", "epoch", "val/loss", "val/accuracy"]
    assert numbers["run"].to_pylist() == ["optim=sgd"] * 3 + ["optim=adam"] * 3


def test_a_score_that_one_run_lacks_is_not_compared(tmp_path: Path) -> None:
    folders = {"a": run(tmp_path / "a"), "b": run(tmp_path / "b", "epoch,val/loss")}
    figure = draw_histories(folders, tmp_path / "comparison.png")
    assert csv.read_csv(figure.with_suffix(".csv")).column_names == ["run", "epoch", "val/loss"]


def test_runs_without_a_history_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none of the runs a has"):
        draw_histories({"a": tmp_path}, tmp_path / "comparison.png")
