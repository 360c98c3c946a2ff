"""A killed packing is taken up again: nothing finished is decoded twice, and the result is the same, bit for bit."""

import os
import signal
import subprocess
import sys
import time

import pytest

from starbolt.store import Store

PROGRAM = """
import os, sys, time
import numpy as np
import pyarrow as pa
from starbolt.archives import Archive, Sample
from starbolt.store import journal, pack

journal.SYNC = 0.0


class Mixed(Archive):
    channels = {"image": ("g", "r"), "series": ("b",)}

    def read(self):
        return pa.table({"row": np.arange(400)})

    def load(self, row):
        i = row["row"]
        if i == 300 and os.path.exists("slow"):
            time.sleep(60)
        with open("loads", "a") as log:
            log.write(f"{i}\\n")
        self.tally["rows that three divides"] += i % 3 == 0
        random = np.random.default_rng(i)
        n = i % 7
        series = Sample(random.normal(size=(1, n)).astype("f4"), np.ones((1, n), "f4"), time=random.uniform(size=n))
        return {"image": Sample(random.normal(size=(2, 8, 8)).astype("f4")), "series": series}


print(pack(Mixed(), cache=sys.argv[1], workers=int(sys.argv[2])).folder)
"""


def start(folder, cache, workers):
    (folder / "program.py").write_text(PROGRAM)
    return subprocess.Popen(
        [sys.executable, "program.py", cache, str(workers)], cwd=folder, stdout=subprocess.PIPE, text=True
    )


def loads(folder):
    return [int(line) for line in (folder / "loads").read_text().split()]


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    store = start(folder, "cache", 1).communicate()[0].strip()
    return {file.name: file.read_bytes() for file in (folder / store).iterdir()}


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_taken_up_again(tmp_path, undisturbed, workers):
    (tmp_path / "slow").touch()
    first = start(tmp_path, "cache", workers)
    journal = tmp_path / "cache" / "none"

    def rows_behind_the_slow_one_wait():
        nonlocal journal
        journal = next((tmp_path / "cache").glob(".*.part/journal"), journal)
        return journal.exists() and len(journal.read_text().splitlines()) == 6  # the head, rows 0 to 7, 4 times 64

    wait_for(rows_behind_the_slow_one_wait)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=10)  # its processes, too, let go of the pipe
    (tmp_path / "slow").unlink()
    decoded = len(loads(tmp_path))
    store = start(tmp_path, "cache", workers).communicate(timeout=30)[0].strip()
    assert {file.name: file.read_bytes() for file in (tmp_path / store).iterdir()} == undisturbed
    assert not set(loads(tmp_path)[decoded:]) & set(range(264)), "finished chunks are not decoded again"
    assert Store.open(tmp_path / store).notes == ("rows that three divides: 134",)
    assert [path.name for path in (tmp_path / "cache").glob(".*")] == []


def test_of_two_packers_one_packs_and_the_other_waits(tmp_path):
    both = [start(tmp_path, "cache", 1) for _ in range(2)]
    assert len({process.communicate(timeout=30)[0] for process in both}) == 1
    assert sorted(loads(tmp_path)) == list(range(400))


@pytest.mark.parametrize("damage", ["torn spool", "no pixels", "another format"])
def test_a_journal_that_does_not_fit_is_started_afresh(tmp_path, undisturbed, damage):
    (tmp_path / "slow").touch()
    first = start(tmp_path, "cache", 1)
    wait_for(lambda: os.path.exists(tmp_path / "loads") and 299 in loads(tmp_path))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    (tmp_path / "slow").unlink()
    (part,) = (tmp_path / "cache").glob(".*.part")
    if damage == "torn spool":
        os.truncate(next(part.glob("*.spool")), 10)
    elif damage == "no pixels":
        (part / "store" / "image.arrow").unlink()
    else:
        (part / "journal").write_text((part / "journal").read_text().replace('"format": ', '"format": 9', 1))
    decoded = len(loads(tmp_path))
    store = start(tmp_path, "cache", 1).communicate(timeout=30)[0].strip()
    assert {file.name: file.read_bytes() for file in (tmp_path / store).iterdir()} == undisturbed
    assert sorted(loads(tmp_path)[decoded:]) == list(range(400))
