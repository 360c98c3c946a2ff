"""The way of stamps from a memory map to a GPU, and the scoring of ten million of them."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from gpu_card import Bench, floor, rates, repeated, seconds
from gpu_training import BANDS, SIDE, Arrays, bytes_of_cnn, operations_of_cnn, ours

from starbolt.archives import Dense
from starbolt.data import feed as feed_module
from starbolt.data.batches import Batches
from starbolt.data.feed import to_device
from starbolt.data.ranges import Outside, unmeasured
from starbolt.data.sources import Source
from starbolt.learner import Learner
from starbolt.models import CNN
from starbolt.predict import predict_rows
from starbolt.store import layout
from starbolt.store.store import Modality
from starbolt.tasks import Classification

STAMP = BANDS * SIDE * SIDE * 2  # bytes, in half precision
PIECE = 2_500  # stamps written at once [60 MB]
MANY, SECONDS = 10_000_000, 60.0  # so many stamps shall take no longer than this [s]
FED, TRAINED, PAGEABLE = 100_000, 25_600, 20_000  # stamps an epoch of which is brought, trained on, brought the old way
Named = tuple[str, float]  # a leg of the way and its stamps per second


def stamps(bench: Bench) -> None:
    """Pack noise in half precision as a store does: real pages, filled by all cores. Fewer where the disk is slow."""
    path, shape = bench.folder / "image.arrow", (BANDS, SIDE, SIDE)
    layout.lay_out_dense(path, bench.stamps, {"x": layout.Plane("<f2", shape)})
    place = layout.places(path)["x"]
    piece = min(PIECE, bench.stamps // 4)
    noise = np.random.default_rng(0).standard_normal((piece, *shape), np.float32)
    blocks = [(scale * noise).astype(np.float16) for scale in (1.0, 0.9, 1.1, 1.2)]

    def write(number: int) -> bool:
        if bench.left() < 5:
            return False
        block, turn = blocks[number % len(blocks)], 37 * number % piece
        with path.open("r+b") as file:
            place.fill(file, number * piece, block[turn:])
            if turn:
                place.fill(file, number * piece + piece - turn, block[:turn])
        return True

    def written() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            done.extend(threads.map(write, range(bench.stamps // piece)))

    done: list[bool] = []
    took = seconds(written, torch.device("cpu"))
    bench.stamps = piece * (done.index(False) if False in done else len(done))
    dense = Dense(layout.read_dense(path).x[: bench.stamps])
    bench.store = Source(Modality("image", ("g", "r", "i"), ("",) * BANDS, shape, True, dense, path=path))
    nbytes = bench.stamps * STAMP
    bench.tell(f"{bench.stamps} stamps packed, {nbytes / 1e9:.3g} GB", rates(nbytes, [took], "B/s"))


def feed(bench: Bench) -> None:
    """From the memory map to the device: how fast it is read, how fast the bus is, and both at once."""
    source = _store(bench)
    for hands in (1, 2) if bench.small else (1, 4, 8, 16):
        took = repeated(partial(_read, source.modality.data.x[: 4 * FED], hands), torch.device("cpu"), 2)
        count = min(len(source.modality.data.x), 4 * FED)
        bench.tell(f"read from the map, {hands} threads", rates(count * STAMP, took, "B/s"))
        bench.legs[f"read by {hands}"] = count / statistics.median(took)
    if not bench.cuda:
        for what in ("pageable, one after the other", "Courier", "training from the map"):
            bench.tell(what, "no GPU")
        return
    bench.legs["bus"] = bench.ceilings["bus"] / STAMP
    _compare(_batches(source, min(5_000, bench.stamps), 512, bench.device, shuffle=True))
    few = _batches(source, min(PAGEABLE, bench.stamps), 512, torch.device("cpu"), shuffle=True)
    took = repeated(lambda: [_pageable(batch, bench.device) for batch in few], bench.device, 2)
    bench.tell(
        "pageable, one after the other", rates(len(few.rows) * STAMP, took, "B/s"), "packed bytes, converted here"
    )
    usual = feed_module.HANDS
    for hands in (1, 2, usual, 8):
        feed_module.HANDS = hands
        batches = _batches(source, min(FED, bench.stamps), 512, bench.device, shuffle=True)
        took = repeated(lambda batches=batches: [None for _ in batches], bench.device, 3)
        share = len(batches.rows) * STAMP / statistics.median(took) / bench.ceilings["bus"]
        bench.tell(
            f"Courier, {hands} threads", rates(len(batches.rows) * STAMP, took, "B/s"), f"{share:.2f} of the bus"
        )
    feed_module.HANDS = usual
    took = {
        where: bench.attempt(f"training, {where}", _trained, bench, source, where) for where in ("device", "mapped")
    }
    count = min(TRAINED, bench.stamps)
    for where, each in took.items():
        if each:
            bench.tell(f"CNN trains, batch 512, residency {where}", rates(count, each, "stamps/s"))


def scoring(bench: Bench) -> None:
    """Ten million stamps from the map, and from the device's own memory: predictions, flags and answers on the CPU."""
    _scored(bench, _network(bench), "", 10)


def compiled_scoring(bench: Bench) -> None:
    """The same with the whole network compiled."""
    network = _network(bench)
    if bench.small:
        bench.tell("ten million, compiled", "not in little")
        return
    torch.compiler.reset()
    network.compile(dynamic=False)
    _scored(bench, network, ", compiled", 3)


def _scored(bench: Bench, network: Learner, how: str, passes: int) -> None:
    source, batch = _store(bench), 80 if bench.small else 4_000
    one = to_device(_batches(source, batch, batch, torch.device("cpu")).gather(np.arange(batch)), bench.device)
    took = repeated(partial(_answered, network, one), bench.device, bench.repeats, 1 if bench.small else 10)
    work = floor(bench, operations_of_cnn() * batch, bytes_of_cnn() * batch, "bf16")
    bench.tell(
        f"network and flags alone{how}", rates(batch, took, "stamps/s"), f"{work}, {took[0] * 1e6:.0f} us a batch"
    )
    legs = {**bench.legs, "network and flags": batch / statistics.median(took)}
    bench.attempt("from the map", _passes, bench, network, source, batch, f"from the map{how}", passes, legs)
    if bench.cuda and bench.fits(15, f"from the device's memory{how}"):
        home = bench.attempt("copied to the device", source.on, bench.device)
        if home is not None:
            _passes(bench, network, home, batch, f"from the device's memory{how}", min(passes, 3), {})


def _passes(
    bench: Bench, network: Learner, source: Source, batch: int, what: str, most: int, legs: dict[str, float]
) -> None:
    """The store read up to so many times, as long as there is time; what ten million take, and what holds them up."""
    whole = bench.stamps // batch * batch  # a smaller last batch would be compiled anew
    _whole(bench, network, source, min(10 * batch, whole), batch)
    took: list[float] = []
    while len(took) < (2 if bench.small else most) and bench.left() > 1.2 * max(took, default=0):
        took.append(seconds(partial(_whole, bench, network, source, whole, batch), bench.device))
    needed = sum(took) / len(took) / whole * MANY
    kept = f"promised {SECONDS:.0f}: {'kept' if needed < SECONDS else 'MISSED'}"
    read = f"{len(took)} times {whole} read"
    bench.tell(f"ten million, {what}", f"{needed:.1f} s", kept if bench.cuda and not bench.small else read)
    bench.tell(f"stamps a second, {what}", rates(whole, took, "stamps/s"), read)
    if legs:
        told = ", ".join(f"{leg} {MANY / rate:.1f} s" for leg, rate in legs.items())
        bench.tell(f"each leg of ten million, {what}", f"slowest that counts: {_slowest(legs)}", told)


def _slowest(legs: dict[str, float]) -> str:
    """Which leg holds the others up, where as many threads read as starbolt has."""
    counted = {leg: rate for leg, rate in legs.items() if not leg.startswith("read") or leg.endswith(f" {_hands()}")}
    return min(counted, key=lambda leg: counted[leg])


def _hands() -> int:
    return min(feed_module.HANDS, os.cpu_count() or 1)


def _whole(bench: Bench, network: Learner, source: Source, count: int, batch: int) -> None:
    batches = _batches(source, count, batch, bench.device)
    with _half(bench.device):
        found = predict_rows(network, batches, device=bench.device)
    assert len(found["prob"]) == count
    assert bool(torch.isfinite(found["prob"]).all())


def _answered(network: Learner, batch: Any) -> None:
    """What `predict_rows` does for a batch that is there."""
    with torch.inference_mode(), _half(batch.row.device):
        network.predict_batch(batch)
        unmeasured(batch.inputs)
        Outside(network.spec)(batch.inputs)


def _half(device: torch.device) -> Any:
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()


def _network(bench: Bench) -> Learner:
    """A network for the packed stamps; what it has learnt makes no difference to its speed."""
    torch.manual_seed(0)
    spec = _arrays(_store(bench), 2_000, 64, "mapped").spec
    return Learner(spec, CNN, Classification).to(bench.device).eval()


def _trained(bench: Bench, source: Source, residency: str) -> list[float]:
    return ours(bench, _arrays(source, TRAINED, 512, residency), CNN, Classification, "bf16-mixed")


def _arrays(source: Source, count: int, batch: int, residency: str) -> Arrays:
    about = source.modality
    few = about.data.x[:count]
    modality = Modality(about.kind, about.channels, about.units, about.shape, True, Dense(few))
    return Arrays("image", modality, np.arange(len(few)) % 2, batch_size=batch, residency=residency)


def _batches(source: Source, count: int, size: int, device: torch.device, shuffle: bool = False) -> Batches:
    y, weight = np.full(count, -1), np.ones(count, np.float32)
    return Batches({"image": source}, np.arange(count), y, weight, size, shuffle=shuffle, block=0, device=device)


def _compare(batches: Batches) -> None:
    """ValueError where what the courier brings is not bit for bit what is gathered here."""
    for batch in batches:
        here = batches.gather(batch.row.cpu().numpy()).inputs["image"]
        there = batch.inputs["image"]
        if not (torch.equal(here.x, there.x.cpu()) and torch.equal(here.mask, there.mask.cpu())):
            raise ValueError("the courier brings other numbers")


def _pageable(batch: Any, device: torch.device) -> None:
    """As one does without thinking: the batch moved when it is needed, and waited for."""
    feed_module.changed(batch, lambda t: t.to(device))


def _read(x: np.ndarray, hands: int) -> None:
    """All of x copied by so many threads, each into a place of its own that it uses again."""
    size = min(2_000, -(-len(x) // hands))
    rooms = [np.empty((size, *x.shape[1:]), x.dtype) for _ in range(hands)]

    def read(hand: int) -> None:
        for start in range(size * hand, len(x), size * hands):
            part = x[start : start + size]
            rooms[hand][: len(part)] = part

    _together(read, range(hands))


def _together(work: Callable[[int], None], items: Sequence[int]) -> None:
    with ThreadPoolExecutor(len(items)) as threads:
        list(threads.map(work, items))


def _store(bench: Bench) -> Source:
    if bench.store is None:
        raise ValueError("no stamps were packed")
    return bench.store
