"""Memory that does not grow with the catalogue: RssAnon of `starbolt predict` on few and on many objects.

python benchmarks/predict_memory.py [--rows 200000 2000000] [--columns 20] [--sizes 600 6000] [--pixels 64]

The first run packs the objects, the second finds them packed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from memory import NETWORKS, SHORT, peak, write_images, write_table
from timing import scratch

LIMIT = 100  # MB
ONCE = {"table": [], "images": ["data.symmetries=false"]}  # of each image one pass, not eight
FEW = {"table": 5_000, "images": 60}  # rows, or MB of images, to train on


def written(kind: str, folder: Path, size: int, side: int) -> list[str]:
    """Rows of so many columns, or MB of images of so many pixels a side, in a folder of their own; how to name them."""
    folder.mkdir()
    return (write_table if kind == "table" else write_images)(folder, size, side)


def trained(kind: str, folder: Path, side: int) -> str:
    """The checkpoint of a small network."""
    data = written(kind, folder / "few", FEW[kind], side)
    words = ["data.target=kind", f"data.cache={folder}/cache", "task=classification", f"run={folder}/run"]
    peak(["train", *data, *words, *SHORT, *NETWORKS[kind], *ONCE[kind]])
    return f"{folder}/run"


def measured(kind: str, folder: Path, run: str, size: int, side: int) -> float:
    """Predict twice and tell of both; the second one's peak [MB]."""
    given = [word for word in written(kind, folder / f"{size}", size, side) if not word.startswith("data=")]
    for what in ("first", "again"):
        words = [f"checkpoint={run}", f"data.cache={folder}/cache", f"output={folder}/{what}_{size}.parquet", *given]
        most, seconds = peak(["predict", *words])
        unit = "rows" if kind == "table" else "MB"
        print(f"{kind}, {size} {unit:6} {what} {most:7.0f} MB in {seconds:5.0f} s", flush=True)
    return most


def main() -> None:
    """Few, then many, for a table and for images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[200_000, 2_000_000])
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="*", default=[600, 6000], help="MB of images")
    parser.add_argument("--pixels", type=int, default=64)
    options = parser.parse_args()
    for kind, sizes, side in (("table", options.rows, options.columns), ("images", options.sizes, options.pixels)):
        with scratch() as folder:
            run = trained(kind, folder, side) if sizes else ""
            peaks = [measured(kind, folder, run, size, side) for size in sizes]
        if len(peaks) > 1:
            growth = peaks[-1] - peaks[0]
            kept = "kept" if growth < LIMIT else "MISSED"
            print(f"predicting {kind}, packed: RssAnon grows by {growth:.0f} MB; promised below {LIMIT}: {kept}")


if __name__ == "__main__":
    main()
