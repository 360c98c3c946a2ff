"""The life of a process that executes one trial: forked from a server that has imported torch and Lightning already."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUTPUT = "output.txt"


def live(folder: str, threads: int | None, slot: int) -> None:
    """Execute the run in a folder; what it prints goes to output.txt there. Leaves with the run's status."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()  # a group of its own: it can be ended with all that it starts, and Ctrl-C is the sweep's to hear
    output = os.open(Path(folder) / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from starbolt import run
    from starbolt.endurance.signals import Stopped
    from starbolt.messages import guarded

    _share(threads, slot if _devices(folder) == 1 else -1)
    with _as_program(folder), guarded():
        try:
            run.main(folder)
        except Stopped as stop:
            sys.exit(run.stopped(folder, stop))


@contextmanager
def _as_program(folder: str) -> Iterator[None]:
    """As `python -m starbolt.run FOLDER`: Lightning repeats that where it starts further ranks."""
    from starbolt import run

    sys.argv = [str(run.__file__), folder]
    sys.modules["__main__"] = run
    sys.path.insert(0, os.getcwd())
    yield


def _devices(folder: str) -> int:
    """How many devices a run is to use; 0 of one that takes all."""
    from omegaconf import OmegaConf

    devices = OmegaConf.select(OmegaConf.load(Path(folder) / "config.yaml"), "trainer.devices", default=1)
    return devices if isinstance(devices, int) else 0


def _share(threads: int | None, slot: int) -> None:
    """This trial's part of the machine: so many threads, and one of the GPUs in turn."""
    import torch

    if threads:
        torch.set_num_threads(threads)
        os.environ["OMP_NUM_THREADS"] = str(threads)
    if slot >= 0 and (count := torch.cuda.device_count()) > 1:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        names = seen.split(",") if seen else [str(i) for i in range(count)]
        os.environ["CUDA_VISIBLE_DEVICES"] = names[slot % len(names)]
