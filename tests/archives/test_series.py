"""Every layout of light curves ends as the same series; what does not fit is dropped and counted, or refused."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from starbolt.archives.base import PART
from starbolt.archives.series import SeriesArchive

STARS = ["alpha", "beta", "gamma"]
HEADS = {"name": np.array(STARS), "period": np.array([1.5, 2.5, np.nan]), "kind": np.array(["RR", "EB", "RR"])}
ROLES = {"time": "mjd", "value": "mag", "error": "err"}
RNG = np.random.default_rng(0)
COUNTS = {
    ("alpha", "b"): 4,
    ("alpha", "r"): 6,
    ("beta", "b"): 5,
    ("beta", "r"): 3,
    ("gamma", "b"): 2,
    ("gamma", "r"): 5,
}


def long_table(order=None):
    owner = np.array([star for (star, _), n in COUNTS.items() for _ in range(n)])
    band = np.array([band for (_, band), n in COUNTS.items() for _ in range(n)])
    rng = np.random.default_rng(1)
    mjd, mag = rng.uniform(50000, 50100, len(owner)).round(4), rng.normal(18, 1, len(owner)).round(3)
    table = pa.table({"name": owner, "mjd": mjd, "mag": mag, "err": rng.uniform(0.01, 0.2, len(owner)), "band": band})
    return table if order is None else table.take(pa.array(order))


def listed(kind):
    """The same light curves with a list per star and band, as Arrow lists or as text."""
    table, columns = long_table().to_pylist(), {"name": STARS}
    for column in ("mjd", "mag", "err"):
        for band in "br":
            columns[f"{column}_{band}"] = cells = [
                [row[column] for row in table if (row["name"], row["band"]) == (star, band)] for star in STARS
            ]
            if kind == "text":
                columns[f"{column}_{band}"] = [str(cell) for cell in cells]
    return pa.table(columns)


def structs():
    rows = [[row for row in long_table().to_pylist() if row["name"] == star] for star in STARS]
    return pa.table({"name": STARS, "lc": rows})


def split(role):
    return {band: f"{role}_{band}" for band in "br"}


def loaded(archive, catalogue=None):
    catalogue = archive.read() if catalogue is None else catalogue
    return archive.load_rows(catalogue)["series"]


def same(a, b):
    for name in ("offsets", "time", "x", "err"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.fixture
def reference():
    return loaded(SeriesArchive(long_table(), pa.table(HEADS), id="name", band="band", **ROLES))


def test_a_long_table_becomes_sorted_series_with_a_channel_per_band(reference):
    rows = [row for row in long_table().to_pylist() if row["name"] == "beta"]
    rows.sort(key=lambda row: row["mjd"])
    beta = slice(*reference.offsets[1:3])
    np.testing.assert_array_equal(reference.time[beta], [row["mjd"] for row in rows])
    for row, x, err in zip(rows, reference.x[beta], reference.err[beta], strict=True):
        this = "br".index(row["band"])
        assert x[this] == np.float32(row["mag"])
        assert err[this] == np.float32(row["err"])
        assert np.isnan(x[1 - this])
        assert np.isnan(err[1 - this])
    assert reference.x.dtype == np.float32
    assert reference.time.dtype == np.float64


def test_the_order_of_observations_does_not_matter(reference):
    order = RNG.permutation(long_table().num_rows)
    same(loaded(SeriesArchive(long_table(order), pa.table(HEADS), id="name", band="band", **ROLES)), reference)


@pytest.mark.parametrize("kind", ["arrow", "text"])
@pytest.mark.parametrize("beside", [True, False])
def test_lists_in_cells_give_the_same_series(reference, kind, beside):
    roles = {"time": split("mjd"), "value": split("mag"), "error": split("err")}
    tables = (listed(kind), pa.table(HEADS)) if beside else (None, listed(kind))
    archive = SeriesArchive(*tables, id="name", **roles)
    same(loaded(archive), reference)
    assert archive.channels == ("mag_b", "mag_r")


def test_lists_as_text_in_a_csv_file_with_its_own_names(reference, tmp_path):
    rows = listed("text").to_pylist()
    lines = [",".join(f'"{value}"' for value in row.values()) for row in rows]
    header = "," + ",".join(list(rows[0])[1:])
    (tmp_path / "lists.csv").write_text("\n".join([header, *lines]) + "\n")
    roles = {"time": split("mjd"), "value": split("mag"), "error": split("err")}
    archive = SeriesArchive(str(tmp_path / "lists.csv"), pa.table(HEADS), id="name", names=list(rows[0]), **roles)
    same(loaded(archive), reference)


def test_lists_of_structs_give_the_same_series(reference, tmp_path):
    pq.write_table(structs(), tmp_path / "lc.parquet")
    roles = {role: f"lc.{name}" for role, name in ROLES.items()}
    archive = SeriesArchive(objects=str(tmp_path / "lc.parquet"), id="name", band="lc.band", **roles)
    same(loaded(archive), reference)
    assert archive.channels == ("mag_b", "mag_r")


@pytest.mark.parametrize("file", ["file", "{name}.dat"])
def test_one_file_per_object_gives_the_same_series(reference, tmp_path, file):
    for star in STARS:
        rows = [row for row in long_table().to_pylist() if row["name"] == star]
        lines = [f"{row['mjd']!r} {row['mag']!r} {row['err']!r} {row['band']}" for row in rows]
        (tmp_path / f"{star}.dat").write_text("\n".join(lines) + "\n")
    heads = pa.table(HEADS | {"file": [f"{star}.dat" for star in STARS]})
    archive = SeriesArchive(
        objects=heads, root=str(tmp_path), file=file, names=["mjd", "mag", "err", "band"], band="band", **ROLES
    )
    same(loaded(archive), reference)
    assert archive.id == ("file" if file == "file" else "name")
    assert not archive.whole


def test_tables_in_memory_may_be_of_any_kind(reference):
    frame, heads = long_table().to_pandas(), Table(HEADS)
    archive = SeriesArchive(frame, heads, id="name", band="band", **ROLES)
    same(loaded(archive), reference)
    assert isinstance(archive.observations, pa.Table)


def test_any_rows_in_any_order_and_one_row_alone(reference):
    archive = SeriesArchive(long_table(), pa.table(HEADS), id="name", band="band", **ROLES)
    catalogue = archive.read()
    back = loaded(archive, catalogue.take(pa.array([2, 0])))
    np.testing.assert_array_equal(back.time[: back.offsets[1]], reference.time[reference.offsets[2] :])
    alone = archive.load(catalogue.slice(2, 1).to_pylist()[0])["series"]
    np.testing.assert_array_equal(alone.x.T, reference.x[reference.offsets[2] :])


def test_without_objects_the_ids_are_the_catalogue():
    catalogue = SeriesArchive(long_table(), id="name", band="band", **ROLES).read()
    assert catalogue["name"].to_pylist() == STARS


def test_bands_are_chosen_and_ordered():
    archive = SeriesArchive(long_table(), id="name", band="band", bands=["r", "b"], **ROLES)
    assert loaded(archive).x.shape[1] == 2
    assert archive.channels == ("mag_r", "mag_b")
    one = SeriesArchive(long_table(), id="name", band="band", bands=["r"], **ROLES)
    assert loaded(one).offsets[-1] == 14
    assert one.channels == ("mag_r",)


def test_simultaneous_bands_share_a_step_and_repeats_do_not():
    table = pa.table({"id": [1] * 4, "t": [5.0, 5.0, 5.0, 4.0], "v": [1.0, 2.0, 3.0, 4.0], "f": [1, 2, 1, 1]})
    series = loaded(SeriesArchive(table, id="id", time="t", value="v", band="f"))
    np.testing.assert_array_equal(series.time, [4, 5, 5])
    np.testing.assert_array_equal(series.x, [[4, np.nan], [1, 2], [3, np.nan]])


def test_nights_are_merged_where_asked():
    table = pa.table(
        {
            "id": [7, 7, 7, 7],
            "t": [10.2, 10.4, 10.9, 11.1],
            "v": [1.0, 3.0, 5.0, 6.0],
            "e": [1.0, 1.0, 1.0, 2.0],
            "f": ["g", "g", "r", "g"],
        }
    )
    roles = {"id": "id", "time": "t", "value": "v", "error": "e", "band": "f"}
    series = loaded(SeriesArchive(table, nightly=True, **roles))
    np.testing.assert_allclose(series.time, [10.5, 11.1])
    np.testing.assert_array_equal(series.x, [[2, 5], [6, np.nan]])
    np.testing.assert_allclose(series.err, [[np.sqrt(0.5), 1], [2, np.nan]], rtol=1e-6)
    shifted = loaded(SeriesArchive(table, nightly=0.5, **roles))
    np.testing.assert_allclose(shifted.time, [10.3, 11.0])


def test_points_without_a_usable_value_time_or_error_are_dropped_and_counted():
    table = pa.table(
        {
            "id": [1, 1, 1, 1, 1, 2],
            "t": [1.0, 2.0, None, 4.0, 5.0, 6.0],
            "v": [1.0, None, 1.0, 99.0, 1.0, 1.0],
            "e": [0.1, 0.1, 0.1, 0.1, 0.0, -1.0],
        }
    )
    archive = SeriesArchive(table, id="id", time="t", value="v", error="e", missing=[99])
    assert loaded(archive).time.tolist() == [1.0]
    assert archive.dropped == 5
    assert archive.notes == [
        "points left out: masked, or without a place, a value or a positive error: 5",
        "objects left out because no usable point remains: 1",
    ]


def test_a_limit_needs_no_error():
    table = pa.table({"id": [1, 1], "t": [1.0, 2.0], "v": [20.0, 21.0], "e": [0.1, None], "up": [False, True]})
    series = loaded(SeriesArchive(table, id="id", time="t", value="v", error="e", limit="up"))
    assert series.limit.tolist() == [[False], [True]]
    assert np.isnan(series.err[1, 0])


def test_where_keeps_points_and_objects():
    archive = SeriesArchive(
        long_table(), pa.table(HEADS), id="name", band="band", where="kind == 'RR' & err < 0.1 & band == 'r'", **ROLES
    )
    catalogue = archive.read()
    expected = [r for r in long_table().to_pylist() if r["name"] != "beta" and r["err"] < 0.1 and r["band"] == "r"]
    assert set(catalogue["name"].to_pylist()) == {row["name"] for row in expected}
    assert loaded(archive, catalogue).offsets[-1] == len(expected)


def test_where_on_a_bands_own_list_keeps_that_bands_points():
    roles = {"time": split("mjd"), "value": split("mag"), "error": split("err")}
    archive = SeriesArchive(objects=listed("arrow"), id="name", where="err_b < 0.1 & name != 'beta'", **roles)
    rows = [row for row in long_table().to_pylist() if row["name"] != "beta"]
    kept = [row for row in rows if row["band"] == "r" or row["err"] < 0.1]
    assert loaded(archive).offsets[-1] == len(kept) < len(rows)


def test_context_comes_beside_the_series_with_its_unit():
    heads = pa.table(HEADS)
    heads = heads.set_column(1, pa.field("period", pa.float64(), metadata={b"unit": b"d"}), heads["period"])
    archive = SeriesArchive(long_table(), heads, id="name", band="band", context=["period"], **ROLES)
    catalogue = archive.read()
    np.testing.assert_array_equal(archive.load_rows(catalogue)["context"].x, [[1.5], [2.5], [np.nan]])
    np.testing.assert_array_equal(archive.load(catalogue.to_pylist()[1])["context"].x, [2.5])
    assert archive.channels == {"series": ("mag_b", "mag_r"), "context": ("period",)}
    assert archive.units["context"] == ("d",)


@pytest.mark.parametrize("shared", [True, False])
def test_separate_test_files_are_told_apart(shared):
    train, test = pa.table(HEADS).slice(0, 2), pa.table(HEADS).slice(2, 1)
    archive = SeriesArchive(
        long_table(),
        train,
        test_observations=None if shared else long_table(),
        test_objects=test,
        id="name",
        band="band",
        **ROLES,
    )
    catalogue = archive.read()
    assert catalogue[PART].to_pylist() == ["train", "train", "test"]
    same(loaded(archive, catalogue), loaded(SeriesArchive(long_table(), id="name", band="band", **ROLES)))


def test_observations_of_nobody_and_objects_without_any_are_told():
    heads = pa.table({"name": ["alpha", "delta"]})
    archive = SeriesArchive(long_table(), heads, id="name", band="band", **ROLES)
    assert archive.read()["name"].to_pylist() == ["alpha"]
    assert archive.notes == [
        "observations that belong to no object of the catalogue: 15",
        "objects left out because no usable point remains: 1",
    ]


def test_iso_dates_become_mjd():
    table = pa.table({"id": [1, 1], "t": ["2000-01-01T12:00:00", "1858-11-17T00:00:00Z"], "v": [1.0, 2.0]})
    archive = SeriesArchive(table, id="id", time="t", value="v")
    assert loaded(archive).time.tolist() == [0.0, 51544.5]
    assert archive.notes == ["times are dates, read as MJD [d]"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": "magg"}, r"no column 'magg'; did you mean 'mag'"),
        ({"time": "band"}, "column 'band' of the observations holds '[br]' where a time is needed"),
        ({"value": "band"}, "column 'band' of the observations holds '[br]' where a number is needed"),
        ({"id": None}, "name it with data.id=COLUMN"),
        ({"where": "err < 0.1 | kind == 'RR'"}, "mixes columns of observations and of objects"),
        ({"where": "errr < 0.1"}, "data.where names 'errr', which no table has; did you mean 'err'"),
        ({"context": ["perid"]}, "no column 'perid'; did you mean 'period'"),
        ({"value": {"b": "mag"}}, "leave data.band=band out"),
        ({"error": {"b": "err"}}, "data.error has the bands"),
        (
            {"objects": pa.table({"name": ["alpha", "alpha"], "kind": ["a", "b"]})},
            "the id 'alpha' stands 2 times in column",
        ),
        ({"objects": None, "observations": None}, "where are the light curves"),
        ({"observations": None}, "no column 'mjd'"),
        ({"objects": None, "file": "{name}.dat"}, "needs the catalogue"),
        ({"test_observations": long_table()}, "data.test_objects"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(change, said):
    options = {"observations": long_table(), "objects": pa.table(HEADS), "id": "name", "band": "band", **ROLES} | change
    with pytest.raises(ValueError, match=said):
        SeriesArchive(**options).read()


def test_a_missing_file_and_a_late_band_are_refused_by_path(tmp_path):
    for i in range(22):
        (tmp_path / f"s{i}.csv").write_text(f"t,v,f\n1.0,2.0,{'g' if i < 21 else 'z'}\n2.0,3.0,g\n")
    heads = pa.table({"name": [f"s{i}" for i in range(22)]})
    roles = {"time": "t", "value": "v", "band": "f"}
    archive = SeriesArchive(objects=heads, root=str(tmp_path), file="{name}.csv", **roles)
    with pytest.raises(ValueError, match=r"s21\.csv has band 'z'.*data\.bands=\[g,z\]"):
        loaded(archive)
    missing = SeriesArchive(objects=pa.table({"name": ["s222"]}), root=str(tmp_path), file="{name}.csv", **roles)
    with pytest.raises(FileNotFoundError, match=r"s222\.csv.*did you mean"):
        missing.read()


def test_two_hundred_thousand_points_take_moments():
    rng, points = np.random.default_rng(0), 200_000
    table = pa.table(
        {
            "id": rng.integers(0, 2000, points),
            "t": rng.uniform(0, 1000, points),
            "v": rng.normal(size=points),
            "e": np.ones(points),
            "f": rng.choice(["g", "r", "i"], points),
        }
    )
    start = time.perf_counter()
    series = loaded(SeriesArchive(table, id="id", time="t", value="v", error="e", band="f", nightly=True))
    assert len(series.offsets) == 2001
    assert time.perf_counter() - start < 5


@pytest.mark.skipif("STARBOLT_DATA" not in os.environ, reason="STARBOLT_DATA names no folder of real data")
def test_eros1_as_shipped():
    folder = Path(os.environ["STARBOLT_DATA"]) / "timeseries_eros1"
    words = ["time", "light", "error", "bkg", "polltn"]
    roles = {
        role: {b: f"{word}_points_{b}" for b in "br"}
        for role, word in zip(("time", "value", "error"), words, strict=False)
    }
    archive = SeriesArchive(
        str(folder / "train_varlength_features.csv.gz"),
        str(folder / "train.csv"),
        test_observations=str(folder / "test_varlength_features.csv.gz"),
        test_objects=str(folder / "test.csv"),
        id="Unnamed: 0",
        names=["Unnamed: 0", *(f"{word}_points_{b}" for word in words for b in "br")],
        **roles,
    )
    catalogue = archive.read()
    series = archive.load_rows(catalogue)["series"]
    assert catalogue[PART].to_pylist() == ["train"] * 2912 + ["test"] * 729
    assert np.isfinite(series.x).sum(0).min() > 400_000
    assert (series.err[np.isfinite(series.err)] > 0).all()
    assert 33 <= np.isfinite(series.x[: series.offsets[1]]).sum(0).max() <= 124
    assert series.time[0] == 290.3
    assert series.x[0, 0] == np.float32(19.15)
