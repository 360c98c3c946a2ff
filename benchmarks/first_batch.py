"""Large catalogues: from the command to the first batch, and from photometric points to a packed store.

python benchmarks/first_batch.py [--rows 1000000] [--columns 50] [--points 2000000] [--objects 20000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from timing import scratch, seconds, told, verdict

from starbolt.archives.series import SeriesArchive
from starbolt.store import pack

FIRST = """
import sys
from starbolt import build
from starbolt.compose import compose_data
data = build.data(compose_data(sys.argv[1:]))
data.open("quantity")
batch = next(iter(data.train_dataloader()))
assert batch.inputs["table"].x.shape[0] == 256
print("there", flush=True)
"""
PLAIN = """
import sys
import numpy as np, pandas, torch
table = pandas.read_parquet(sys.argv[1])
x = torch.from_numpy(table.drop(columns=["objid", "z"]).to_numpy(np.float32))
x = (x - x.mean(0)) / x.std(0)
batch = x[torch.randperm(len(x))[:256]]
print("there", flush=True)
"""


def write_table(path: Path, rows: int, columns: int) -> None:
    """A catalogue: an id, a target and the other columns, float64 and float32 in turn."""
    random = np.random.default_rng(0)
    table = {"objid": np.arange(rows) + 1_237_648_720_693_755_918, "z": random.random(rows)}
    table |= {f"c{i}": random.normal(size=rows).astype("f4" if i % 2 else "f8") for i in range(columns - 2)}
    pq.write_table(pa.table(table), path)


def write_points(path: Path, points: int, objects: int) -> None:
    """A long table of photometry in two bands, in no order."""
    random = np.random.default_rng(0)
    flux = random.normal(size=points)
    columns = {"objid": random.integers(0, objects, points), "mjd": random.uniform(59000, 60000, points), "flux": flux}
    columns |= {"err": random.uniform(0.1, 1, points), "band": np.array(["g", "r"])[random.integers(0, 2, points)]}
    pq.write_table(pa.table(columns), path)


def run(*words: str) -> float:
    """Seconds from the start of a Python process of its own, so that imports count, to its first batch."""
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        if process.stdout.readline() != "there\n":
            raise SystemExit("the process failed")
        return time.perf_counter() - began


def light_curves(path: Path, cache: Path) -> int:
    """Pack the points anew; how many objects."""
    shutil.rmtree(cache, ignore_errors=True)
    options = {"time": "mjd", "value": "flux", "error": "err", "band": "band", "id": "objid"}
    return len(pack(SeriesArchive(str(path), **options), cache=cache))


def plain_curves(path: Path) -> int:
    """The usual way: a pandas group per object, sorted and made an array."""
    table = pq.read_table(path).to_pandas()
    columns = ["mjd", "flux", "err"]
    return len([one.sort_values("mjd")[columns].to_numpy() for _, one in table.groupby("objid")])


def main() -> None:
    """Each side in turn, every time from nothing; then once more, the store being there."""
    parser = argparse.ArgumentParser(description=__doc__)
    for word, default in (("rows", 1_000_000), ("columns", 50), ("points", 2_000_000), ("objects", 20_000)):
        parser.add_argument(f"--{word}", type=int, default=default)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with scratch() as folder:
        table, points, cache = folder / "table.parquet", folder / "points.parquet", folder / "cache"
        write_table(table, options.rows, options.columns)
        write_points(points, options.points, options.objects)
        words = ["data=table", f"data.path={table}", "data.id=objid", "data.target=z", f"data.cache={cache}"]
        first, again, plain, curves, groups = [], [], [], [], []
        for _ in range(options.repeats):
            shutil.rmtree(cache, ignore_errors=True)
            first.append(run(FIRST, *words))
            again.append(run(FIRST, *words))
            plain.append(run(PLAIN, str(table)))
            curves.append(seconds(lambda: light_curves(points, cache)))
            groups.append(seconds(lambda: plain_curves(points)))
    print(told(f"{options.rows} x {options.columns} Parquet to the first batch", first))
    print(told("  the store being there", again))
    print(told("  pandas and torch, nothing checked", plain))
    print(told(f"{options.points} points, {options.objects} light curves packed", curves))
    print(told("  a pandas loop over groups", groups))
    print(verdict("first batch, against 10 s", 10 / float(np.median(first)), 1))
    print(verdict("light curves, against 30 s", 30 / float(np.median(curves)), 1))


if __name__ == "__main__":
    main()
