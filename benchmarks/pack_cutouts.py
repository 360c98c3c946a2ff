"""FITS cut-outs: packing against a plain loop of astropy.io.fits.getdata, and an epoch from the store against the loop.

python benchmarks/pack_cutouts.py [--objects 20000] [--size 63] [--repeats 7]
"""

from __future__ import annotations

import argparse
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch
from astropy.io import fits
from timing import ratio, scratch, seconds, told, verdict

from starbolt.archives.images import ImageArchive
from starbolt.data.batches import Batches
from starbolt.data.sources import Source
from starbolt.store import Store, pack

BANDS, BATCH = 3, 256


def write_cutouts(folder: Path, objects: int, size: int) -> None:
    """So many plain FITS files [3, size, size] float32 and their catalogue, cutouts.csv."""
    cards = ["SIMPLE  =                    T", "BITPIX  =                  -32", "NAXIS   =                    3"]
    cards += [f"NAXIS{i}  = {n:20d}" for i, n in ((1, size), (2, size), (3, BANDS))] + ["END"]
    header = "".join(card.ljust(80) for card in cards).ljust(2880).encode()
    random = np.random.default_rng(0)
    for i in range(objects):
        pixels = random.normal(size=(BANDS, size, size)).astype(">f4").tobytes()
        (folder / f"{i}.fits").write_bytes(header + pixels + bytes(-len(pixels) % 2880))
    (folder / "cutouts.csv").write_text("file,kind\n" + "".join(f"{i}.fits,{i % 2}\n" for i in range(objects)))


def plain_loop(folder: Path, objects: int) -> None:
    """Every file once, as it would be read without a store."""
    for i in range(objects):
        fits.getdata(folder / f"{i}.fits").astype("f4")  # a map of the file until its pixels are asked for


def plain_epoch(folder: Path, objects: int) -> None:
    """An epoch in random order, every file read when its batch comes, as tensors."""
    order = np.random.default_rng(0).permutation(objects)
    for start in range(0, objects, BATCH):
        images = [fits.getdata(folder / f"{i}.fits").astype("f4") for i in order[start : start + BATCH]]
        torch.from_numpy(np.stack(images))


def packed(folder: Path, cache: Path) -> Store:
    """The store, made where there is none."""
    return pack(ImageArchive(str(folder / "cutouts.csv"), file="file", hdu=0), cache=cache)


def epoch(store: Store) -> None:
    """An epoch in random order from the store, as batches."""
    sources = {name: Source(modality) for name, modality in store.modalities.items()}
    zeros, ones = np.zeros(len(store), np.int64), np.ones(len(store), np.float32)
    for _ in Batches(sources, np.arange(len(store)), zeros, ones, BATCH, shuffle=True):
        pass


def main() -> None:
    """Both sides in turn, in one process; the files are in the page cache for both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=63)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with scratch() as folder:
        write_cutouts(folder, options.objects, options.size)
        loops, packings, files, epochs = [], [], [], []
        for _ in range(options.repeats):
            loops.append(seconds(lambda: plain_loop(folder, options.objects)))
            shutil.rmtree(folder / "cache", ignore_errors=True)
            os.sync()  # what was written and removed before is no part of either side
            packings.append(seconds(lambda: packed(folder, folder / "cache")))
            store = packed(folder, folder / "cache")
            files.append(seconds(lambda: plain_epoch(folder, options.objects)))
            epochs += [seconds(partial(epoch, store)) for _ in range(3)]
        image = store.modalities["image"].data.x[-1]
        assert np.array_equal(image, fits.getdata(folder / f"{options.objects - 1}.fits"))
    print(f"{options.objects} FITS cut-outs of {BANDS} x {options.size} x {options.size} float32")
    print(told("getdata, file by file, one process", loops))
    print(told("starbolt pack", packings))
    print(told("epoch, file by file", files))
    print(told("epoch, from the store", epochs))
    print(verdict("packing", ratio(loops, packings), 5))
    print(verdict("epoch", ratio(files, epochs), 50))


if __name__ == "__main__":
    main()
