"""`starbolt sync`: upload what runs logged offline to Weights & Biases, in the order in which it was logged."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from starbolt.compose import UserError
from starbolt.endurance import lease
from starbolt.login import HOW, hosts, logged_in, reachable
from starbolt.messages import say
from starbolt.verbs.runs import HOMES, run_folders

NONE = "no run below {} was tracked offline; logger=wandb does so where there is no login"
NO_LOGIN = "no login to wandb was found; {}"
NO_SERVER = "{} cannot be reached from here; sync on a machine with internet that sees the same folders"


def main(words: list[str]) -> None:
    """Upload the offline segments of the runs named, or below ./runs and ./sweeps; status 1 where one failed."""
    homes = [Path(word) for word in words] or [Path(home) for home in HOMES]
    for home in homes:
        if words and not home.is_dir():
            raise UserError(f"there is no folder {home}; name a run folder, or one that runs lie below")
    found = {folder: logged for home in homes for folder in run_folders(home) if (logged := segments(folder))}
    if not found:
        say(NONE.format(", ".join(map(str, homes))))
        return
    if not all(synced(segment) for logged in found.values() for segment in logged):
        refuse_without_server()
    told = {folder: upload(folder, found[folder]) for folder in sorted(found, key=lambda run: stamp(found[run][0]))}
    if failed := [folder for folder, error in told.items() if error]:
        say(f"{len(failed)} of {len(told)} runs failed; starbolt sync tries them again")
        sys.exit(1)


def segments(folder: Path) -> list[Path]:
    """The .wandb files of a run, one for each time that it was started, in order of start."""
    return sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=stamp)


def stamp(segment: Path) -> str:
    """Date and time in the name of a segment's folder, offline-run-DATE_TIME-ID."""
    return segment.parent.name.split("-")[2]


def synced(segment: Path) -> bool:
    """Whether wandb has put its mark beside an uploaded segment."""
    return segment.with_name(f"{segment.name}.synced").exists()


def refuse_without_server() -> None:
    """UserError where nothing can be uploaded from here; wandb would ask for a key, or try for hours."""
    if not logged_in():
        raise UserError(NO_LOGIN.format(HOW))
    if not reachable():
        raise UserError(NO_SERVER.format(hosts()[0]))


def upload(folder: Path, logged: Sequence[Path]) -> bool:
    """Upload a run's segments that are not yet, one after the other, until one fails, which is told; a line per run."""
    left = [segment for segment in logged if not synced(segment)]
    if left and (who := lease.holder(folder)):
        say(f"{folder}: left for later, it is being trained ({who})")
        return False
    for done, segment in enumerate(left):
        if error := upload_segment(folder, segment, later=segment != logged[0]):
            say(f"{folder}: failed at segment {len(logged) - len(left) + done + 1} of {len(logged)}: {error}")
            return True
    say(f"{folder}: {f'uploaded {_counted(left)}' if left else 'uploaded already'}")
    return False


def upload_segment(folder: Path, segment: Path, *, later: bool) -> str:
    """What wandb said where it failed, else nothing. It writes its own logs into the folder it works in: the run's."""
    command = [*program(), "sync", str(segment.parent.relative_to(folder))]
    if later and _appends():
        command.append("--append")
    done = subprocess.run(
        command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode == 0 and synced(segment):  # its status is 0 also where it failed
        return ""
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    errors = [line for line in lines if re.search("error|fail", line, re.IGNORECASE)]
    return (errors or lines or [f"wandb sync ended with status {done.returncode}"])[-1][:300]


def program() -> list[str]:
    """The wandb command: that of the path, else the one of this Python."""
    found = shutil.which("wandb")
    return [os.path.abspath(found)] if found else [sys.executable, "-m", "wandb"]


def _appends() -> bool:
    """Whether this wandb must be told that a segment goes on with a run; those of 2026 see it from the log."""
    told = subprocess.run([*program(), "sync", "--help"], capture_output=True, text=True, check=False)
    return "--append" in told.stdout


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("WANDB_MODE", "WANDB_SILENT")}


def _counted(segments: Sequence[Path]) -> str:
    return f"{len(segments)} segment{'s' * (len(segments) > 1)}"
