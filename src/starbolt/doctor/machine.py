"""The machine: Python and packages, devices, processor, memory, compiler, disks, tracking, cluster."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from packaging.requirements import Requirement

from starbolt import login, native
from starbolt.compose import own_conf
from starbolt.doctor.finding import Check, Finding
from starbolt.launch.local import cores

OLDEST = (3, 11)  # Python
BAD = {  # package -> versions that must not be used, and why
    "lightning": (("2.6.2", "2.6.3"), "malicious uploads (GHSA-w37p-236h-pfx3)"),
    "pytorch-lightning": (("2.6.2", "2.6.3"), "malicious uploads (GHSA-w37p-236h-pfx3)"),
}
EXTRAS = {"h5py": "hdf5", "submitit": "slurm", "onnx": "onnx"}  # a package of each extra
TOLD = ("torch", "lightning", "hydra-core", "astropy", "pyarrow", "optuna", "wandb")
INSTALL = "https://pytorch.org/get-started/locally"
LITTLE = 2 << 30  # bytes of memory
CONTAINER = (  # where its limit, and what is used of it, stand
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
GRU = Path(__file__).parents[1] / "models" / "recurrence.c"


def python() -> Iterator[Finding]:
    """Its version, and starbolt's."""
    here = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        yield Finding("fault", "python", here, f"install Python {wanted} or newer, then starbolt in it")
    else:
        yield Finding("ok", "python", here)


def packages() -> Iterator[Finding]:
    """What starbolt needs, in versions that it runs with; what must not be used."""
    wrong = False
    for text in importlib.metadata.requires("starbolt") or ():
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = _version(wanted.name)
        if found is None or not wanted.specifier.contains(found, prereleases=True):
            wrong = True
            here = "is not installed" if found is None else f"{found} is too old or too new"
            yield Finding(
                "fault", "packages", f"{wanted.name} {here}", f"pip install '{wanted.name}{wanted.specifier}'"
            )
    for name, (versions, why) in BAD.items():
        if _version(name) in versions:
            wrong = True
            yield Finding("fault", "packages", f"{name} {_version(name)}: {why}", f"pip install --upgrade {name}")
    if not wrong:
        yield Finding("ok", "packages", ", ".join(f"{name} {_version(name)}" for name in TOLD))
    absent = [extra for package, extra in EXTRAS.items() if _version(package) is None]
    if absent:
        told = "; ".join(f"pip install 'starbolt[{extra}]'" for extra in absent)
        yield Finding("ok", "extras", f"not installed, and needed by none but {', '.join(absent)}: {told}")


def devices() -> Iterator[Finding]:
    """The GPUs that torch sees, with their memory; what keeps it from seeing those that are there."""
    if torch.cuda.is_available():
        yield from map(_gpu, range(torch.cuda.device_count()))
        return
    if torch.backends.mps.is_available():
        yield Finding("ok", "device", "Apple GPU (trainer=mps)")
        return
    there = driver()
    if there is None:
        yield Finding("ok", "device", "no GPU here: trainings run on the CPU")
    elif torch.version.cuda is None:
        told = f"{there}, but this torch ({torch.__version__}) was built without CUDA"
        yield Finding("fault", "device", told, f"reinstall torch and torchvision with CUDA: {INSTALL}")
    elif os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        yield Finding("warning", "device", f"{there}, hidden by CUDA_VISIBLE_DEVICES", "unset CUDA_VISIBLE_DEVICES")
    else:
        told = f"{there}, too old a driver for torch {torch.__version__} with CUDA {torch.version.cuda}"
        yield Finding("fault", "device", told, f"update it, or take a torch for an older CUDA: {INSTALL}")


def _gpu(number: int) -> Finding:
    about, (free, total) = torch.cuda.get_device_properties(number), torch.cuda.mem_get_info(number)
    told = f"cuda:{number} {about.name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free, CUDA {torch.version.cuda}"
    built = [int(found[1]) for name in torch.cuda.get_arch_list() if (found := re.fullmatch(r"sm_(\d+)[af]?", name))]
    if built and not any(each // 10 == about.major and each % 10 <= about.minor for each in built):
        told += f"; this torch has no kernels for it (sm_{about.major}{about.minor})"
        return Finding("fault", "device", told, f"take a torch that has: {INSTALL}")
    if free < total / 2:
        return Finding("warning", "device", f"{told}; others use it", "nvidia-smi tells who does")
    return Finding("ok", "device", told)


def driver() -> str | None:
    """What nvidia-smi tells of the first GPU and its driver; None where it is not there."""
    if not shutil.which("nvidia-smi"):
        return None
    told = _said(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"])
    return f"nvidia-smi shows {told.splitlines()[0]}" if told else None


def processor() -> Iterator[Finding]:
    """Cores, what else runs on them, memory."""
    mine, load = cores(), os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    told = f"{mine} of {os.cpu_count()} cores for this process, load {load:.1f}"
    if threads := os.environ.get("OMP_NUM_THREADS"):
        told += f", OMP_NUM_THREADS={threads}"
    if load > mine + 0.5 and not threads:
        yield Finding("warning", "processor", f"{told}: others compute here", "threads=1 in your commands")
    else:
        yield Finding("ok", "processor", told)
    total, free = memory()
    told = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free"
    state, mend = ("warning", "close other programs, or ask for more memory") if free < LITTLE else ("ok", "")
    yield Finding(state, "memory", told, mend)


def memory() -> tuple[int, int]:
    """Bytes that this process may have in all, and those that are free; a container's limit counts."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = page * os.sysconf("SC_PHYS_PAGES")
    facts = Path("/proc/meminfo")
    told = re.search(r"MemAvailable:\s+(\d+)", facts.read_text()) if facts.is_file() else None
    free = 1024 * int(told[1]) if told else total
    for names in CONTAINER:
        limit, now = (Path("/sys/fs/cgroup") / name for name in names)
        if limit.is_file() and limit.read_text().strip().isdigit() and int(limit.read_text()) < total:
            total = int(limit.read_text())
            free = min(free, total - int(now.read_text()))
    return total, free


def compiler() -> Iterator[Finding]:
    """Whether recurrent networks have their kernel on the CPU."""
    if native.load(GRU) is not None:
        yield Finding("ok", "compiler", "GRUs run by their own kernel on the CPU")
    elif os.environ.get("STARBOLT_NATIVE") == "0":
        yield Finding(
            "ok", "compiler", "STARBOLT_NATIVE=0: on the CPU GRUs run by torch's kernel, several times slower"
        )
    else:
        told = "no C compiler works here: GRUs run several times slower on the CPU"
        mend = "apt install gcc, conda install gcc or module load gcc; or name one: export CC=..."
        yield Finding("warning", "compiler", told, mend)


def tracking() -> Iterator[Finding]:
    """Whether logger=wandb would find a key and a server."""
    if login.logged_in():
        yield Finding("ok", "wandb", "logged in")
    elif os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        yield Finding("ok", "wandb", f"WANDB_MODE={os.environ['WANDB_MODE']}")
    else:
        told = "not logged in: logger=wandb writes its runs here, and starbolt sync uploads them later"
        yield Finding("ok", "wandb", f"{told}; {login.HOW}")


def cluster() -> Iterator[Finding]:
    """Whether jobs can be submitted, and to which partitions."""
    if not shutil.which("sbatch"):
        yield Finding("ok", "slurm", "no Slurm on this machine")
        return
    partitions = _said(["sinfo", "--noheader", "--format=%P %l %D"])
    if not partitions:
        yield Finding("warning", "slurm", "sbatch is here, but no controller answers", "scontrol ping tells why")
        return
    told = "; ".join("{} (limit {}, {} nodes)".format(*line.split()) for line in partitions.splitlines()[:6])
    yield Finding("ok", "slurm", told)
    if _version("submitit") is None:
        yield Finding("warning", "slurm", "launcher=slurm needs submitit", "pip install 'starbolt[slurm]'")


def configuration() -> Iterator[Finding]:
    """Which conf/ is read."""
    if folder := own_conf():
        yield Finding("ok", "conf", f"your own {folder} goes before starbolt's")


MACHINE: tuple[Check, ...] = (python, packages, devices, processor, compiler, tracking, cluster, configuration)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _said(command: list[str]) -> str:
    """What a program prints; nothing where it fails, or takes longer than ten seconds."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
