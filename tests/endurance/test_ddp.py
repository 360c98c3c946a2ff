"""Several processes on one machine are one: the same steps, each object scored once, stopped and continued together."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from starbolt.checkpoints import read_checkpoint
from starbolt.compose import compose, write_config

pytestmark = pytest.mark.slow
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
PLAIN = {  # no dropout, no batch norm, no augmentation: what is left must be equal
    "mlp": ["model.norm=false"],
    "gru": ["model.dropout=0"],
}


def run(folder: Path, overrides: list[str]) -> Path:
    written = write_config(compose([*overrides, f"run={folder}"]))
    done = subprocess.run([sys.executable, "-m", "starbolt.run", str(written)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return written


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("model", ["mlp", "gru"])
def test_two_processes_are_one_with_twice_the_batch(words, tmp_path, model):
    plain = [*words(model), *PLAIN[model], "trainer.max_epochs=3", "report=false"]
    alone = run(tmp_path / "alone", [*plain, "data.batch_size=26"])
    two = run(tmp_path / "two", [*plain, *TWO, "data.batch_size=13"])
    states = [read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"] for folder in (alone, two)]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-5, atol=1e-5, msg=name)
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (alone, two)]
    assert metrics[1] == pytest.approx(metrics[0], rel=1e-4, abs=1e-5)
    for one, other in zip(history(alone), history(two), strict=True):
        assert float(other["val/loss"]) == pytest.approx(float(one["val/loss"]), abs=1e-5)
        assert float(other["train/loss"]) == pytest.approx(float(one["train/loss"]), rel=0.02)
    table = pq.read_table(two / "predictions.parquet").to_pylist()
    assert len({(row["part"], row["id"]) for row in table}) == len(table)
    sizes = json.loads((two / "spec.json").read_text())["sizes"]
    assert [sum(row["part"] == part for row in table) for part in ("val", "test")] == [sizes["val"], sizes["test"]]


def test_two_processes_stop_after_the_same_step_and_go_on_bit_for_bit(words, tmp_path):
    """One of them hears the signal; dropout draws on, differently in each."""
    plain = [*words("mlp"), *TWO, "data.batch_size=4", "model.dropout=0.2", "trainer.max_epochs=12", "report=false"]
    whole = run(tmp_path / "whole", plain)
    cut = write_config(compose([*plain, f"run={tmp_path / 'cut'}"]))
    command = [sys.executable, "-m", "starbolt.run", str(cut)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until = time.monotonic() + 120
    while child.poll() is None and time.monotonic() < until and not (cut / "history.csv").exists():
        time.sleep(0.02)
    child.send_signal(signal.SIGUSR1)
    out, _ = child.communicate(timeout=120)
    assert child.returncode == 75, out
    assert f"go on with: starbolt train run={cut}" in out
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    states = [read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"] for folder in (whole, cut)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert [row["val/loss"] for row in history(whole)] == [row["val/loss"] for row in history(cut)]
