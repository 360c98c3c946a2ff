"""Work done behind: one piece is brought to its end in the background while the next is begun."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from types import TracebackType


class Behind:
    """A background thread with one piece of work at a time; who leaves the block leaves nothing half done.

    What a piece raises comes out of the next `wait`, or of the end of the block unless that is left by another error.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="starbolt-write")
        self._piece: tuple[Future[None], ExitStack] | None = None

    def start(self, work: Callable[[], None], held: ExitStack) -> None:
        """Begin a piece of work, after `wait`; what is held for it is closed by the thread that waits for it."""
        self._piece = self._thread.submit(work), held

    def wait(self) -> None:
        """Return when the piece in hand, if there is one, is done."""
        if self._piece:
            future, held = self._piece
            wait([future])  # where Ctrl-C ends this, the piece is still in hand
            self._piece = None
            with held:
                future.result()

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.wait()
        except BaseException:
            if kind is None:
                raise
        finally:
            self._thread.shutdown()
            if self._piece:
                self._piece[1].close()
