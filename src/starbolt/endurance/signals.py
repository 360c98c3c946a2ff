"""The one owner of signals: a run that is asked to stop does so in good order, and is asked by Ctrl-C or by a cluster.

While it trains a run only notes that it was asked; `keeping.Last` writes a checkpoint at the end of the step and raises
Stopped. At any other time (it reads, packs, scores) there is nothing to keep that is not kept, and it stops at once.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

CLUSTER = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)  # a scheduler's, and a terminal's that closes
INTERRUPTED = 130  # status of a run that Ctrl-C stopped
TAKEN = 75  # status of a run that its machine was taken from: EX_TEMPFAIL of sysexits.h, try again

_asked: list[int] = []
_training: list[bool] = []


class Stopped(BaseException):
    """A run was asked to stop, and all that it needs to go on is written. Not an Exception: none may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that tells who asked."""
        return INTERRUPTED if self.number == signal.SIGINT else TAKEN


@contextmanager
def owned() -> Iterator[None]:
    """From here on the signals of a cluster stop this process in good order; they did what they did, afterwards."""
    before = _take(CLUSTER)
    try:
        yield
    finally:
        _give_back(before)


@contextmanager
def training() -> Iterator[None]:
    """The signals, Ctrl-C among them, are noted and nothing else; a second Ctrl-C stops at once."""
    before = _take((signal.SIGINT, *CLUSTER))
    _training.append(True)
    try:
        yield
    finally:
        _training.clear()
        _asked.clear()
        _give_back(before)


def take_back() -> None:
    """Own the signals again, after Lightning took some as it began to fit."""
    if _training:
        _take((signal.SIGINT, *CLUSTER))


def deaf() -> None:
    """From here on signals change nothing: the run has stopped, and only hands itself back."""
    for number in (signal.SIGINT, *CLUSTER):
        signal.signal(number, signal.SIG_IGN)


def asked() -> int:
    """The number of the signal that asked to stop; 0 of none."""
    return _asked[0] if _asked else 0


def _take(numbers: tuple[signal.Signals, ...]) -> dict[int, Any]:
    if threading.current_thread() is not threading.main_thread():  # Python hears signals in that one alone
        return {}
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]  # nohup means it
    return {number: signal.signal(number, _heard) for number in heard}


def _give_back(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _heard(number: int, frame: FrameType | None) -> None:
    if not _training:
        raise Stopped(number)
    if number == signal.SIGINT and signal.SIGINT in _asked:
        raise KeyboardInterrupt
    if number == signal.SIGINT:
        print("\nstopping after this step; Ctrl-C again stops at once", file=sys.stderr, flush=True)
    if number not in _asked:
        _asked.append(number)
