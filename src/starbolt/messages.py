"""How starbolt speaks: lines to the terminal and the log, a progress bar, and one sentence for a mistake."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

LIGHTNINGS = "MisconfigurationException"  # Lightning's own for a Trainer that cannot be, by name: it loads slowly
FULL = "OutOfMemoryError"  # torch's, of a device, by name: it loads slowly

LOGGERS = ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero")

_log: list[Path] = []


def talk(log: Path) -> None:
    """From now on, what is said goes to this log file too."""
    _log[:] = [log]


def say(line: str) -> None:
    """A line for the user, on standard output and in the log."""
    print(line, flush=True)
    _write(line)


def screen() -> TextIO | None:
    """Where progress is drawn: the error stream of a terminal, the output of a notebook; None in pipes and logs."""
    if sys.stderr.isatty():
        return sys.stderr
    return sys.stdout if "ipykernel" in sys.modules else None


def bar(what: str) -> Callable[[int, int], None]:
    """A progress bar with rate and time left: call it with the number done and the number in all. Silent in pipes."""
    file = screen()
    if file is None:
        return lambda done, total: None
    bars: list[Any] = []

    def update(done: int, total: int) -> None:
        from tqdm import tqdm

        if not bars:
            bars.append(tqdm(desc=what, total=total, initial=done, file=file, dynamic_ncols=True, unit_scale=True))
        bars[0].update(done - bars[0].n)
        if done >= total:
            bars.pop().close()

    return update


def quiet() -> None:
    """Hold back what Lightning says at every start, and the warnings that do not concern our users."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "The `srun` command is available on your system but is not used")
    warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")
    warnings.filterwarnings(
        "ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated"
    )  # Lightning 2.6 on torch 2.15
    warnings.filterwarnings("ignore", r"`ModelCheckpoint\(monitor=.* could not find")  # `Monitored` tells it better
    warnings.filterwarnings("ignore", "GPU available but not used")
    warnings.filterwarnings(
        "ignore", r"It is recommended to use `self\.log\(.*sync_dist=True\)`"
    )  # they are those of all
    warnings.filterwarnings("ignore", r"Found \d+ module\(s\) in eval mode")  # model.freeze=true


@contextmanager
def hushed() -> Iterator[None]:
    """`quiet` for a while, and without any of Lightning's own warnings."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    try:
        with warnings.catch_warnings():
            quiet()
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def guarded() -> Iterator[None]:
    """A mistake is told in one sentence, and leaves with status 1; its traceback goes to the log.

    $STARBOLT_TRACEBACK=1 shows the traceback in the terminal.
    """
    from starbolt.compose import UserError
    from starbolt.pages import page_of

    try:
        yield
    except KeyboardInterrupt:
        print("stopped at once", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        told = isinstance(error, UserError | ValueError | OSError | ModuleNotFoundError | MemoryError)
        told = told or type(error).__name__ in (LIGHTNINGS, FULL)
        if not told or os.environ.get("STARBOLT_TRACEBACK"):
            raise
        with suppress(OSError):  # the disk may be full, or the folder may not be there
            _write(traceback.format_exc())
        print(f"starbolt: {sentence(error)}\nmore: {page_of(error)}", file=sys.stderr)
        sys.exit(1)


def sentence(error: BaseException) -> str:
    """What went wrong and the way out, for a user."""
    if "hydra" in type(error).__module__ and error.__cause__ is not None:
        error = error.__cause__
    if getattr(error, "errno", None) == errno.ENOSPC:
        return f"no space left on the disk{f' of {error.filename}' if error.filename else ''}; make room, then go on"  # type: ignore[attr-defined]
    if isinstance(error, MemoryError) or type(error).__name__ == FULL:
        first = str(error).strip().split("\n")[0][:120]
        return f"the memory does not suffice ({first}); try a smaller data.batch_size= or a smaller network"
    return str(error).strip() or type(error).__name__


def _write(line: str) -> None:
    for log in _log:
        with suppress(OSError), log.open("a") as file:  # a full disk must not hide what there was to say
            file.write(line + "\n")
