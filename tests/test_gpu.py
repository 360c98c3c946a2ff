"""On a GPU: the same program, and what only a GPU can show. Run by make test-gpu where there is one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from starbolt.checkpoints import read_checkpoint
from starbolt.compose import compose, write_config

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]


def run(folder: Path, overrides: list[str], *, status: int = 0) -> Path:
    plain = [word for word in overrides if not word.startswith("trainer=")]
    written = write_config(compose([*plain, f"run={folder}"])) if not folder.exists() else folder
    done = subprocess.run([sys.executable, "-m", "starbolt.run", str(written)], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return written


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_the_three_networks_train_on_one_gpu(words, tmp_path, model, precision):
    more = ["split.cal=0.4", f"compile={str(model == 'cnn').lower()}"]  # so that there is something to calibrate by
    folder = run(tmp_path / "run", [*words(model), *more, "trainer.accelerator=gpu", f"trainer.precision={precision}"])
    assert all(value == value for value in json.loads((folder / "metrics.json").read_text()).values())
    catalogues = [tmp_path / f"{device}.parquet" for device in ("cpu", "cuda", "cuda:0")]
    for path in catalogues:
        command = [sys.executable, "-m", "starbolt", "predict", f"checkpoint={folder}", f"output={path}"]
        done = subprocess.run([*command, f"device={path.stem}"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    cpu, cuda, first = (pq.read_table(path) for path in catalogues)
    assert cuda.equals(first)
    name = next(n for n in cpu.column_names if n.startswith("prob_") or n.endswith("_err"))
    np.testing.assert_allclose(cuda[name].to_numpy(), cpu[name].to_numpy(), rtol=2e-2, atol=1e-3)


def test_a_stopped_run_goes_on_with_the_draws_of_the_device(words, tmp_path):
    """Dropout draws from the GPU's own generator; its kernels may round differently from run to run."""
    (tmp_path / "stop.py").write_text(
        "import signal\nfrom lightning.pytorch import Callback\n\n\nclass Stop(Callback):\n"
        "    def __init__(self, step):\n        self.step = step\n\n"
        "    def on_train_batch_start(self, trainer, *_):\n"
        "        if trainer.global_step == self.step:\n            self.step = -1\n"
        f"            signal.raise_signal({int(signal.SIGUSR1)})\n"
    )
    plain = [*words("mlp"), "trainer.accelerator=gpu", "model.dropout=0.2", "data.batch_size=16", "report=false"]
    stop = ["+callbacks.stop._target_=stop.Stop"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder, step, status in ((whole, -1, 0), (cut, 5, 75)):
        written = write_config(compose([*_others(plain), *stop, f"+callbacks.stop.step={step}", f"run={folder}"]))
        command = [sys.executable, "-m", "starbolt.run", str(written)]
        assert subprocess.run(command, cwd=tmp_path, check=False).returncode == status
    config = (cut / "config.yaml").read_text().replace("step: 5", "step: -1")
    (cut / "config.yaml").write_text(config)
    assert subprocess.run([sys.executable, "-m", "starbolt.run", str(cut)], cwd=tmp_path, check=False).returncode == 0
    states = [read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"] for folder in (whole, cut)]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="it takes two GPUs")
def test_two_gpus_are_one_with_twice_the_batch(words, tmp_path):
    plain = [*words("mlp"), "model.norm=false", "trainer.max_epochs=3", "report=false", "trainer.accelerator=gpu"]
    alone = run(tmp_path / "alone", [*plain, "data.batch_size=26"])
    two = run(tmp_path / "two", [*plain, "data.batch_size=13", "trainer.devices=2", "trainer.strategy=ddp"])
    states = [read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"] for folder in (alone, two)]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-4, msg=name)


def _others(words: list[str]) -> list[str]:
    return [word for word in words if not word.startswith("trainer=")]
