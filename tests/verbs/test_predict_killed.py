"""predict as a process of its own, killed at random moments, alone or beside another: the bytes are the same."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest
from astropy.table import Table

OBJECTS = 200  # and as many partitions

pytestmark = pytest.mark.slow


@pytest.fixture
def start(trained, sky, tmp_path):
    """(output) -> a process that predicts the sky's catalogue, an object a partition."""
    words = [f"checkpoint={trained('mlp')}", f"data.path={sky['catalogue']}", "partition=1", "device=cpu"]
    program = "import sys; from starbolt.cli import main; main(sys.argv[1:])"
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    alone = os.environ | {"OMP_NUM_THREADS": "1"}

    def process(output):
        typed = [sys.executable, "-uc", program, "predict", *words, f"output={output}"]
        return subprocess.Popen(typed, cwd=tmp_path, env=alone, **said)

    return process


def ended(process):
    """What the process still said; it ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def killed(process, dice, most):
    """What the process said until it was killed, a moment after so many partitions were begun."""
    lines, begun = [], dice.randint(1, most)
    while begun and (line := process.stdout.readline()):
        lines.append(line)
        begun -= line.startswith("partition ")
    time.sleep(dice.uniform(0, 0.05))
    process.kill()
    return "".join(lines) + process.communicate()[0]


def made(told):
    """How often each partition was begun."""
    return Counter(line for line in told.splitlines() if line.startswith("partition "))


def content(path):
    """Bytes of the catalogue, a file or a folder of partitions and plan."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name.replace(path.name, ""): file.read_bytes() for file in files}


@pytest.fixture
def undisturbed(start, tmp_path):
    def catalogue(ending):
        assert len(made(ended(start(f"whole{ending}")))) == OBJECTS
        return content(tmp_path / f"whole{ending}")

    return catalogue


@pytest.mark.parametrize(("ending", "seed"), [("", 1), (".fits", 2)])
def test_killed_five_times_it_ends_with_the_same_bytes(start, undisturbed, tmp_path, ending, seed):
    wanted, dice, told = undisturbed(ending), random.Random(seed), ""
    for _ in range(5):
        told += killed(start(f"again{ending}"), dice, OBJECTS // 5)
    told += ended(start(f"again{ending}"))
    begun = made(told)
    assert len(begun) == OBJECTS
    assert begun.total() <= OBJECTS + 5, "at most one partition is repeated per kill"
    assert content(tmp_path / f"again{ending}") == wanted
    assert {path.name for path in tmp_path.iterdir()} == {f"whole{ending}", f"again{ending}"}


def test_two_share_the_work_while_one_of_them_is_killed(start, undisturbed, tmp_path):
    wanted, dice = undisturbed(".fits"), random.Random(4)
    one, other = start("again.fits"), start("again.fits")
    told = killed(one, dice, OBJECTS // 5) + ended(other)
    begun = made(told)
    assert len(begun) == OBJECTS
    assert begun.total() <= OBJECTS + 1
    assert content(tmp_path / "again.fits") == wanted
    assert len(Table.read(tmp_path / "again.fits")) == OBJECTS


def test_two_left_alone_repeat_nothing(start, undisturbed, tmp_path):
    wanted = undisturbed("")
    told = [ended(process) for process in [start("again"), start("again")]]
    assert made("".join(told)) == dict.fromkeys(made("".join(told)), 1)
    assert made("".join(told)).total() == OBJECTS
    assert content(tmp_path / "again") == wanted
