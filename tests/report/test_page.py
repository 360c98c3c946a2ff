"""The report: one small file that loads nothing, tells the run truly, and leaves every figure with its numbers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from starbolt.report import write
from starbolt.report.confusion import confusion
from starbolt.report.learning import verdict
from starbolt.report.results import Results

VOID = {"meta", "img", "br", "wbr"}


class Reader(HTMLParser):
    """Collects what a page loads, where its links lead, its pictures' words, and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.alts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        told = dict(attrs)
        self.anchors += [told["id"] or ""] if "id" in told else []
        self.alts += [told.get("alt")] if tag == "img" else []
        for name in ("src", "href", "srcset", "data"):
            value = told.get(name) or ""
            (self.links if value.startswith("#") else self.loads).append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def text_of(page: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.read_text()))


def check(page: Path, size: float = 5e6) -> None:
    """One whole HTML file, below `size` bytes, that loads nothing and has figures with PNG, PDF and CSV."""
    reader = Reader()
    reader.feed(page.read_text())
    assert reader.open == []
    assert any(reader.loads)
    assert all(load.startswith("data:image/") for load in reader.loads if load)
    assert len(reader.links) > 5
    assert {link[1:] for link in reader.links} <= set(reader.anchors)
    assert len(set(reader.anchors)) == len(reader.anchors)
    assert all(reader.alts)
    assert not re.search(r"<script|<link|@import|url\(", page.read_text())
    assert page.stat().st_size < size
    figures = list((page.parent / "figures").glob("*.png"))
    assert figures
    assert all(figure.with_suffix(ending).is_file() for figure in figures for ending in (".csv", ".pdf"))


def test_page_of_cutouts(image_run: Path) -> None:
    page = write(image_run)
    check(page)
    text = text_of(page)
    assert "A CNN learnt to tell 3 classes apart" in text
    assert "On 300 test objects that it never saw its accuracy is" in text
    assert "better than a linear model on simple features (0.7)" in text
    assert "&lt;3&gt; points whose error is not positive were dropped" in text  # notes are told, and escaped
    assert page.read_text().count('class="object"') == 5 + 3 + 1
    assert "Scores by seeing" in text
    assert "Scores by field" in text
    assert "The test rows have been scored once" in text
    assert "not drawn as" not in text


def test_page_of_light_curves(series_run: Path) -> None:
    page = write(series_run)
    check(page)
    assert page.read_text().count('class="object"') == 5 + 3 + 1
    assert "R_E" in text_of(page)


def test_page_of_a_hundred_thousand_objects_is_small(table_run: Callable[..., Path]) -> None:
    page = write(table_run(100_000))
    check(page, 5e6)
    numbers = csv.read_csv(page.parent / "figures" / "predicted_z.csv")
    assert numbers.num_rows == 100_000
    text = text_of(page)
    assert "u [mag]" in text  # the worst objects with their columns
    assert "Scores by mag_r" in text
    assert "not drawn as" not in text


def test_page_of_a_hundred_thousand_objects_in_classes_is_small(image_run: Path) -> None:
    whole = pq.read_table(image_run / "predictions.parquet")
    test = whole.filter(pc.equal(whole["part"], "test"))
    places = np.random.default_rng(0).integers(0, test.num_rows, 100_000)
    pq.write_table(test.take(places), image_run / "predictions.parquet")
    page = write(image_run)
    check(page, 5e6)
    assert "On 100,000 test objects" in text_of(page)


def test_captions_are_numbered_in_order_and_the_files_have_their_numbers(series_run: Path) -> None:
    page = write(series_run)
    told = re.findall(r"Figure (\d+)\. ", text_of(page))
    assert told == [str(k + 1) for k in range(len(told))]
    names = {path.stem for path in (series_run / "figures").glob("*.csv")}
    wanted = {"learning", "confusion", "purity", "roc", "reliability", "reliability_classes", "sets", "classes"}
    assert wanted | {"gallery_wrong", "gallery_unsure", "gallery_unusual"} <= names


def test_figures_turn_dark_with_the_page(series_run: Path) -> None:
    text = write(series_run).read_text()
    svg = base64.b64decode(re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)[0]).decode()
    assert "prefers-color-scheme: dark" in svg
    assert "fill: var(--cfffffe)" in svg  # the ground
    assert "stroke: #1c1e21" not in svg


def test_page_without_training_gallery_or_controls_and_of_validation_alone(table_run: Callable[..., Path]) -> None:
    folder = table_run(50)
    for name in ("history", "gallery", "controls", "provenance", "calibration", "looks"):
        next(folder.glob(f"{name}.*")).unlink()
    metrics = {
        name.replace("test/", "val/"): v for name, v in json.loads((folder / "metrics.json").read_text()).items()
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    predictions = folder / "predictions.parquet"
    table = pq.read_table(predictions).slice(0, 50)
    pq.write_table(table.set_column(2, "part", [["val"] * 50]), predictions)
    page = write(folder)
    check(page)
    assert "On 50 validation objects" in text_of(page)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no finished run"):
        write(tmp_path)


def test_rows_of_the_confusion_matrix_are_the_truth(image_run: Path) -> None:
    results = Results.read(image_run)
    matrix = confusion(results.codes, results.given, 3)
    np.testing.assert_array_equal(matrix.sum(1), np.bincount(results.codes))
    assert confusion(np.array([0, 0]), np.array([1, 1]), 2).tolist() == [[0, 2], [0, 0]]


@pytest.mark.parametrize(
    ("train", "val", "words"),
    [
        (np.linspace(1, 0.1, 20), np.abs(np.arange(20) - 8) / 10 + 1, "overfit after epoch 8"),
        (np.linspace(1, 0.1, 20), np.linspace(1, 0.2, 20), "underfitted"),
        (np.exp(-np.arange(20.0)), np.exp(-np.arange(20.0)) + 1, "levelled off"),
        (np.linspace(1, 0.1, 20), np.linspace(1, 2, 20), "never fell"),
        (np.linspace(1, 0.1, 3), np.linspace(1, 2, 3), "Too few epochs"),
    ],
)
def test_verdict_follows_its_rule(series_run: Path, train: np.ndarray, val: np.ndarray, words: str) -> None:
    lines = [f"{e},{t},{v}" for e, (t, v) in enumerate(zip(train, val, strict=True))]
    (series_run / "history.csv").write_text("epoch,train/loss,val/loss\n" + "\n".join(lines))
    assert words in verdict(Results.read(series_run))
