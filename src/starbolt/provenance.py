"""Where a result came from: command, code, packages, data, split, seed and hardware."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

import starbolt
from starbolt.learner import Learner

PACKAGES = (
    "torch",
    "lightning",
    "hydra-core",
    "torchvision",
    "torchmetrics",
    "astropy",
    "pyarrow",
    "numpy",
    "scikit-learn",
)


def of_run(cfg: DictConfig, learner: Learner, began: float) -> dict[str, Any]:
    """Plain values for provenance.json; `began` is the start of the run [s since 1970]."""
    return {
        "command": command(Path(cfg.run)),
        "started": datetime.datetime.fromtimestamp(began, datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - began, 1),
        **here(),
        "seed": cfg.seed,
        "data": learner.spec.data,
        "split": learner.spec.split,
        "parameters": sum(p.numel() for p in learner.parameters()),
    }


def here() -> dict[str, Any]:
    """What a result depends on besides its configuration and data: code, packages and machine, as they are now.

    directory: where relative paths begin. source: fingerprint of starbolt's own code, in or outside a repository.
    changes: fingerprint of what differs from the commit of the current directory; None where nothing does.
    """
    return {
        "directory": os.getcwd(),
        "starbolt": starbolt.__version__,
        "source": source(),
        "git": git_commit(),
        "changes": git_changes(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "hardware": hardware(),
        "processor": processor(),
    }


def command(run: Path) -> str:
    """The command lines that made a run, one after the other; without a record, the one that goes on with it."""
    record = run / "command.txt"
    return record.read_text().strip() if record.is_file() else f"starbolt train run={run}"


def git_commit() -> str | None:
    """Commit of the current directory, with "+changes" where it is not clean; None outside a repository."""
    if shutil.which("git") is None:
        return None
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if commit.returncode:
        return None
    changes = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
    return commit.stdout.strip() + ("+changes" if changes.stdout.strip() else "")


def git_changes() -> str | None:
    """Fingerprint of the changes to files that git knows; None where there are none, or no repository."""
    if shutil.which("git") is None:
        return None
    changes = subprocess.run(["git", "diff", "HEAD", "--binary"], capture_output=True, check=False).stdout
    return hashlib.sha256(changes).hexdigest()[:16] if changes else None


def source() -> str:
    """Fingerprint of the Python files that starbolt is made of."""
    root, digest = Path(starbolt.__file__).parent, hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def processor() -> str:
    """Model of the processor and the instructions that torch uses of it: other ones round otherwise."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"


def hardware() -> str:
    """Processor, cores, threads and devices, in words."""
    words = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    for device in range(torch.cuda.device_count()):
        words += f", {torch.cuda.get_device_name(device)}"
    return words
