"""`starbolt inspect` tells what is in the data, with or without a target, and never stops at what training would."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.table import Table

from starbolt.verbs import inspect


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """60 galaxies: u [mag] lacks five values and has three of 99, kind is one of three words."""
    rng = np.random.default_rng(0)
    u = rng.normal(20, 1, 60)
    u[:5], u[5:8] = np.nan, 99
    table = Table({"u": u, "g": np.arange(60.0), "kind": [("E", "S", "Irr")[i % 3] for i in range(60)]})
    table["u"].unit = "mag"
    table["z"] = rng.random(60)
    table.write(tmp_path / "cat.fits")
    return tmp_path / "cat.fits"


def inspected(tmp_path: Path, capsys, *words: str) -> str:
    inspect.main([*words, f"data.cache={tmp_path / 'cache'}", f"output={tmp_path / 'look'}"])
    return capsys.readouterr().out


def line_of(out: str, name: str) -> list[str]:
    return next(line.split() for line in out.splitlines() if line.split()[:1] == [name])


def test_columns_units_gaps_and_order_statistics(tmp_path, capsys, catalogue):
    out = inspected(tmp_path, capsys, "data=table", f"data.path={catalogue}")
    assert line_of(out, "u")[:5] == ["u", "mag", "double", "input", "5"]
    assert line_of(out, "g") == ["g", "double", "input", "0", "0", "29.5", "59"]
    assert line_of(out, "kind") == ["kind", "string", "(3", "different)", "0"]
    assert "60 objects" in out
    assert "train" not in out


def test_whole_numbers_keep_all_their_digits(tmp_path, capsys):
    pd.DataFrame({"objid": [1237648720693755918, 1237648720693755919, 5], "u": [1.0, 2, 3]}).to_csv(tmp_path / "a.csv")
    out = inspected(tmp_path, capsys, "data=table", f"data.path={tmp_path / 'a.csv'}", "data.id=objid")
    assert line_of(out, "objid")[-1] == "1237648720693755919"
    assert line_of(out, "objid")[-3] == "5"


def test_sentinels_are_suspected_until_declared(tmp_path, capsys, catalogue):
    words = ("data=table", f"data.path={catalogue}")
    assert "column 'u' has 3 values of 99" in inspected(tmp_path, capsys, *words)
    out = inspected(tmp_path, capsys, *words, "data.missing=[99]")
    assert "note" not in out
    assert line_of(out, "u")[4] == "8"


def test_a_text_target_gives_classes_in_parts_that_add_up(tmp_path, capsys, catalogue):
    out = inspected(tmp_path, capsys, "data=table", f"data.path={catalogue}", "data.target=kind", "data.exclude=[z]")
    assert line_of(out, "class") == ["class", "all", "train", "val", "cal", "test"]
    total, *parts = map(int, line_of(out, "Irr")[1:])
    assert total == sum(parts) == 20
    assert line_of(out, "sum")[1] == "60"


def test_a_numeric_target_gives_quantities_unless_it_has_few_values_or_a_task_is_named(tmp_path, capsys, catalogue):
    words = ("data=table", f"data.path={catalogue}")
    assert "values of z" in inspected(tmp_path, capsys, *words, "data.target=z")
    table = Table.read(catalogue)
    table["z"] = np.arange(60) % 2
    table.write(catalogue, overwrite=True)
    assert "classes of z" in inspected(tmp_path, capsys, *words, "data.target=z")
    assert "values of z" in inspected(tmp_path, capsys, *words, "data.target=z", "task=regression")


def test_what_would_stop_training_is_a_note(tmp_path, capsys, catalogue):
    out = inspected(
        tmp_path, capsys, "data=table", f"data.path={catalogue}", "data.target=z", "split=column", "split.column=part"
    )
    assert "note: training would stop here: " in out
    assert "'part'" in out


def test_the_figure_is_written_where_output_says(tmp_path, capsys, catalogue):
    out = inspected(tmp_path, capsys, "data=table", f"data.path={catalogue}")
    file = tmp_path / "look" / "inspect.png"
    assert out.splitlines()[-1] == str(file)
    assert matplotlib.image.imread(file).std() > 0.01


def test_images_show_their_shape_and_channels(tmp_path, capsys):
    np.save(tmp_path / "stack.npy", np.random.default_rng(0).random((12, 2, 9, 9)).astype(np.float32))
    pd.DataFrame({"row": range(12), "kind": ["E", "S"] * 6}).to_csv(tmp_path / "labels.csv", index=False)
    out = inspected(
        tmp_path, capsys, "data=images", f"data.catalogue={tmp_path / 'labels.csv'}",
        f"data.stack={tmp_path / 'stack.npy'}", "data.file=row", "data.target=kind",
    )  # fmt: skip
    assert "image: shape 2 x 9 x 9" in out
    assert (tmp_path / "look" / "inspect.png").exists()


def test_series_show_points_gaps_and_suspects(tmp_path, capsys):
    rng = np.random.default_rng(0)
    points = pd.DataFrame({"star": np.repeat(range(12), 10), "t": np.tile(np.arange(10.0), 12)})
    points["mag"], points["err"], points["band"] = rng.normal(18, 0.1, 120), 0.25, np.tile(["g", "r"], 60)
    points.loc[3, "mag"] = 99.0
    points.to_csv(tmp_path / "phot.csv", index=False)
    out = inspected(
        tmp_path, capsys, "data=series", f"data.observations={tmp_path / 'phot.csv'}", "data.id=star", "data.time=t",
        "data.value=mag", "data.error=err", "data.band=band",
    )  # fmt: skip
    assert "10 to 10 points (median 10)" in out
    assert "99" in next(line for line in out.splitlines() if line.startswith("note"))
    assert "0.25" in out
    assert (tmp_path / "look" / "inspect.png").exists()


@pytest.mark.parametrize(
    ("values", "kind"),
    [(["a", "b"] * 20, "class"), ([True, False] * 20, "class"), ([1, 2] * 20, "class"), (list(range(40)), "quantity")],
)
def test_the_kind_of_a_target_follows_from_its_values(values, kind):
    assert inspect.kind_of_target(pa.table({"y": values}), ("y",)) == kind
