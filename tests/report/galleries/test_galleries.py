"""Galleries: who is shown, in which order, under which words, as cards, tables and figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from starbolt.report import galleries
from starbolt.report.galleries.cards import cards
from starbolt.report.galleries.kinds import galleries as kinds
from starbolt.report.markup import Figures
from starbolt.report.results import Results
from starbolt.report.style import house_style


def test_the_file_says_who_is_shown(image_run: Path) -> None:
    results = Results.read(image_run)
    wrong, unsure, unusual = kinds(results)
    assert [gallery.name for gallery in (wrong, unsure, unusual)] == ["wrong", "unsure", "unusual"]
    assert (len(wrong.places), len(unsure.places), len(unusual.places)) == (5, 3, 1)
    assert (np.diff(results.loss[wrong.places]) <= 0).all()


def test_without_a_file_the_most_wrong_and_least_sure_are_found(table_run: Callable[..., Path]) -> None:
    folder = table_run(100)
    (folder / "gallery.npz").unlink()
    results = Results.read(folder)
    wrong, unsure = kinds(results)
    assert wrong.places[0] == results.loss.argmax()
    sigma = results.quantities[0].sigma
    assert sigma is not None
    assert unsure.places[0] == sigma.argmax()


def test_disagreement_goes_before_entropy(image_run: Path) -> None:
    (image_run / "gallery.npz").unlink()
    table = pq.read_table(image_run / "predictions.parquet")
    epistemic = np.random.default_rng(0).random(table.num_rows)
    pq.write_table(table.append_column("epistemic", pa.array(epistemic)), image_run / "predictions.parquet")
    unsure = kinds(Results.read(image_run))[1]
    assert unsure.places[0] == epistemic[:300].argmax()
    assert "disagree" in unsure.told
    assert unsure.name_of_value == "disagreement [nat]"


def test_a_file_of_an_earlier_version_knows_the_most_wrong_alone(image_run: Path) -> None:
    with np.load(image_run / "gallery.npz") as found:
        old = {name: values for name, values in found.items() if not name.startswith("rows_")}
    np.savez(image_run / "gallery.npz", **old)
    assert [gallery.name for gallery in kinds(Results.read(image_run))] == ["wrong"]


def test_cards_tell_truth_answer_set_and_scale(image_run: Path) -> None:
    results = Results.read(image_run)
    wrong, unsure, _ = kinds(results)
    page = cards(results, wrong)
    assert page.count("merger &lt;&amp;&gt;") >= page.count("merger <&>") == 0
    assert page.count('class="bar"') == 5  # the infrared images' scale is not known
    assert page.count("set: ") == 5
    assert "nat" not in page
    assert cards(results, unsure).count("entropy ") == 3


def test_tables_have_the_columns_of_the_catalogue(table_run: Callable[..., Path], tmp_path: Path) -> None:
    results = Results.read(table_run(100))
    page = galleries.told(results, Figures(tmp_path / "figures"))
    assert page.count("<table>") == 3
    assert page.count("u [mag]") == 3
    assert not (tmp_path / "figures").exists()


def test_figures_of_the_galleries_have_no_empty_panels(series_run: Path, tmp_path: Path) -> None:
    with house_style():
        galleries.told(Results.read(series_run), Figures(tmp_path / "figures"))
    for name in ("wrong", "unsure", "unusual"):
        with Image.open(tmp_path / "figures" / f"gallery_{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 5
