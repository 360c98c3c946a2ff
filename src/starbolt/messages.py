"""How starbolt speaks: lines to the terminal and the log, a progress bar, and one sentence for a mistake."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

LIGHTNINGS = "MisconfigurationException"  # Lightning's own for a Trainer that cannot be, by name: it loads slowly
FULL = "OutOfMemoryError"  # torch's, of a device, by name: it loads slowly

_log: list[Path] = []


def talk(log: Path) -> None:
    """From now on, what is said goes to this log file too."""
    _log[:] = [log]


def say(line: str) -> None:
    """A line for the user, on standard output and in the log."""
    print(line, flush=True)
    _write(line)


def bar(what: str) -> Callable[[int, int], None]:
    """A progress bar with rate and time left: call it with the number done and the number in all. Silent in pipes."""
    if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
        return lambda done, total: None
    state: dict[str, Any] = {}

    def update(done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if "bar" not in state:
            rate = TextColumn("{task.fields[rate]}")
            columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
            state["bar"] = Progress(*columns, console=Console(stderr=True))
            state["bar"].start()
            state["task"] = state["bar"].add_task(what, total=total, rate="")
        speed = state["bar"].tasks[0].speed
        state["bar"].update(state["task"], completed=done, rate=f"{speed:.0f}/s" if speed else "")
        if done >= total:
            state.pop("bar").stop()

    return update


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
