"""A sweep that is killed again and again ends with the trials, and the best value, of one that nobody disturbed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from starbolt.endurance import lease

pytestmark = pytest.mark.slow
TRIALS, KILLS = 20, 3
SPACE = ["optim.lr=tag(log,interval(1e-4,1e-1))", "model.width=choice(8,16,32)", "model.dropout=interval(0,0.3)"]


def start(cwd: Path, words: list[str], name: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "starbolt", "train", "-m", *words, *SPACE, f"sweep.name={name}"]
    with (cwd / f"{name}.out").open("a") as out:
        return subprocess.Popen(command, cwd=cwd, stdout=out, stderr=out)


def rows(folder: Path) -> list[dict]:
    return json.loads((folder / "trials.json").read_text())["trials"] if (folder / "trials.json").exists() else []


def kill_trials(folder: Path) -> None:
    """As where the whole machine dies: the trials that run are killed too."""
    for file in folder.glob(f"trial_*/{lease.ALIVE}"):
        with suppress(OSError, ValueError):
            os.kill(int(file.read_text().split()[1]), signal.SIGKILL)


def test_three_kills_lose_and_repeat_no_trial(words, tmp_path):
    plain = [*words("mlp"), "sweep=optuna", f"sweep.trials={TRIALS}", "sweep.startup=5", "trainer.max_epochs=8"]
    assert start(tmp_path, plain, "whole").wait(timeout=600) == 0
    chance = random.Random(os.environ.get("STARBOLT_KILLS", 0))
    cut = tmp_path / "sweeps" / "cut"
    for i in range(KILLS):
        child, ended = start(tmp_path, plain, "cut"), len([r for r in rows(cut) if r["value"] is not None])
        until = time.monotonic() + 120
        while time.monotonic() < until and child.poll() is None and len(rows(cut)) < ended + chance.randint(3, 5):
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 2))
        assert child.poll() is None, "it ended before it was killed often enough"
        child.kill()
        child.wait()
        if i % 2:
            kill_trials(cut)
    assert start(tmp_path, plain, "cut").wait(timeout=600) == 0, (tmp_path / "cut.out").read_text()
    whole = tmp_path / "sweeps" / "whole"
    assert [row["state"] for row in rows(cut)] == ["finished"] * TRIALS
    assert [(row["params"], row["value"]) for row in rows(cut)] == [(r["params"], r["value"]) for r in rows(whole)]
    best = [json.loads((folder / "trials.json").read_text())["best"] for folder in (whole, cut)]
    assert best[0] == best[1]


def test_ctrl_c_writes_the_checkpoint_of_the_trial_at_hand_and_the_same_command_goes_on(words, tmp_path):
    long = [*words("mlp"), "trainer.max_epochs=100000", "callbacks.patience.patience=100000", "seed=0,1"]
    command = [sys.executable, "-m", "starbolt", "train", "-m", *long, "sweep.name=long"]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    folder, until = tmp_path / "sweeps" / "long" / "seed=0", time.monotonic() + 120
    while time.monotonic() < until and not (folder / "history.csv").exists():
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "stopped; the same command goes on" in err
    assert "Traceback" not in err
    assert json.loads((folder / "state.json").read_text())["state"] == "stopped"
    assert (folder / "checkpoints" / "last.ckpt").is_file()
    assert [row["state"] for row in rows(folder.parent)] == ["running", "waiting"]


def test_two_sweepers_share_one_study(words, tmp_path):
    """As from two machines: no trial is run twice, and both leave when all have ended."""
    plain = [*words("mlp"), "trainer.max_epochs=30", "seed=range(6)", "report=false", "sweep.name=shared"]
    command = [sys.executable, "-m", "starbolt", "train", "-m", *plain]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [child.communicate(timeout=300)[0] for child in both]
    assert [child.returncode for child in both] == [0, 0]
    started = [
        line for out in said for line in out.splitlines() if line.endswith(tuple(f": seed={i}" for i in range(6)))
    ]
    assert len(started) == len(set(started)) == 6
    assert [row["state"] for row in rows(tmp_path / "sweeps" / "shared")] == ["finished"] * 6
