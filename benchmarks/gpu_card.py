"""What the GPU benchmark's sections share: the table and the time left, times on a device, the card's own ceilings."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from starbolt.data.sources import Source

SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))
SPARE = 10.0  # seconds that a section may run over its time before it is broken off


class Row(NamedTuple):
    """A line of the table."""

    section: str
    what: str
    figure: str
    beside: str = ""

    def __str__(self) -> str:
        return f"{self.section:8} {self.what:50} {self.figure:>34}  {self.beside}"


class OvertimeError(Exception):
    """A section ran past its time."""


MODES = ("reduce-overhead", "default")  # of torch.compile; the first records CUDA graphs


@dataclass
class Bench:
    """The table so far, and the time left.

    small: everything in little, nothing compiled. ends: when all must be over, by time.monotonic. stamps: how many are
    packed, store: and where. modes: of torch.compile, for the plain loops. batches: of the MLP; none named: all.
    ceilings: of the card, see `ceilings`. legs: stamps per second of each part of their way.
    """

    device: torch.device
    folder: Path
    small: bool
    ends: float
    stamps: int = 0
    modes: tuple[str, ...] = MODES
    batches: tuple[int, ...] = ()
    store: Source | None = None
    rows: list[Row] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ceilings: dict[str, float] = field(default_factory=dict)
    legs: dict[str, float] = field(default_factory=dict)
    section: str = ""
    until: float = 0.0

    @property
    def cuda(self) -> bool:
        """Whether there is a GPU."""
        return self.device.type == "cuda"

    @property
    def repeats(self) -> int:
        """How often a figure is taken, without the warm-up."""
        return 2 if self.small else 5

    def left(self) -> float:
        """Seconds left to this section."""
        return min(self.until, self.ends) - time.monotonic()

    def fits(self, seconds: float, what: str) -> bool:
        """Whether so much time is left; if not, the table says that this was left out."""
        if self.left() >= seconds:
            return True
        self.tell(what, "skipped", f"{max(self.left(), 0):.0f} s are left, {seconds:.0f} s wanted")
        return False

    def tell(self, what: str, figure: str, beside: str = "") -> None:
        """A row, at once."""
        self.rows.append(Row(self.section, what, figure, beside))
        print(self.rows[-1], flush=True)

    def run(self, section: str, work: Callable[[Bench], None], most: float) -> None:
        """A section of at most so many seconds; what goes wrong in it is told, and the rest goes on."""
        began = time.monotonic()
        self.section, self.until = section, began + most
        if not self.fits(5.0, "all of it"):
            return
        self.attempt("all of it", work, self)
        print(f"{section:8} took {time.monotonic() - began:.0f} s", flush=True)

    def attempt(self, what: str, work: Callable[..., Any], *words: Any) -> Any:
        """What the work gives; None where it fails or takes too long, which the table tells."""
        previous = signal.signal(signal.SIGALRM, _overtime)
        outer, _ = signal.setitimer(signal.ITIMER_REAL, max(self.left(), 0) + SPARE)
        try:
            return work(*words)
        except Exception as error:  # whatever it is, the other figures are wanted
            self.failed.append(f"{self.section}: {what}")
            self.tell(what, "FAILED", f"{type(error).__name__}: {str(error).strip()[:150]!r}")
            traceback.print_exc(limit=-6, file=sys.stdout)
            return None
        finally:
            signal.setitimer(signal.ITIMER_REAL, outer)
            signal.signal(signal.SIGALRM, previous)
            if self.cuda:
                with suppress(RuntimeError):
                    torch.cuda.empty_cache()


def _overtime(*_: Any) -> None:
    raise OvertimeError("it took too long")


def settle(device: torch.device) -> None:
    """Wait until the device has done all."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Callable[[], Any], device: torch.device) -> float:
    """How long the work takes [s], on the device too."""
    settle(device)
    began = time.perf_counter()
    work()
    settle(device)
    return time.perf_counter() - began


def repeated(work: Callable[[], Any], device: torch.device, repeats: int, times: int = 1) -> list[float]:
    """Seconds of the work, each the mean of so many in a row, after one in vain."""
    work()

    def several() -> None:
        for _ in range(times):
            work()

    return [seconds(several, device) / times for _ in range(repeats)]


def rates(count: float, took: Sequence[float], unit: str) -> str:
    """Median and spread of a rate: count over seconds, in thousands or millions where it is large."""
    values = sorted(count / t for t in took)
    middle = statistics.median(values)
    scale, word = next(
        (s, w) for s, w in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, "")) if middle >= s or s == 1
    )
    low, middle, high = (f"{v / scale:.3g}" for v in (values[0], middle, values[-1]))
    return f"{middle} {word}{unit} ({low} to {high})"


def ceilings(bench: Bench) -> None:
    """What this card does at most: bytes copied within it [B/s], products of matrices [FLOP/s], bytes from pinned
    memory [B/s], and the least time of a kernel that does nothing [s]."""
    size = (1 << 20) if bench.small else (1 << 30)
    side = 256 if bench.small else 8192
    one = torch.randn(size // 4, device=bench.device)
    other = torch.empty_like(one)
    took = repeated(lambda: other.copy_(one), bench.device, bench.repeats, 10)
    bench.ceilings["bytes"] = 2 * size / statistics.median(took)
    bench.tell("copy within the device, read and written", rates(2 * size, took, "B/s"))
    for name, kind, tf32 in (
        ("bf16", torch.bfloat16, False),
        ("tf32", torch.float32, True),
        ("fp32", torch.float32, False),
    ):
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        a, b = (torch.randn(side, side, device=bench.device, dtype=kind) for _ in range(2))
        took = repeated(lambda a=a, b=b: a @ b, bench.device, bench.repeats, 2 if name == "fp32" else 10)
        bench.ceilings[name] = 2 * side**3 / statistics.median(took)
        bench.tell(f"product of matrices, {side} x {side}, {name}", rates(2 * side**3, took, "FLOP/s"))
    torch.set_float32_matmul_precision("highest")
    dot = torch.zeros(1, device=bench.device)
    took = repeated(lambda: dot.add_(1), bench.device, bench.repeats, 1000)
    bench.ceilings["launch"] = statistics.median(took)
    bench.tell("a kernel that does nothing, one after the other", f"{statistics.median(took) * 1e6:.2f} us")
    if not bench.cuda:
        bench.tell("from pinned memory to the device", "no GPU")
        return
    host = torch.empty(size, dtype=torch.uint8).random_(0, 256).pin_memory()
    there = torch.empty(size, dtype=torch.uint8, device=bench.device)
    took = repeated(lambda: there.copy_(host, non_blocking=True), bench.device, bench.repeats, 4)
    bench.ceilings["bus"] = size / statistics.median(took)
    bench.tell("from pinned memory to the device", rates(size, took, "B/s"))


def floor(bench: Bench, operations: float, nbytes: float, kind: str) -> str:
    """The least time that so many operations and bytes take on this card, and which of both it is."""
    by_work, by_bytes = operations / bench.ceilings[kind], nbytes / bench.ceilings["bytes"]
    longer = f"{kind} operations" if by_work > by_bytes else "bytes"
    return f"floor {max(by_work, by_bytes) * 1e6:.3g} us ({longer})"


def provenance(device: torch.device) -> list[str]:
    """On what, with what and when this was measured."""
    import lightning

    lines = [
        f"date {time.strftime('%Y-%m-%d %H:%M:%S %Z')}, torch {torch.__version__}, lightning {lightning.__version__}"
    ]
    lines.append(f"Python {sys.version.split()[0]}, {torch.get_num_threads()} threads")
    if device.type != "cuda":
        return ["no GPU: all on the CPU", *lines]
    about = torch.cuda.get_device_properties(device)
    asked = ["nvidia-smi", "--query-gpu=driver_version,clocks.sm,clocks.max.sm,power.limit", "--format=csv,noheader"]
    driver = "driver unknown"
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout
        driver = f"driver, clocks now and at most, power limit: {told.splitlines()[0]}"
    card = f"{about.name}, {about.total_memory / 1e9:.1f} GB, {about.multi_processor_count} multiprocessors"
    return [f"{card}; {driver}", f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}", *lines]
