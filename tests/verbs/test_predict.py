"""predict: one row per object of a new catalogue, whatever the order of its columns, with units in the file."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from starbolt.catalogue.plan import Plan
from starbolt.cli import main as cli
from starbolt.compose import UserError
from starbolt.verbs.predict import digest, main


@pytest.fixture
def catalogue(sky, tmp_path):
    """(change) -> path of a changed copy of the sky's catalogue."""

    def write(change, name="new.fits"):
        table = Table.read(sky["catalogue"])
        table = change(table)
        table.write(tmp_path / name, overwrite=True)
        return tmp_path / name

    return write


def predictions(run, path, output):
    main([f"checkpoint={run}", f"data.path={path}", f"output={output}"])
    return {row["id"]: row for row in pq.read_table(output).to_pylist()}


def test_predictions_of_the_training_catalogue_are_those_of_the_run(trained, sky, tmp_path):
    found = predictions(trained("mlp"), sky["catalogue"], tmp_path / "out.parquet")
    known = pq.read_table(trained("mlp") / "predictions.parquet").to_pylist()
    assert len(found) == 200
    for row in known:
        assert found[row["id"]]["redshift"] == pytest.approx(row["redshift"], abs=1e-6)
        assert found[row["id"]]["redshift_err"] == pytest.approx(row["redshift_err"], abs=1e-6)


@pytest.mark.parametrize(
    "change",
    {
        "no target": lambda t: t[[n for n in t.colnames if n != "redshift"]],
        "other order of columns": lambda t: t[t.colnames[::-1]],
        "no position": lambda t: t[[n for n in t.colnames if n not in ("ra", "dec")]],
        "other order of rows": lambda t: t[::-1],
    }.items(),
    ids=lambda pair: pair[0],
)
def test_neither_order_nor_target_changes_a_prediction(trained, sky, catalogue, tmp_path, change):
    wanted = predictions(trained("mlp"), sky["catalogue"], tmp_path / "a.parquet")
    found = predictions(trained("mlp"), catalogue(change[1]), tmp_path / "b.parquet")
    assert found.keys() == wanted.keys()
    for name, row in found.items():
        assert row["redshift"] == pytest.approx(wanted[name]["redshift"], abs=1e-5)


def test_columns_that_were_not_there_in_training_do_not_matter(trained, sky, catalogue, tmp_path):
    def more(table):
        table["u_extra"] = 1.0
        table["comment"] = "x"
        table["a"] = np.arange(len(table))
        return table[["comment", "a", *table.colnames[:-3], "u_extra"]]

    wanted = predictions(trained("mlp"), sky["catalogue"], tmp_path / "a.parquet")
    found = predictions(trained("mlp"), catalogue(more), tmp_path / "b.parquet")
    assert {k: v["redshift"] for k, v in found.items()} == pytest.approx({k: v["redshift"] for k, v in wanted.items()})


def test_rows_without_a_label_are_predicted(trained, catalogue, tmp_path):
    def unlabelled(table):
        table["redshift"] = np.where(np.arange(len(table)) % 2, table["redshift"], np.nan)
        return table

    found = predictions(trained("mlp"), catalogue(unlabelled), tmp_path / "out.parquet")
    assert len(found) == 200
    assert all(np.isfinite(row["redshift"]) for row in found.values())


@pytest.mark.parametrize("ending", ["fits", "ecsv", "parquet", "csv"])
@pytest.mark.usefixtures("unreported")
def test_units_and_origin_stand_in_the_file(words, execute, catalogue, tmp_path, ending):
    def with_unit(table):
        table["redshift"].unit = "km / s"
        return table

    path = catalogue(with_unit)
    run = execute(tmp_path / ("a_folder_with_a_long_name_" * 4), [*words("mlp"), f"data.path={path}"])
    output = tmp_path / f"out.{ending}"
    main([f"checkpoint={run}", f"data.path={path}", f"output={output}"])
    if ending == "parquet":
        schema = pq.read_schema(output)
        units = {name: (schema.field(name).metadata or {}).get(b"unit") for name in ("redshift", "redshift_err")}
        assert set(units.values()) == {b"km / s"}
        assert schema.metadata[b"checkpoint"].decode() == str(run)
        return
    table = Table.read(output)
    assert len(table) == 200
    if ending != "csv":
        assert str(table["redshift"].unit) == str(table["redshift_err"].unit) == "km / s"
    if ending == "fits":
        assert any(str(run) in str(value) for value in table.meta.values())


@pytest.mark.parametrize("model", ["cnn", "gru"])
def test_images_and_light_curves_without_labels(trained, sky, tmp_path, model):
    key, word = {"cnn": ("labels", "catalogue"), "gru": ("stars", "objects")}[model]
    table = pq.read_table(sky[key]) if model == "gru" else Table.read(sky[key])
    if model == "gru":
        pq.write_table(table.drop_columns(["class"]), tmp_path / "new.parquet")
        more = [f"data.{word}={tmp_path / 'new.parquet'}", f"data.observations={sky['photometry']}"]
    else:
        table.remove_column("class")
        table.write(tmp_path / "new.csv")
        more = [f"data.{word}={tmp_path / 'new.csv'}"]
    main([f"checkpoint={trained(model)}", *more, f"output={tmp_path / 'out.parquet'}"])
    found = {row["id"]: row for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    assert len(found) == 60
    for row in pq.read_table(trained(model) / "predictions.parquet").to_pylist():
        assert found[row["id"]]["prediction"] == row["prediction"]
        assert "target" not in found[row["id"]]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["checkpoint={run}", "data.path={short}", "output={tmp}/o.parquet"], "'?e_r'?"),
        (["checkpoint={run}", "data.path={short}"], "output=FILE"),
        (["checkpoint={run}", "output={tmp}/o.txt"], r"\.parquet"),
        (["output={tmp}/o.fits"], "checkpoint=RUN"),
        (["checkpoint={short}", "output={tmp}/o.fits"], "not a checkpoint"),
        (["checkpoint={run}", "data.path={short}", "output={tmp}/new.fits/o.fits"], "new.fits"),
        (["checkpoint={run}", "output={tmp}/o.fits", "device=gpu7"], "device=gpu7 is not to be had here .*cuda:1"),
        (["checkpoint={run}", "output={tmp}/o.fits", "grid=0,1"], r"grid=0,1 is not of the kind 'grid=\[0,2,201\]'"),
        (["checkpoint={run}", "data.path={old}", "output={tmp}/o.fits", "partition=0"], "partition=0 is no number"),
        (["checkpoint={run}", "data.path={old}", "output={tmp}/o.fits", "share=4/4"], "share=4/4 is not one of"),
        (
            ["checkpoint={run}", "data.path={old}", "output={tmp}/o", "data.where='z>99'"],
            "the catalogue has no rows left",
        ),
    ],
)
def test_a_mistake_is_told_in_one_sentence(trained, sky, catalogue, tmp_path, typed, sentence, capsys):
    short = catalogue(lambda t: t[[n for n in t.colnames if n != "e_r"]])
    paths = {"run": trained("mlp"), "short": short, "tmp": tmp_path, "old": sky["catalogue"]}
    with pytest.raises(SystemExit) as left:
        cli(["predict", *(word.format(**paths) for word in typed)])
    assert left.value.code == 1
    said = capsys.readouterr().err.strip()
    assert [line.split(" ")[0] for line in said.splitlines()] == ["starbolt:", "more:"]
    assert re.search(sentence, said), said
    assert [path.name for path in tmp_path.iterdir()] == ["new.fits"]


def test_an_object_outside_the_training_range_is_told(trained, catalogue, tmp_path, capsys):
    def strange(table):
        table["z"][:3] = [45.0, 44.0, 46.0]
        return table

    found = predictions(trained("mlp"), catalogue(strange), tmp_path / "out.parquet")
    told = [row["outside"] for row in found.values()]
    assert set(told[:3]) == {"i-z"}  # further out than z itself
    assert told.count("") > 150
    assert re.search(r"note: \d+ of 200 objects lie outside the training range: .*in i-z \(-2", capsys.readouterr().out)
    main([f"checkpoint={trained('mlp')}", f"data.path={tmp_path / 'new.fits'}", f"output={tmp_path / 'out.fits'}"])
    assert list(Table.read(tmp_path / "out.fits")["outside"].filled("")) == told  # astropy reads a blank as masked


def test_other_units_are_converted_and_said(words, execute, catalogue, tmp_path, capsys):
    def in_unit(unit, factor):
        def change(table):
            for name in "ugriz":
                table[name] = (10 ** (-0.4 * (np.array(table[name]) - 23.9)) * factor).astype(np.float64)
                table[name].unit = unit
            return table

        return change

    micro, milli = catalogue(in_unit("uJy", 1), "micro.fits"), catalogue(in_unit("mJy", 1e-3), "milli.fits")
    run = execute(tmp_path / "run", [*words("mlp"), f"data.path={micro}", "trainer.max_epochs=1"])
    wanted, found = (predictions(run, path, tmp_path / f"{path.stem}.parquet") for path in (micro, milli))
    assert "'u' converted from mJy to uJy (times 1000)" in capsys.readouterr().out
    for name, row in found.items():
        assert row["redshift"] == pytest.approx(wanted[name]["redshift"], abs=1e-4)
        assert row["outside"] == wanted[name]["outside"]


def test_partitions_are_a_data_set_with_the_origin_in_every_file(trained, sky, tmp_path, capsys):
    run = trained("mlp")
    words = [f"checkpoint={run}", f"data.path={sky['catalogue']}"]
    main([*words, f"output={tmp_path / 'out.parquet'}"])
    main([*words, f"output={tmp_path / 'parts'}", "partition=128", "device=cpu"])
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "parts")
    assert pq.read_table(tmp_path / "parts").equals(pq.read_table(tmp_path / "out.parquet"))
    for name in ("part-00000.parquet", "part-00001.parquet"):
        about = pq.read_schema(tmp_path / "parts" / name).metadata
        assert about[b"starbolt_model"].decode() == digest(str(run))
        assert about[b"starbolt_data"].decode() == Plan.read(tmp_path / "parts").data
        assert {b"starbolt", b"starbolt_training_data", b"starbolt_split", b"checkpoint"} <= set(about)


def test_ids_stay_words_and_the_catalogues_order_is_kept(trained, catalogue, tmp_path):
    def named(table):
        table["objid"] = [f"{i:06d}" for i in range(len(table))][::-1]
        return table

    main([f"checkpoint={trained('mlp')}", f"data.path={catalogue(named)}", f"output={tmp_path / 'out.parquet'}"])
    assert pq.read_table(tmp_path / "out.parquet")["id"].to_pylist() == [f"{199 - i:06d}" for i in range(200)]


def test_fits_refuses_letters_that_it_does_not_know_before_anything_is_made(trained, catalogue, tmp_path):
    def named(table):
        table["objid"] = [f"n{i}" for i in range(199)] + ["Ångström"]
        return table

    table = named(Table.read(catalogue(lambda t: t)))
    table.write(tmp_path / "new.ecsv")
    words = [f"checkpoint={trained('mlp')}", f"data.path={tmp_path / 'new.ecsv'}"]
    with pytest.raises(UserError, match=r"FITS knows ASCII letters alone, not 'Ångström'; say output=FILE.parquet"):
        main([*words, f"output={tmp_path / 'out.fits'}"])
    main([*words, f"output={tmp_path / 'out.parquet'}"])
    assert not list(tmp_path.glob("*.parts"))


def test_other_data_or_another_checkpoint_in_the_same_folder_are_refused(trained, sky, catalogue, tmp_path):
    words = [f"checkpoint={trained('mlp')}", f"output={tmp_path / 'parts'}", "partition=64"]
    main([*words, f"data.path={sky['catalogue']}"])
    with pytest.raises(UserError, match=r"a catalogue of the data .* and this one is of the data .*; finish that one"):
        main([*words, f"data.path={catalogue(lambda t: t[:100])}"])
    with pytest.raises(UserError, match="partitions of 64 objects, and this one is in partitions of 32 objects"):
        main([*words[:2], "partition=32", f"data.path={sky['catalogue']}"])
    with pytest.raises(UserError, match=r"and this one is with data.batch_size=32"):
        main([*words, f"data.path={sky['catalogue']}", "data.batch_size=32"])


def started(folder, run, path, output, *more):
    """`starbolt predict` as a process of its own."""
    words = [f"checkpoint={run}", f"data.path={path}", f"output={output}", "partition=5", *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "starbolt", "predict", *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def numbers(said):
    return [int(number) for number in re.findall(r"^partition (\d+) of 40$", said, re.MULTILINE)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out", "out.fits"])
def test_killed_at_any_moment_the_catalogue_is_the_same(trained, sky, tmp_path, name):
    def content(path):
        files = [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
        return {file.name: file.read_bytes() for file in files}

    given = (trained("mlp"), sky["catalogue"])
    (tmp_path / "calm").mkdir()
    assert numbers(started(tmp_path, *given, f"calm/{name}").communicate()[0]) == list(range(1, 41))
    dice, said, kills = random.Random(len(name)), "", 0
    while kills < 4:
        process = started(tmp_path, *given, name)
        lines = [process.stdout.readline() for _ in range(dice.randint(1, 8))]
        time.sleep(dice.uniform(0, 0.1))
        process.kill()
        said, kills = said + "".join(lines) + process.communicate()[0], kills + 1
    last = started(tmp_path, *given, name).communicate()[0]
    assert last.splitlines()[-1] == name
    assert len(numbers(said + last)) <= 40 + 2 * kills
    assert set(numbers(said + last)) == set(range(1, 41))
    assert content(tmp_path / name) == content(tmp_path / "calm" / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calm", name]


@pytest.mark.slow
@pytest.mark.parametrize("share", [(), ("share=0/2", "share=1/2")])
def test_two_processes_share_a_catalogue_and_one_of_them_ends_it(trained, sky, tmp_path, share):
    given = (trained("mlp"), sky["catalogue"])
    calm = started(tmp_path, *given, "calm.fits")
    calm.communicate()
    both = [started(tmp_path, *given, "out.fits", *share[i : i + 1]) for i in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(numbers(said[0]) + numbers(said[1])) == list(range(1, 41))
    assert any(each.splitlines()[-1] == "out.fits" for each in said)
    assert (tmp_path / "out.fits").read_bytes() == (tmp_path / "calm.fits").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calm.fits", "out.fits"]
