"""A catalogue is the same however it was made: at once or in partitions, in one go or in several, alone or not."""

from __future__ import annotations

import errno
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from astropy.table import Table

from starbolt import MLP, Learner, Regression, TableDataModule
from starbolt.catalogue import making, writing
from starbolt.catalogue.joining import join
from starbolt.catalogue.making import Output, make
from starbolt.catalogue.partitions import Parts
from starbolt.catalogue.plan import Plan
from starbolt.compose import UserError

WORDS = {"id": "name", "target": "z", "features": ["a", "b"], "batch_size": 8}


def sky(n, far=()):
    """So many objects with names that look like numbers; those in `far` lie outside the training range in b."""
    random = np.random.default_rng(n)
    table = Table({"a": random.uniform(size=n), "b": random.uniform(size=n), "z": random.uniform(size=n)})
    table["b"][list(far)] += 50
    table["name"] = [f"{i:05d}" for i in range(n)]
    table["z"].unit = "km / s"
    return table


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    torch.manual_seed(0)
    data = TableDataModule(sky(200), **WORDS, cache=str(tmp_path_factory.mktemp("cache")))
    return Learner.for_data(data, partial(MLP, width=8), Regression)


@pytest.fixture(scope="module")
def data(network, tmp_path_factory):
    """100 objects to predict, 4 of them outside."""
    made = TableDataModule(sky(100, far=[3, 50, 51, 99]), **WORDS, cache=str(tmp_path_factory.mktemp("new")))
    made.open_like(network.spec, labels=False)
    return made


@pytest.fixture
def predict(network, data, tmp_path, capsys):
    """(name, partition) -> (whether the catalogue is whole, what was said)."""

    def run(name, partition=16, model="m", **options):
        capsys.readouterr()
        plan = Plan(model, data.objects.fingerprint, 100, partition)
        done = make(network, data, plan, Output(tmp_path / name, "." in name), **options)
        return done, capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def stop(monkeypatch):
    """(after) -> so many partitions are made, then the user presses Ctrl-C; None: never."""
    real = making.predict_rows

    def after(count, error=KeyboardInterrupt):
        left = iter([] if count is None else range(count))

        def predict_rows(*given, **options):
            if count is not None and next(left, None) is None:
                raise error
            return real(*given, **options)

        monkeypatch.setattr(making, "predict_rows", predict_rows)

    return after


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_objects_keep_their_names_and_their_order(predict, tmp_path):
    predict("out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["id"].to_pylist() == [f"{i:05d}" for i in range(100)]
    assert table["row"].to_pylist() == list(range(100))
    assert table.schema.field("z_err").metadata == {b"unit": b"km / s"}


@pytest.mark.parametrize("partition", [16, 32, 100, 1000])
def test_partitions_of_whole_batches_give_what_one_gives(predict, tmp_path, partition, monkeypatch):
    monkeypatch.setattr("starbolt.data.loaders.SCORED", 16)
    predict("whole.parquet", 100)
    predict("parts", partition)
    whole, parts = pq.read_table(tmp_path / "whole.parquet"), pq.read_table(tmp_path / "parts")
    assert parts.equals(whole)


@pytest.mark.parametrize("partition", [1, 7, 99])
def test_partitions_of_any_size_do_to_rounding(predict, tmp_path, partition):
    predict("whole.parquet", 100)
    predict("parts.parquet", partition)
    whole, parts = pq.read_table(tmp_path / "whole.parquet"), pq.read_table(tmp_path / "parts.parquet")
    assert parts.drop_columns(["z", "z_err"]).column_names == whole.drop_columns(["z", "z_err"]).column_names
    for name in ("z", "z_err"):
        assert np.allclose(parts[name], whole[name], rtol=1e-5)
    assert parts["outside"].to_pylist() == whole["outside"].to_pylist()


@pytest.mark.parametrize("name", ["out.parquet", "out.fits", "out.csv", "out.ecsv", "out"])
@pytest.mark.parametrize("after", [1, 6])
def test_stopped_and_said_again_it_has_the_same_bytes(predict, stop, tmp_path, name, after):
    predict(name)
    undisturbed = content(tmp_path / name if name == "out" else tmp_path)
    for path in [*tmp_path.glob("out/*"), *tmp_path.glob("out.*")]:
        path.unlink()
    stop(after)
    with pytest.raises(KeyboardInterrupt):
        predict(name)
    folder = tmp_path / (name if name == "out" else f"{name}.parts")
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]
    wanted = {"_plan.json", ".locks", *(f"part-{i:05d}.parquet" for i in range(after))}
    assert {path.name for path in folder.iterdir()} == wanted, "no half file"
    stop(None)
    done, said = predict(name)
    assert done
    assert said[0] == f"{after} of 7 partitions were there already"
    assert content(folder if name == "out" else tmp_path) == undisturbed


def test_who_stops_it_is_told_what_is_kept(predict, stop, capsys):
    stop(2)
    with pytest.raises(KeyboardInterrupt):
        predict("out")
    assert capsys.readouterr().out.splitlines()[-1].startswith("2 of 7 partitions are kept")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError("no"), OSError(errno.ENOSPC, "No space left")])
def test_of_a_single_partition_that_fails_nothing_is_left(predict, stop, tmp_path, error):
    stop(0, error)
    with pytest.raises(BaseException):  # noqa: B017, PT011
        predict("out.fits", 100)
    assert not list(tmp_path.iterdir())


def test_the_note_on_what_is_outside_counts_all_partitions(predict, stop):
    stop(4)
    with pytest.raises(KeyboardInterrupt):
        predict("out")
    stop(None)
    done, said = predict("out")
    assert done
    assert said[-1].startswith("note: 4 of 100 objects lie outside the training range: 4 in b (50 to 50.")
    assert predict("out", 16)[1][-1] == said[-1]


def test_each_partition_is_told_but_one_alone_is_not(predict):
    assert predict("a", 40)[1][:3] == ["partition 1 of 3", "partition 2 of 3", "partition 3 of 3"]
    assert not [line for line in predict("b", 100)[1] if "partition" in line]


@pytest.mark.parametrize("name", ["out.parquet", "out.fits", "out.csv", "out.ecsv"])
def test_what_is_there_is_not_made_again_and_another_is(predict, stop, tmp_path, name):
    predict(name)
    before = content(tmp_path)
    stop(0)
    done, said = predict(name)
    assert done
    assert said == ["the catalogue was there already, made by the same network of the same objects"]
    assert content(tmp_path) == before
    stop(None)
    predict(name, model="n")
    assert content(tmp_path) != before
    assert not list(tmp_path.glob("*.parts"))


def test_another_checkpoint_in_the_same_folder_is_refused(predict, stop):
    stop(2)
    with pytest.raises(KeyboardInterrupt):
        predict("out")
    stop(None)
    with pytest.raises(UserError, match="of the network m, and this one is of the network n"):
        predict("out", model="n")
    assert predict("out")[0]


def test_while_others_work_the_catalogue_is_not_ended(predict, tmp_path):
    done, said = predict("out.fits", share="0/3")
    assert not done
    assert said[-1].startswith("3 of 7 partitions are done; other processes make the rest")
    assert not (tmp_path / "out.fits").exists()
    assert not predict("out.fits", share="2/3")[0]
    assert predict("out.fits", share="1/3")[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out.fits"]


def test_one_who_comes_between_joining_and_removing_leaves_it_so(predict, tmp_path, monkeypatch):
    """The file is renamed, its partitions are still being removed."""
    monkeypatch.setattr("starbolt.catalogue.partitions.rmtree", lambda *args, **options: None)
    predict("out.fits")
    monkeypatch.undo()
    assert len(list((tmp_path / "out.fits.parts").glob("part-*"))) == 7
    assert predict("out.fits")[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out.fits"]


def test_one_who_sees_the_folder_vanish_while_another_ends_is_content(predict, tmp_path, monkeypatch):
    def join_twice(parts, path):
        making_join(parts, path)  # the other process
        parts.remove()
        making_join(parts, path)

    making_join = making.join
    monkeypatch.setattr(making, "join", join_twice)
    assert predict("out.fits")[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out.fits"]


@pytest.mark.parametrize("ending", ["parquet", "fits", "csv", "ecsv"])
def test_two_who_join_at_once_without_locks_both_end_well(predict, tmp_path, monkeypatch, ending):
    def opened(parts, number):
        monkeypatch.undo()
        monkeypatch.setattr(writing.os, "getpid", lambda: 17)  # the other process, which is faster
        join(parts, tmp_path / f"out.{ending}")
        monkeypatch.undo()
        return parts.opened(number)

    predict(f"calm.{ending}")
    monkeypatch.setattr(making, "join", lambda *given: (monkeypatch.setattr(Parts, "opened", opened), join(*given)))
    assert predict(f"out.{ending}", share="0/1")[0]
    found = {path.name.replace("out", "calm"): path.read_bytes() for path in tmp_path.glob("out*") if path.is_file()}
    assert found == {path.name: path.read_bytes() for path in tmp_path.glob("calm*")}
    assert not list(tmp_path.glob(".*"))


def test_a_finished_folder_holds_partitions_and_plan_alone(predict, tmp_path):
    predict("out", 50)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "_plan.json",
        "part-00000.parquet",
        "part-00001.parquet",
    ]


def test_densities_on_a_grid(predict, tmp_path):
    grid = np.linspace(0, 1, 5, dtype=np.float32)
    for name in ("out.parquet", "out.fits"):
        predict(name, grid=grid)
    table = pq.read_table(tmp_path / "out.parquet")
    density = np.array(table["z_density"].to_pylist(), np.float32)
    assert density.shape == (100, 5)
    assert np.array_equal(Table.read(tmp_path / "out.fits")["z_density"], density)


def test_neither_labels_nor_parts_are_held(data):
    assert (data.y.strides[0], data.weight.strides) == (0, (0,))
    assert "ids" not in vars(data)
    assert not sum(len(rows) for rows in data.parts.values())


def test_the_plan_compares_what_was_made(predict, data, network, tmp_path):
    predict("out")
    plan = Plan.read(tmp_path / "out")
    assert plan == Plan("m", data.objects.fingerprint, 100, 16)
    assert replace(plan, objects=99) != plan
