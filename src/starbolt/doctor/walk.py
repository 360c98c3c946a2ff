"""One batch on its way through a run: read, split, audited, trained on, kept, read again, predicted; and how long."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer

from starbolt import build, threads
from starbolt.compose import UserError
from starbolt.contract import Batch
from starbolt.data import ObjectDataModule
from starbolt.data.audit import AuditError
from starbolt.data.feed import to_device
from starbolt.doctor.finding import Finding
from starbolt.learner import Learner
from starbolt.loading import load_learner
from starbolt.messages import bar, quiet
from starbolt.predict import predict_rows, prediction_of

SECONDS, STEPS = 2.0, 20  # about how long, and how often at most, a step is timed
GAIN = 0.8  # of the time for an object: less is not worth a larger batch
LARGEST = 16  # times the batch size that is tried at most
CLOSE = 1e-5  # between predictions before and after a checkpoint


class Timed(NamedTuple):
    """Seconds of a batch: gathering it, and a step for it. disk: pages that had to come from the disk meanwhile."""

    gather: float
    step: float
    disk: int


def walked(cfg: Any) -> Iterator[Finding]:
    """A finding for each stop; the first that fails is a fault, and the last."""
    quiet()
    stops: list[Callable[[Walk], Iterator[Finding]]] = [
        Walk.read, Walk.audit, Walk.network, Walk.train, Walk.again, Walk.speed, Walk.batch_size,
    ]  # fmt: skip
    with TemporaryDirectory(prefix="starbolt-doctor-") as folder:
        walk = Walk(cfg, Path(folder))
        for stop in stops:
            try:
                yield from stop(walk)
            except Exception as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                ours = isinstance(error, UserError | ValueError | OSError)  # its sentence holds the way out
                mend = "" if ours else "STARBOLT_TRACEBACK=1 starbolt train ... tells where"
                yield Finding("fault", stop.__name__, reason, mend)
                return


class Walk:
    """The stops; each leaves what the next ones need."""

    data: ObjectDataModule
    learner: Learner
    trainer: Trainer
    timed: Timed

    def __init__(self, cfg: Any, folder: Path) -> None:
        self.cfg, self.folder = cfg, folder

    def read(self) -> Iterator[Finding]:
        """Read the data, or open their store; learn shapes and statistics; build the network."""
        began = time.perf_counter()
        torch.manual_seed(self.cfg.seed)
        self.data = build.data(self.cfg)
        self.data.progress = bar("packing")
        self.learner = build.learner(self.cfg, self.data)
        took = time.perf_counter() - began
        shapes = "; ".join(f"{name} {_by(about.shape)}" for name, about in self.learner.spec.inputs.items())
        yield Finding("ok", "data", f"{len(self.data.ids):,} objects, {shapes}; read and measured in {took:.1f} s")
        sizes = self.learner.spec.sizes
        told = ", ".join(f"{count:,} {part}" for part, count in sizes.items())
        empty = [part for part in ("train", "val") if not sizes.get(part)]
        if empty:
            yield Finding("fault", "split", f"{told}; nothing in {empty[0]}", "see split= in starbolt train --help")
        else:
            yield Finding("ok", "split", told)
        for note in self.data.notes:
            yield Finding("warning", "note", note)

    def audit(self) -> Iterator[Finding]:
        """Look for leaks and faults, as each training does."""
        audited = build.audit(self.cfg)(self.data)
        try:
            audited.refuse()
        except AuditError as error:
            lines = str(error).splitlines()
            yield Finding("fault", "audit", " ".join(line.strip(" -") for line in lines[1:2]) or lines[0], lines[-1])
            return
        for note in audited.notes:
            yield Finding("warning", "audit", note)
        waived = sum(finding.waived for finding in audited.findings)
        yield Finding("ok", "audit", f"no fault found{f' but {waived} that you waive' if waived else ''}")

    def network(self) -> Iterator[Finding]:
        """Where it runs, how large it is."""
        self.trainer = build.trainer(self.cfg, self.folder, [], enable_progress_bar=False, enable_model_summary=False)
        device = self.trainer.strategy.root_device
        threads.settled(self.cfg.get("threads"), self.learner, self.data, device)
        count = sum(p.numel() for p in self.learner.parameters())
        nbytes = sum(p.numel() * p.element_size() for p in self.learner.parameters())
        told = f"{count:,} parameters ({_size(nbytes)}, with AdamW's state {_size(3 * nbytes)}) on {device}"
        told += f" with {_count(torch.get_num_threads(), 'thread')}" if device.type == "cpu" else ""
        yield Finding("ok", "network", f"{told}, precision {self.trainer.precision}")

    def train(self) -> Iterator[Finding]:
        """Forward, loss, backward and a step of the optimiser for one batch."""
        device = self.trainer.strategy.root_device
        batch = to_device(self._batch(self.data.batch_size), device)
        self.learner.to(device).train()
        shapes = ", ".join(f"{name} {_by(tuple(block.x.shape))}" for name, block in batch.inputs.items())
        out = self.learner(batch.inputs)
        loss = self.learner.losses_of(batch).mean()
        loss.backward()
        named = [(name, p.grad) for name, p in self.learner.named_parameters() if p.requires_grad]
        lost = [name for name, gradient in named if gradient is None]
        wild = [name for name, gradient in named if gradient is not None and not gradient.isfinite().all()]
        told = f"batch {shapes} -> {_by(tuple(out.shape))}; loss {loss.item():.4g}"
        if not torch.isfinite(loss) or wild:
            where = f"the gradient of {wild[0]} is no number" if wild else "the loss is no number"
            yield Finding("fault", "step", f"{told}: {where}", "look for wild values: starbolt inspect")
        elif lost:
            yield Finding("warning", "step", f"{told}; {lost[0]} learns nothing, one of {len(lost)} such")
        else:
            yield Finding("ok", "step", told)

    def again(self) -> Iterator[Finding]:
        """Write a checkpoint, read it, and predict the same."""
        device = self.trainer.strategy.root_device
        file = self.folder / "trial.ckpt"
        self.trainer.strategy.connect(self.learner)
        began = time.perf_counter()
        self.trainer.save_checkpoint(file, weights_only=True)
        other = load_learner(file, trust=packages_of(self.cfg))
        took = time.perf_counter() - began
        rows = self.data.parts["train"][: self.data.batch_size]
        first, second = (
            prediction_of(predict_rows(each, self.data.loader(rows, alone=True, device=device), device=device))
            for each in (self.learner, other)
        )
        alike = all(torch.allclose(first[name], second[name], rtol=CLOSE, atol=CLOSE, equal_nan=True) for name in first)
        told = f"{_size(file.stat().st_size)}, written and read in {took:.2f} s; predictions of {len(rows)} objects"
        if alike:
            yield Finding("ok", "checkpoint", f"{told} are the same after it")
        else:
            mend = "keep what the network needs in parameters and buffers"
            yield Finding("fault", "checkpoint", f"{told} differ after it", mend)

    def speed(self) -> Iterator[Finding]:
        """Seconds of a step and of an epoch, and what they depend on."""
        size = self.data.batch_size
        self.timed = self._timed(size)
        gather, step, _ = self.timed
        train, val = (len(self.data.parts[part]) for part in ("train", "val"))
        epoch = -(-train // size) * max(gather, step) + val / size * max(gather, step / 3)
        device = self.trainer.strategy.root_device.type
        told = f"{_time(step)} a step of {size} objects, {_time(gather)} to gather them meanwhile; "
        told += f"an epoch in about {_time(epoch)}"
        if device == "cuda":
            told += f"; {_size(torch.cuda.max_memory_allocated())} of its memory"
        yield Finding("ok", "speed", f"{told}; {_pace(self.timed, device)} sets the pace")

    def batch_size(self) -> Iterator[Finding]:
        """Whether a larger batch makes an epoch faster."""
        size = best = self.data.batch_size
        each = max(self.timed[:2]) / size
        train = len(self.data.parts["train"])
        for larger in (size * 2**i for i in range(1, LARGEST.bit_length())):
            if larger > train // 4:  # an epoch of few steps learns little
                break
            try:
                timed = self._timed(larger)
            except RuntimeError as error:
                if "memory" not in str(error).lower():
                    raise
                break
            now = max(timed[:2]) / larger
            if now > GAIN * each:
                break
            best, each = larger, now
        if best == size:
            yield Finding("ok", "batch size", f"{size}: larger ones are not much faster here")
        else:
            faster = max(self.timed[:2]) / size / each
            told = f"data.batch_size={best} would take an epoch {faster:.1f} times as fast as {size}"
            rate = f"optim.lr= up to {(best / size) ** 0.5:.1f} times as large"
            yield Finding("ok", "batch size", f"{told}; with it try {rate}")

    def _batch(self, size: int) -> Batch:
        return next(iter(self.data.loader(self.data.parts["train"], shuffle=True, alone=True, size=size)))

    def _timed(self, size: int) -> Timed:
        device = self.trainer.strategy.root_device
        optimizer = torch.optim.AdamW(self.learner.parameters(), lr=0.0)
        batches = self.data.loader(self.data.parts["train"], shuffle=True, alone=True, size=size)
        orders, gathers, steps = batches.order(0), list[float](), list[float]()
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
        until = time.perf_counter() + SECONDS
        for i in range(STEPS):
            began = time.perf_counter()
            batch = batches.gather(orders[i % len(orders)])
            gathered = time.perf_counter()
            with self.trainer.precision_plugin.forward_context():
                loss = self.learner.losses_of(to_device(batch, device)).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if device.type == "cuda":
                torch.cuda.synchronize()
            ended = time.perf_counter()
            gathers.append(gathered - began)
            steps.append(ended - gathered)
            if ended > until and i >= 2:
                break
        disk = resource.getrusage(resource.RUSAGE_SELF).ru_majflt - faults
        warm = slice(1, None)  # the first step makes the memory
        return Timed(statistics.median(gathers[warm]), statistics.median(steps[warm]), disk)


def packages_of(cfg: Any) -> list[str]:
    """The packages whose classes a configuration names: the user's own, who asked for them just now."""
    named = [cfg[group].get("_target_", "") for group in ("data", "model", "task")]
    return sorted({name.split(".")[0] for name in named if name})


def _pace(timed: Timed, device: str) -> str:
    if timed.gather > timed.step:
        return "the disk" if timed.disk else "reading and gathering, on the CPU,"
    return "computing on the CPU" if device == "cpu" else "the GPU"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _size(nbytes: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if nbytes < 1000:
            return f"{nbytes:.3g} {unit}"
        nbytes /= 1000
    return f"{nbytes:.3g} GB"


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds / 60:.0f} min"
