"""What a GPU gives under starbolt: training, the way of the data to it, and ten million stamps, beside a plain loop.

python benchmarks/gpu.py [--small] [--minutes 8] [--only SECTION ...] [--folder FOLDER] [--stamps 1000000] [--json FILE]

Each figure is the median of five, warm-up excluded, with its spread; beside it what the card could do at most, from its
own ceilings measured first. Everybody's numbers are on the device, so that nothing but the work itself is compared. A
section that fails says so and the next one begins. --small: all of it in little, on a CPU too; no figure of it means
anything. --folder: where the packed stamps are written (24 GB, removed at the end).
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch
from gpu_card import MODES, Bench, ceilings, provenance
from gpu_feeding import STAMP, compiled_scoring, feed, scoring, stamps
from gpu_training import cnn, gru, mlp

SECTIONS = {  # in this order, with the seconds that each may take
    "card": (ceilings, 40),
    "mlp": (mlp, 150),
    "stamps": (stamps, 90),
    "feed": (feed, 40),
    "scoring": (scoring, 110),
    "gru": (gru, 40),
    "cnn": (cnn, 130),
    "compiled": (compiled_scoring, 70),
}
NEEDED = {"feed": "stamps", "scoring": "stamps", "compiled": "stamps"}


def quiet() -> None:
    """Hold back what Lightning and the compiler say: the table is what is wanted."""
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)


def room(asked: Path | None, nbytes: int) -> Path:
    """A folder for so many bytes: the one asked for, else $TMPDIR or /tmp, else memory, where the disk is too full."""
    usual = asked or Path(tempfile.gettempdir())
    memory = Path("/dev/shm")
    if asked or shutil.disk_usage(usual).free > 1.2 * nbytes or not memory.is_dir():
        return usual
    return memory if shutil.disk_usage(memory).free > 1.2 * nbytes else usual


def chosen(only: list[str] | None) -> list[str]:
    """The sections to run, and those that they need."""
    wanted = set(only or SECTIONS)
    return [name for name in SECTIONS if name in wanted | {"card"} | {NEEDED.get(each) for each in wanted}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--minutes", type=float, default=8.0, help="sections that do not fit are left out")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS))
    parser.add_argument("--modes", nargs="*", default=list(MODES), help="of torch.compile, for the plain loops")
    parser.add_argument("--batches", type=int, nargs="*", help="of the MLP; default: all")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--stamps", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="write the table there too")
    asked = parser.parse_args()
    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cpu" and not asked.small:
        sys.exit("torch sees no GPU here; python benchmarks/gpu.py --small runs all of it in little on the CPU")
    quiet()
    ends = time.monotonic() + 60 * asked.minutes
    count = 640 if asked.small else asked.stamps
    about = provenance(device)
    print("\n".join(about), flush=True)
    with tempfile.TemporaryDirectory(prefix="starbolt-gpu-", dir=room(asked.folder, count * STAMP)) as folder:
        bench = Bench(device, Path(folder), asked.small, ends, count, tuple(asked.modes), tuple(asked.batches or ()))
        for name in chosen(asked.only):
            bench.run(name, *SECTIONS[name])
    print("\n".join(["", *about, *map(str, bench.rows)]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"about": about, "rows": bench.rows, "ceilings": bench.ceilings}, indent=1))
    if bench.failed:
        sys.exit(f"failed: {', '.join(bench.failed)}")


if __name__ == "__main__":
    main()
