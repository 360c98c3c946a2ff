"""Memory that does not grow with the data: RssAnon of `starbolt train` on a small and on a large store.

python benchmarks/memory.py [--sizes 600 6000] [--pixels 256] [--rows 200000 2000000] [--columns 50]

Anonymous memory is what a process cannot give back; the pages of the mapped store are not part of it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib.format import open_memmap
from timing import scratch

SHORT = ["trainer.max_epochs=1", "test=false", "optim.lr=1e-3"]
NETWORKS = {"images": ["model=cnn", "model.width=2", "model.stages=2"], "table": ["model=mlp"]}
LIMIT = 500  # MB


def write_images(folder: Path, megabytes: int, pixels: int) -> list[str]:
    """A stack of float32 images of so many MB in all, written a piece at a time; the words that name it."""
    objects = megabytes * 1_000_000 // (4 * pixels * pixels)
    stack = open_memmap(folder / "stack.npy", mode="w+", dtype=np.float32, shape=(objects, 1, pixels, pixels))
    random = np.random.default_rng(0)
    for start in range(0, objects, 64):  # all different, or the audit would find copies
        stack[start : start + 64] = random.random((min(64, objects - start), 1, pixels, pixels), np.float32)
    rows = "".join(f"{i},{'AB'[i % 2]}\n" for i in range(objects))
    (folder / "labels.csv").write_text("row,kind\n" + rows)
    return ["data=images", f"data.catalogue={folder}/labels.csv", f"data.stack={folder}/stack.npy", "data.file=row"]


def write_table(folder: Path, rows: int, columns: int) -> list[str]:
    """A catalogue of so many rows in Parquet; the words that name it."""
    random = np.random.default_rng(0)
    table = {f"c{i}": random.normal(size=rows).astype(np.float32) for i in range(columns)}
    table["kind"] = np.array(["A", "B"])[random.integers(0, 2, rows)]
    pq.write_table(pa.table(table), folder / "table.parquet")
    return ["data=table", f"data.path={folder}/table.parquet"]


def anonymous(pid: int) -> float:
    """RssAnon [MB] of a process or, where that has more, of a child (forks share what they do not write)."""
    most = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "status").read_text().split()
            mine = folder.name == str(pid) or words[words.index("PPid:") + 1] == str(pid)
            most = max(most, float(words[words.index("RssAnon:") + 1]) / 1000 if mine else 0)
        except (OSError, ValueError):
            continue  # it ended, or it is the kernel's
    return most


def peak(words: list[str]) -> tuple[float, float]:
    """The largest RssAnon [MB] seen while the command runs, and its seconds."""
    began, most = time.perf_counter(), 0.0
    command = [sys.executable, "-m", "starbolt", *words]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        most = max(most, anonymous(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed")
    return most, time.perf_counter() - began


def measured(what: str, folder: Path, data: list[str], kind: str) -> float:
    """Pack, train for an epoch, tell both; the training's peak [MB]."""
    data = [*data, "data.target=kind", f"data.cache={folder}/cache"]
    target = data.pop(-2)
    packing, seconds = peak(["pack", *data])
    print(f"{what:24} pack  {packing:7.0f} MB in {seconds:5.0f} s")
    run = ["task=classification", f"run={folder}/run", *SHORT, *NETWORKS[kind]]
    training, seconds = peak(["train", *data, target, *run])
    print(f"{what:24} train {training:7.0f} MB in {seconds:5.0f} s", flush=True)
    return training


def main() -> None:
    """Small, then large, for images and for a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[600, 6000], help="MB of the stores of images")
    parser.add_argument("--pixels", type=int, default=256)
    parser.add_argument("--rows", type=int, nargs="*", default=[200_000, 2_000_000])
    parser.add_argument("--columns", type=int, default=50)
    options = parser.parse_args()
    peaks: dict[str, list[float]] = {"images": [], "table": []}
    for size in options.sizes:
        with scratch() as folder:
            data = write_images(folder, size, options.pixels)
            peaks["images"].append(measured(f"images, {size} MB", folder, data, "images"))
    for rows in options.rows:
        with scratch() as folder:
            data = write_table(folder, rows, options.columns)
            peaks["table"].append(measured(f"table, {rows} rows", folder, data, "table"))
    for kind, found in peaks.items():
        if len(found) > 1:
            growth = found[-1] - found[0]
            kept = f"; promised below {LIMIT}: {'kept' if growth < LIMIT else 'MISSED'}" if kind == "images" else ""
            print(f"training on {kind}: RssAnon grows by {growth:.0f} MB (ratio {found[-1] / found[0]:.2f}){kept}")


if __name__ == "__main__":
    main()
