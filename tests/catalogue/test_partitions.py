"""Killed at any point and started again, a catalogue is the same, and at most two partitions a kill are made twice."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from starbolt.catalogue.partitions import Parts, work
from starbolt.catalogue.plan import Plan
from starbolt.catalogue.sharing import Locks, Share
from starbolt.catalogue.writing import described
from starbolt.compose import UserError

PROGRAM = """
import os, sys, time
from pathlib import Path
import pyarrow as pa
from starbolt.catalogue.partitions import Parts, work
from starbolt.catalogue.plan import Plan
from starbolt.catalogue.sharing import sharing
from starbolt.catalogue.writing import described

os.fsync = lambda file: None  # a busy disk may take seconds
plan = Plan("m", "d", 4000, 100)
parts = Parts(Path("parts"), plan)
Path(f"ready.{os.getpid()}").touch()
while Path("wait").exists():
    time.sleep(0.01)
parts.begin()

def make(number):
    print(number, flush=True)
    time.sleep(float(sys.argv[1]))
    return lambda: described(pa.table({"row": plan.rows(number)}), {}, plan.metadata)

work(parts, sharing(sys.argv[2] if len(sys.argv) > 2 else None, Path("parts/.locks")), make)
"""


def start(folder, seconds, *share):
    program = folder / "program.py"
    if not program.exists():  # written anew it could be read half-written by the process before
        program.write_text(PROGRAM)
    words = [sys.executable, "program.py", str(seconds), *share]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.glob("parts/*") if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    numbers = start(folder, 0).communicate()[0].split()
    assert numbers == [str(i) for i in range(40)]
    return content(folder)


def test_killed_again_and_again_it_ends_with_the_same_bytes(tmp_path, undisturbed):
    dice, told, kills, ended = random.Random(0), "", 0, False
    while not ended:
        process = start(tmp_path, 0.01)
        lines = [process.stdout.readline() for _ in range(dice.randint(1, 12))]
        time.sleep(dice.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        told += "".join(lines) + process.communicate()[0]
        kills, ended = kills + 1, lines[-1] == ""
    told += start(tmp_path, 0).communicate()[0]
    assert kills > 3
    assert set(told.split()) == {str(number) for number in range(40)}
    assert len(told.split()) <= 40 + 2 * kills, "one is written while the next is made"
    assert content(tmp_path) == undisturbed


@pytest.mark.parametrize("shares", [((), (), ()), (("0/3",), ("1/3",), ("2/3",))], ids=["locks", "shares"])
def test_several_at_once_share_the_work_and_none_is_done_twice(tmp_path, undisturbed, shares):
    (tmp_path / "wait").touch()
    processes = [start(tmp_path, 0.05, *share) for share in shares]
    while len(list(tmp_path.glob("ready.*"))) < len(processes) and all(p.poll() is None for p in processes):
        time.sleep(0.01)
    (tmp_path / "wait").unlink()  # all at once: a busy machine may take long to start one
    made = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sorted(int(number) for numbers in made for number in numbers) == list(range(40))
    assert all(len(numbers) > 3 for numbers in made)
    assert content(tmp_path) == undisturbed


def test_a_share_leaves_the_others_alone(tmp_path, undisturbed):
    assert start(tmp_path, 0, "1/3").communicate()[0].split() == [str(i) for i in range(1, 40, 3)]
    assert start(tmp_path, 0).communicate()[0].split() == [str(i) for i in range(40) if i % 3 != 1]
    assert content(tmp_path) == undisturbed


def written(parts, number):
    parts.write(number, described(pa.table({"row": parts.plan.rows(number)}), {}, parts.plan.metadata))


@pytest.fixture
def begun(tmp_path):
    parts = Parts(tmp_path / "parts", Plan("m", "d", 10, 4))
    assert parts.begin() == 0
    written(parts, 1)
    return parts


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": "n"}, "of the network m, and this one is of the network n"),
        ({"data": "e"}, "of the data d, and this one is of the data e"),
        ({"partition": 5}, "in partitions of 4 objects, and this one is in partitions of 5 objects"),
        ({"words": {"grid": "[0,1,2]"}}, "and this one is with grid=\\[0,1,2\\]"),
    ],
)
def test_another_catalogue_in_the_same_folder_is_refused(begun, change, sentence):
    other = Parts(begun.folder, replace(begun.plan, **change))
    with pytest.raises(UserError, match=f"{sentence}; .*delete .*parts, or name another output="):
        other.begin()
    assert begun.begin() == 1


def test_a_plan_of_which_nothing_is_there_gives_way_and_who_worked_on_it_is_told(tmp_path):
    first, second = (Parts(tmp_path / "parts", Plan(model, "d", 10, 4)) for model in "ab")
    first.begin()
    assert second.begin() == 0
    with pytest.raises(UserError, match="another process has begun another catalogue"):
        written(first, 0)
    written(second, 0)


def test_those_who_join_say_what_the_first_one_said(begun):
    other = Parts(begun.folder, replace(begun.plan, about={"checkpoint": "elsewhere"}))
    assert other.begin() == 1
    assert other.plan.about == begun.plan.about


def test_parquet_files_of_somebody_else_are_left_alone(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "cat.parquet")
    with pytest.raises(UserError, match="no catalogue begun here"):
        Parts(tmp_path, Plan("m", "d", 10, 4)).begin()
    assert [path.name for path in tmp_path.iterdir()] == ["cat.parquet"]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "foreign", "gone"])
def test_a_partition_that_cannot_be_read_is_told_with_its_name(begun, damage):
    written(begun, 0)
    written(begun, 2)
    path = begun.file(1)
    if damage == "cut":
        os.truncate(path, path.stat().st_size - 9)
    elif damage == "foreign":
        pq.write_table(pa.table({"row": [1]}), path)
    elif damage == "gone":
        path.unlink()
    else:
        path.write_text("" if damage == "empty" else "not Parquet")
    with pytest.raises(UserError, match=r"part-00001.parquet (cannot be read|belongs to another).*say the same again"):
        list(begun.tables())


def test_what_a_killed_process_wrote_is_removed_by_who_makes_the_partition(begun):
    half = begun.folder / f".{begun.file(0).name}.host.17.parquet"
    half.write_text("half")
    table = described(pa.table({"a": [1]}), {}, begun.plan.metadata)
    work(begun, Locks(begun.folder / ".locks"), lambda number: lambda: table)
    assert not half.exists()
    assert begun.done() == [0, 1, 2]


@pytest.mark.parametrize("claims", ["locks", "share"])
def test_the_next_is_made_while_one_is_written_and_each_is_this_process_s_own_until_then(tmp_path, claims):
    parts = Parts(tmp_path / "parts", Plan("m", "d", 10, 4))
    parts.begin()
    claims = Locks(parts.folder / ".locks") if claims == "locks" else Share(0, 1)
    begun, seen = [threading.Event() for _ in range(3)], []

    def make(number):
        begun[number].set()

        def table():
            assert number == 2 or begun[number + 1].wait(60), "the next is not begun before this one is written"
            with claims.held(str(number)) as free:
                seen.append((number, free))
            return described(pa.table({"row": parts.plan.rows(number)}), {}, parts.plan.metadata)

        return table

    work(parts, claims, make)
    assert seen == [(number, isinstance(claims, Share)) for number in range(3)], "once, in order"
    assert pa.concat_tables(parts.tables())["row"].to_pylist() == list(range(10))
    with claims.held("0") as free:
        assert free


@pytest.mark.parametrize("number", range(3))
def test_an_error_while_one_is_written_comes_out_and_the_others_are_kept(tmp_path, number):
    parts = Parts(tmp_path / "parts", Plan("m", "d", 10, 4))
    parts.begin()

    def make(n):
        def table():
            if n == number:
                raise OSError("no space left")
            return described(pa.table({"row": parts.plan.rows(n)}), {}, parts.plan.metadata)

        return table

    with pytest.raises(OSError, match="no space left"):
        work(parts, Locks(parts.folder / ".locks"), make)
    assert parts.done() == list(range(number))
    assert not list(parts.folder.glob(".part*"))
    with Locks(parts.folder / ".locks").held(str(number)) as free:
        assert free


def test_who_comes_when_all_is_joined_and_removed_makes_nothing(begun):
    begun.remove()
    work(begun, Share(0, 1), lambda number: pytest.fail("it was there already"))
    assert not begun.folder.exists()


def test_names_stay_in_order_however_many(tmp_path):
    parts = Parts(tmp_path, Plan("m", "d", 200_001, 1))
    names = [parts.file(number).name for number in (0, 99_999, 100_000, 200_000)]
    assert names == sorted(names)
    assert len(set(names)) == 4
    assert np.array_equal(parts.plan.rows(200_000), [200_000])
