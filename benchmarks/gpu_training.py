"""Training on a GPU: starbolt's Learner under Lightning's Trainer beside a plain loop, compiled and not."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from gpu_card import Bench, floor, rates, settle
from hydra.utils import instantiate
from lightning.pytorch import Callback
from omegaconf import OmegaConf
from torch import Tensor, nn

from starbolt.archives import Dense, Ragged
from starbolt.compiling import compiled
from starbolt.compose import conf_folder
from starbolt.contract import Spec
from starbolt.data.measure import measure_input, measure_target
from starbolt.data.module import ObjectDataModule
from starbolt.data.objects import Objects
from starbolt.data.sources import Source
from starbolt.learner import Learner
from starbolt.models import CNN, GRU, MLP
from starbolt.store.store import ID, Modality
from starbolt.tasks import Classification, Regression

sys.path.append(str(Path(__file__).parent / "rivals"))
import networks

WANTED = 0.9  # of the throughput of the better compiled plain loop
LOOKED_AT = 2_000  # objects whose statistics are taken
BANDS, SIDE = 3, 63
SHORTEST, TYPICAL, LONGEST = 20, 60, 400  # points of series, most of them short
ADAMW = partial(torch.optim.AdamW, lr=1e-3, weight_decay=1e-2)
Batches = Callable[[], Iterator[tuple[Tensor, ...]]]  # an epoch of what a plain loss takes


class Arrays(ObjectDataModule):
    """Objects whose numbers are in memory or in a map; all of them train."""

    def __init__(self, name: str, modality: Modality, y: np.ndarray, *, batch_size: int, residency: str) -> None:
        super().__init__(target="y", batch_size=batch_size, residency=residency)
        rows = np.arange(len(y))
        self.catalogue, self.sources = pa.table({ID: rows.astype(str)}), {name: Source(modality)}
        self.y, self.weight = y, np.ones(len(y), np.float32)
        few = rows[:LOOKED_AT]
        classes = ("A", "B") if y.dtype == np.int64 else ()
        target = measure_target(("y",), ("",), classes, y[few])
        self.parts = {"train": rows, "val": few, "test": few}
        self.spec = Spec({name: measure_input(modality, few)}, target, sizes={"train": len(rows)})

    def fetch(self) -> Objects:
        return Objects(self.catalogue, self.sources, "benchmark")


class Marks(Callback):
    """When each epoch ended, on the device too."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def on_train_epoch_end(self, trainer: Any, learner: Any) -> None:
        settle(learner.device)
        self.at.append(time.perf_counter())


def trained(bench: Bench, learner: Learner, data: Arrays, precision: str) -> list[float]:
    """Seconds of each epoch but the first, in which all is warmed up: from the end of one to the end of the next."""
    marks = Marks()
    quiet = {
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    words = {"precision": precision, "gradient_clip_val": None, "max_epochs": bench.repeats + 1, "limit_val_batches": 0}
    usual = OmegaConf.load(conf_folder() / "trainer" / "auto.yaml")
    trainer = instantiate(usual, _partial_=True, _convert_="all")(
        **words, **quiet, callbacks=[marks], default_root_dir=str(bench.folder)
    )
    trainer.fit(learner, datamodule=data)
    return [end - start for start, end in zip(marks.at[:-1], marks.at[1:], strict=True)]


def ours(bench: Bench, data: Arrays, encoder: Any, task: Any, precision: str, mode: str | None = None) -> list[float]:
    """What `trained` gives for a new Learner, compiled as by compile=true where there is a mode."""
    torch.compiler.reset()
    torch.manual_seed(0)
    learner = Learner(data.spec, encoder, task, optim=ADAMW, schedule=None)
    if mode:
        compiled(learner, bench.device)
    return trained(bench, learner, data, precision)


def plain(
    bench: Bench, net: nn.Module, losses: Callable[..., Tensor], epoch: Batches, precision: str, mode: str | None = None
) -> list[float]:
    """Seconds of each epoch of a plain loop after the first. losses: (net, *batch) -> the loss."""
    torch.compiler.reset()
    optimizer = ADAMW(net.parameters(), fused=True)

    def loss_of(*batch: Tensor) -> Tensor:
        half = precision.startswith("bf16")
        with torch.autocast(bench.device.type, torch.bfloat16) if half else nullcontext():
            return losses(net, *batch)

    loss_of_batch = torch.compile(loss_of, mode=mode, dynamic=False) if mode else loss_of
    took = []
    for _ in range(bench.repeats + 1):
        settle(bench.device)
        began = time.perf_counter()
        for batch in epoch():
            optimizer.zero_grad(set_to_none=True)
            loss_of_batch(*batch).backward()
            optimizer.step()
        settle(bench.device)
        took.append(time.perf_counter() - began)
    return took[1:]


def race(
    bench: Bench,
    what: str,
    objects: int,
    unit: str,
    mine: Callable[[str | None], list[float]],
    rival: Callable[[str | None], list[float]],
    beside: str,
    *,
    compiling: float,
    compiled_too: bool,
) -> None:
    """Rows of starbolt and of the plain loop, as they are and compiled. compiling: seconds that a compilation takes."""
    if not bench.fits(3, what):
        return
    own = bench.attempt(f"{what}, starbolt", mine, None)
    if own:
        bench.tell(f"{what}, starbolt", rates(objects, own, unit), beside)
    loops = {"not compiled": bench.attempt(f"{what}, plain loop", rival, None)}
    for mode in () if bench.small else bench.modes:
        if bench.fits(compiling, f"{what}, plain loop, {mode}"):
            loops[mode] = bench.attempt(f"{what}, plain loop, {mode}", rival, mode)
    there = {mode: took for mode, took in loops.items() if took}
    for mode, took in there.items():
        bench.tell(f"{what}, plain loop, {mode}", rates(objects, took, unit))
    if own and there:
        bench.tell(f"{what}, starbolt's share", *_share(own, there))
    if compiled_too and not bench.small and bench.fits(compiling, f"{what}, starbolt compiled"):
        took = bench.attempt(f"{what}, starbolt compiled", mine, "default")
        if took:
            share = _share(took, there)[0] if there else ""
            bench.tell(f"{what}, starbolt compiled", rates(objects, took, unit), f"compile=true: {share}")


def _share(own: Sequence[float], loops: dict[str, list[float]]) -> tuple[str, str]:
    """Our throughput over the fastest loop's, and whether that is what is promised of the compiled ones."""
    best = min(loops, key=lambda mode: statistics.median(loops[mode]))
    share = statistics.median(loops[best]) / statistics.median(own)
    compiled = any(mode != "not compiled" for mode in loops)
    verdict = f"promised {WANTED}: {'kept' if share >= WANTED else 'MISSED'}" if compiled else "nothing compiled"
    return f"{share:.2f}", f"of the fastest plain loop ({best}); {verdict}"


def mlp(bench: Bench) -> None:
    """An MLP 10-128-128-1, batches from 256 to 16384, in float32 and bfloat16."""
    rows = 4_096 if bench.small else 1 << 20
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, 10), np.float32)
    y = (np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]).astype(np.float32)
    there, truth = torch.from_numpy(x).to(bench.device), torch.from_numpy(y).to(bench.device)
    modality = Modality("table", tuple(f"x{i}" for i in range(10)), ("",) * 10, (10,), True, Dense(x))
    weights = 10 * 128 + 128 * 128 + 128 + 257
    for batch, steps in ((256, 4),) if bench.small else ((256, 512), (1024, 512), (4096, 256), (16384, 64)):
        if bench.batches and batch not in bench.batches:
            continue
        count = batch * steps
        data = Arrays("table", modality, y, batch_size=batch, residency="device")
        data.parts["train"] = np.arange(count)

        def epoch(count: int = count, batch: int = batch) -> Iterator[tuple[Tensor, ...]]:
            order = torch.randperm(count, device=bench.device)
            return zip(
                there.index_select(0, order).split(batch), truth.index_select(0, order).split(batch), strict=True
            )

        for precision in ("32-true", "bf16-mixed"):
            kind = "bf16" if precision.startswith("bf16") else "fp32"
            mine = partial(ours, bench, data, partial(MLP, norm=False), partial(Regression, loss="mse"), precision)

            def rival(mode: str | None, epoch: Batches = epoch, precision: str = precision) -> list[float]:
                net = networks.network("mlp", (10,)).to(bench.device)
                return plain(bench, net, lambda n, a, b: nn.functional.mse_loss(n(a), b), epoch, precision, mode)

            least = floor(bench, 6.0 * weights * batch, 44 * batch + 32 * weights, kind)
            beside = f"{least} and {bench.ceilings['launch'] * 1e6:.1f} us a kernel, per step"
            race(bench, f"batch {batch}, {precision}", count, "rows/s", mine, rival, beside, compiling=8,
                 compiled_too=batch in (256, 4096))  # fmt: skip


def stamps_in_memory(count: int, side: int) -> tuple[Modality, np.ndarray]:
    """Noise in half precision, and classes."""
    x = np.random.default_rng(0).standard_normal((count, BANDS, side, side), np.float32).astype(np.float16)
    return Modality("image", ("g", "r", "i"), ("",) * BANDS, x.shape[1:], True, Dense(x)), np.arange(count) % 2


def cnn(bench: Bench) -> None:
    """Starbolt's CNN on stamps, batches of 64 and 512, in bfloat16 and channels last."""
    side = 15 if bench.small else SIDE
    modality, y = stamps_in_memory(64 if bench.small else 25_600, side)
    x = (
        torch.from_numpy(modality.data.x).to(bench.device).permute(0, 2, 3, 1).contiguous()
    )  # gathering keeps the format
    truth = torch.from_numpy(y).to(bench.device)
    for batch, steps in ((32, 2),) if bench.small else ((512, 50), (64, 200)):
        count = batch * steps
        data = Arrays("image", modality, y, batch_size=batch, residency="device")
        data.parts["train"] = np.arange(count)

        def epoch(count: int = count, batch: int = batch) -> Iterator[tuple[Tensor, ...]]:
            for rows in torch.randperm(count, device=bench.device).split(batch):
                yield x.index_select(0, rows).permute(0, 3, 1, 2).float(), truth.index_select(0, rows)

        def rival(mode: str | None, epoch: Batches = epoch) -> list[float]:
            net = networks.cnn(BANDS).to(bench.device, memory_format=torch.channels_last)
            return plain(bench, net, lambda n, a, b: nn.functional.cross_entropy(n(a), b), epoch, "bf16-mixed", mode)

        mine = partial(ours, bench, data, CNN, Classification, "bf16-mixed")
        least = floor(bench, 3 * operations_of_cnn() * batch, 3 * bytes_of_cnn() * batch, "bf16")
        race(bench, f"batch {batch}, bf16-mixed", count, "stamps/s", mine, rival, f"{least} per step", compiling=25,
             compiled_too=True)  # fmt: skip


def operations_of_cnn() -> float:
    """Of one stamp of SIDE pixels, forward: two for each multiplication of the convolutions."""
    stem = 21 * 21 * 32 * BANDS * 49
    first = 2 * 21 * 21 * 32 * 32 * 9
    second = 11 * 11 * 64 * (32 * 9 + 64 * 9 + 32)
    third = 6 * 6 * 128 * (64 * 9 + 128 * 9 + 64)
    return 2.0 * (stem + first + second + third)


def bytes_of_cnn() -> float:
    """Of one stamp, forward: the stamp, and each map after a convolution written and read once, in two bytes."""
    maps = 3 * 21 * 21 * 32 + 3 * 11 * 11 * 64 + 3 * 6 * 6 * 128
    return 2.0 * (BANDS * SIDE * SIDE + 2 * maps)


class PaddedGRU(networks.GRU):
    """The plain GRU, where the positions are on the device of the series."""

    def forward(self, x: Tensor, length: Tensor) -> Tensor:  # type: ignore[override]
        states, _ = self.reader(x)
        inside = (torch.arange(states.shape[1], device=x.device) < length[:, None])[:, :, None]
        last = states.gather(1, (length - 1)[:, None, None].expand(-1, 1, states.shape[2]))[:, 0]
        mean = states.masked_fill(~inside, 0.0).sum(1) / length[:, None]
        return self.head(torch.cat([last, mean, states.masked_fill(~inside, -1.0).amax(1)], 1))


def curves(count: int) -> tuple[Modality, np.ndarray, np.ndarray]:
    """Series of a value and its error in time, their classes, and how many points each has."""
    random = np.random.default_rng(0)
    length = np.exp(random.normal(np.log(TYPICAL), 0.7, count)).round().astype(np.int64).clip(SHORTEST, LONGEST)
    length[0] = LONGEST
    offsets = np.concatenate([[0], np.cumsum(length)])
    time = np.concatenate([np.sort(random.uniform(58_000, 59_000, n)) for n in length])
    value, err = random.standard_normal((len(time), 1), np.float32), random.uniform(0.1, 0.5, (len(time), 1))
    data = Ragged(offsets, time, value, err.astype(np.float32))
    return Modality("series", ("mag",), ("",), (1, LONGEST), True, data), np.arange(count) % 2, length


def padded(modality: Modality, length: np.ndarray) -> np.ndarray:
    """Time, time step, value and error, float32 [N, T, 4], about as a network wants them; zeros behind the end."""
    data: Any = modality.data
    x = np.zeros((len(length), LONGEST, 4), np.float32)
    owner = np.repeat(np.arange(len(length)), length)
    place = np.arange(len(owner)) - data.offsets[owner]
    since = data.time - data.time[data.offsets[owner]]
    step = np.diff(data.time, prepend=0.0) * (place > 0)
    x[owner, place] = np.stack([since / 300, np.arcsinh(step / 10), data.x[:, 0], np.log10(data.err[:, 0])], 1)
    return x


def gru(bench: Bench) -> None:
    """A GRU of 64 units on series of 20 to 400 points, where starbolt puts those of like length together."""
    modality, y, length = curves(64 if bench.small else 16_384)
    x, truth = torch.from_numpy(padded(modality, length)).to(bench.device), torch.from_numpy(y).to(bench.device)
    lengths = torch.from_numpy(length)
    there = lengths.to(bench.device)
    for batch in (64,) if bench.small else (64, 512):
        data = Arrays("series", modality, y, batch_size=batch, residency="device")

        def epoch(batch: int = batch) -> Iterator[tuple[Tensor, ...]]:
            for rows in torch.randperm(len(y)).split(batch):
                on = rows.to(bench.device, non_blocking=True)
                longest = int(lengths[rows].max())
                yield x[:, :longest].index_select(0, on), there.index_select(0, on), truth.index_select(0, on)

        for precision in ("32-true", "bf16-mixed"):
            mine = partial(ours, bench, data, GRU, Classification, precision)
            own = bench.attempt(f"batch {batch}, {precision}, starbolt", mine)
            net = PaddedGRU(4).to(bench.device)
            losses = _series_loss
            name = f"batch {batch}, {precision}, plain loop, padded by batch"
            rival = bench.attempt(name, plain, bench, net, losses, epoch, precision)
            if not (own and rival):
                continue
            share = statistics.median(rival) / statistics.median(own)
            mean = length.mean()
            least = floor(bench, 3 * 2 * 3 * 64 * 68 * mean * batch, 3 * 4 * 4 * 64 * mean * batch, "tf32")
            bench.tell(f"batch {batch}, {precision}, starbolt", rates(len(y), own, "series/s"), f"{least} per step")
            bench.tell(name, rates(len(y), rival, "series/s"), f"starbolt is {share:.2f} times as fast")


def _series_loss(net: nn.Module, x: Tensor, length: Tensor, y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(net(x, length), y)
