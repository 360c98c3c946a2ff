"""Two processes predict one catalogue and one is killed at a random moment: the bytes are those undisturbed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

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


def test_two_share_the_work_while_one_of_them_is_killed(start, tmp_path):
    assert len(made(ended(start("calm.fits")))) == OBJECTS
    one, other = start("again.fits"), start("again.fits")
    begun = made(killed(one, random.Random(4), OBJECTS // 5) + ended(other))
    assert len(begun) == OBJECTS
    assert begun.total() <= OBJECTS + 2, "one is written while the next is made"
    assert (tmp_path / "again.fits").read_bytes() == (tmp_path / "calm.fits").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.fits", "calm.fits"]
