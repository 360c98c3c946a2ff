"""Kernels in C, compiled once for each kind of machine by its own compiler; without one, callers do without them.

STARBOLT_NATIVE=0 does without them everywhere; $CC names the compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from starbolt.aside import aside
from starbolt.cache import default_cache

FLAGS = ("-O3", "-std=gnu11", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread", "-w")
MACHINES = (("-march=native",), ("-mcpu=native",), ())  # the first that the compiler knows: as fast as this machine can
PATIENCE = 120  # [s] for a compiler
KINDS = ("model name", "flags", "Features", "CPU implementer", "CPU part", "cpu")  # lines of /proc/cpuinfo

log = logging.getLogger(__name__)


def load(source: Path) -> ctypes.CDLL | None:
    """The library of one C file and the headers beside it; None where there is none to be had.

    It is kept in the cache of the user who compiled it, under the digest of all that it was made of and for.
    """
    if os.environ.get("STARBOLT_NATIVE") == "0" or sys.platform == "win32":
        return None
    try:
        compiler = _compiler()
        return ctypes.CDLL(str(_kept(source, compiler))) if compiler else None
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        log.debug("no kernel of %s: %s", source.name, error)
        return None


def _compiler() -> list[str] | None:
    names = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    return next((words for words in map(shlex.split, names) if words and shutil.which(words[0])), None)


def _kept(source: Path, compiler: list[str]) -> Path:
    """The compiled library; compiled now unless it is kept whole."""
    home = default_cache() / f"native-{os.getuid()}"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if home.stat().st_uid != os.getuid() or home.stat().st_mode & 0o022:
        raise OSError(f"others may write to {home}")  # and have their code run as ours
    name = f"{source.stem}-{_key(source, compiler)}"
    for path in home.glob(f"{name}-*.so"):
        if path.name == f"{name}-{_digest(path.read_bytes())}.so":  # half a library would crash whoever loads it
            return path
        path.unlink(missing_ok=True)
    made = _compiled(source, compiler)
    with aside(home / f"{name}-{_digest(made)}.so") as beside:
        beside.write_bytes(made)
    return home / f"{name}-{_digest(made)}.so"


def _compiled(source: Path, compiler: list[str]) -> bytes:
    with TemporaryDirectory() as folder:
        made = Path(folder) / "made.so"
        for machine in MACHINES:
            words = [*compiler, *FLAGS, *machine, "-o", str(made), str(source)]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
            if done.returncode == 0:
                return made.read_bytes()
        raise OSError(done.stderr.decode(errors="replace")[-500:])


def _key(source: Path, compiler: list[str]) -> str:
    """Digest of sources, compiler and machine: a home is shared by machines of which each has its own processor."""
    files = sorted([source, *source.parent.glob("*.h")])
    program = Path(shutil.which(compiler[0]) or "").resolve()
    stat = program.stat()
    facts = [compiler, FLAGS, MACHINES, str(program), stat.st_size, stat.st_mtime_ns, platform.machine(), _processor()]
    return _digest(repr([path.read_text() for path in files] + facts).encode())


def _processor() -> str:
    """What kind it is; the machine's name where that is not told."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.node()
    return repr([line for line in first if line.split(":")[0].strip() in KINDS])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
