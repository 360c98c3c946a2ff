"""A folder with every file, run and sweep that the commands of the docs name, small; and a shell to try them in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

ROOT = Path(__file__).parents[2]
REGRESSION = "data=table data.path=cat.fits data.target=z model=mlp task=regression"  # where the docs write ...
CLASSES = "data=table data.path=types.fits data.target=type model=mlp task=classification"
OTHERS = {  # the same with less to wait for, or with what is there
    r"(?<=train )\.\.\.(?=.*model\.init)": "experiment=NAME",
    r"(?<=train )\.\.\.(?=.*(data\.classes|min_count))|(?<=-m )\.\.\.(?=.*(data\.classes|min_count))": CLASSES,
    r"(?<=train )\.\.\.|(?<=-m )\.\.\.": REGRESSION,
    r"launcher=slurm": "launcher=local",
    r"range\(\d+\)": "range(2)",
    r"sweep\.trials=\d+": "sweep.trials=2",
    r"python predict\.py": f"{sys.executable} {ROOT}/examples/onnx/predict.py",
    r"checkpoint=runs/NAME/DATE_TIME(?= data\.observations)": "checkpoint=runs/NAME/SERIES",
}
WRAPPER = f"""#!{sys.executable}
import os, sys
words = sys.argv[1:]
if words[:1] == ["train"] and not any(word.startswith("run=") for word in words):
    words += ["trainer.max_epochs=1", "report=false"]
os.execv(sys.executable, [sys.executable, "-m", "starbolt", *words])
"""
NAME = """# @package _global_
defaults:
  - override /data: table
  - override /model: mlp
  - override /task: regression
data:
  path: cat.fits
  target: z
  exclude: [objid, ra, dec]
model:
  width: 16
"""
SERIES = """data=series data.observations=phot.parquet data.objects=heads.parquet data.id=id data.time=mjd
    data.value=mag data.error=mag_err data.band=band data.target=class model=gru task=classification"""


@pytest.fixture(scope="session")
def shell(tmp_path_factory) -> Callable[[Path, str], None]:
    """(folder, command) -> run it there in a shell; AssertionError with what it said where it fails."""
    tools = tmp_path_factory.mktemp("bin")
    (tools / "starbolt").write_text(WRAPPER)
    (tools / "starbolt").chmod(0o755)
    path = f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    more = {"PATH": path, "WANDB_MODE": "offline", "SLURM_ARRAY_TASK_ID": "0", "STARBOLT_CACHE": str(tools / "cache")}

    def run(folder: Path, command: str) -> None:
        for written, tried in OTHERS.items():
            command = re.sub(written, tried, command)
        words = {"cwd": folder, "env": os.environ | more, "capture_output": True, "text": True, "timeout": 300}
        done = subprocess.run(["bash", "-euc", command], **words)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"

    return run


@pytest.fixture(scope="session")
def world(tmp_path_factory, shell) -> Path:
    """The folder; three trainings have been there."""
    folder = tmp_path_factory.mktemp("world")
    names = ("cat.fits", "new.fits", "test.fits", "a.fits", "b.fits", "cat_1.fits", "cat_2.fits")
    for number, name in enumerate(names):
        catalogue(300, number).write(folder / name)
    catalogue(300, 21).write(folder / "cat.h5", path="GROUP", format="hdf5")
    kinds = catalogue(300, 20)["objid", "mag_u", "mag_g", "mag_r"]
    kinds["type"] = np.random.default_rng(0).choice(["E", "S0", "Sa", "Sb", "Sc"], 300)
    kinds.write(folder / "types.fits")
    write_light_curves(folder)
    write_images(folder)
    write_public(folder)
    (folder / "conf/experiment").mkdir(parents=True)
    (folder / "conf/experiment/NAME.yaml").write_text(NAME)
    short = "trainer.max_epochs=1 report=false"
    shell(folder, f"starbolt train experiment=NAME run=runs/NAME/DATE_TIME {short}")
    shell(folder, f"starbolt train {' '.join(SERIES.split())} run=runs/NAME/SERIES {short}")
    shell(folder, "starbolt train -m experiment=NAME 'seed=range(2)' sweep.name=NAME")
    return folder


def catalogue(n: int, seed: int) -> Table:
    """Galaxies with the columns that the docs name."""
    rng = np.random.default_rng(seed)
    bands = {f"mag_{band}": 20 + rng.normal(size=n) for band in "ugriz"}
    redshift = 0.3 + 0.05 * (bands["mag_g"] - 20) + 0.01 * rng.normal(size=n)
    names = {"objid": [f"G{seed}-{i}" for i in range(n)], "part": rng.choice(["train", "val", "cal", "test"], n)}
    sky = {"ra": 360 * rng.random(n), "dec": 60 * rng.random(n)}
    return Table({**names, **sky, **bands, "z": redshift, "z_err": np.full(n, 0.01)})


def write_light_curves(folder: Path, objects: int = 80, points: int = 12) -> None:
    """phot.parquet, heads.parquet and new.parquet, under all the column names that the docs use."""
    rng = np.random.default_rng(3)
    names, kind = np.array([f"S{i}" for i in range(objects)]), rng.choice(["ia", "ii"], objects)
    of = np.repeat(np.arange(objects), points)
    time, band = 60000 + 100 * rng.random(len(of)), rng.choice(["g", "r"], len(of))
    value, error = 20 + np.where(kind[of] == "ia", 1, -1) + 0.1 * rng.normal(size=len(of)), np.full(len(of), 0.1)
    columns = {
        **dict.fromkeys(("snid", "id", "name"), names[of]),
        **dict.fromkeys(("mjd", "MJD"), time),
        **dict.fromkeys(("flux", "mag"), value),
        **dict.fromkeys(("flux_err", "mag_err", "sigma"), error),
        **dict.fromkeys(("flt", "band"), band),
    }
    pq.write_table(pa.table(columns), folder / "phot.parquet")
    heads = {**dict.fromkeys(("snid", "id"), names), **dict.fromkeys(("type", "class"), kind)}
    pq.write_table(pa.table(heads), folder / "heads.parquet")
    np.savez(folder / "objects.npz", table=rng.normal(20, 1, (4, 6)))  # of the run NAME/DATE_TIME
    galaxies = catalogue(len(of), 9).to_pandas().drop(columns=["z"])  # one file for a table's run and for a series' run
    more = {name: columns[name] for name in ("name", "MJD", "mag", "sigma", "band")}
    galaxies.assign(**more).to_parquet(folder / "new.parquet")


def write_images(folder: Path, objects: int = 60) -> None:
    """labels.csv with cut-outs, here and in cutouts/, and the same as a stack."""
    rng = np.random.default_rng(4)
    kind = rng.choice(["E", "S"], objects)
    stack = rng.normal(size=(objects, 1, 24, 24)).astype(np.float32)
    stack[kind == "E", :, 8:16, 8:16] += 2
    (folder / "cutouts").mkdir()
    names = [f"c{i:02d}.fits" for i in range(objects)]
    for name, image in zip(names, stack, strict=True):
        fits.writeto(folder / name, image)
        fits.writeto(folder / "cutouts" / name, image)
    Table({"file": names, "class": kind}).write(folder / "labels.csv")
    with h5py.File(folder / "images.h5", "w") as file:
        file["DATASET"] = stack


def write_public(folder: Path, objects: int = 60) -> None:
    """Look-alikes of the public sets that docs/public.md describes."""
    rng = np.random.default_rng(5)
    ids, label = np.arange(objects), rng.integers(0, 2, objects)
    np.save(folder / "braai.triplets.norm.programid1.npy", rng.normal(size=(objects, 63, 63, 3)).astype(np.float32))
    Table({"candid": ids, "label": label}).write(folder / "braai.candidates.programid1.csv")

    of = np.repeat(ids, 8)
    flux, band = rng.normal(size=len(of)), rng.integers(0, 6, len(of))
    curves = {"object_id": of, "mjd": 59000 + 99 * rng.random(len(of)), "passband": band, "flux": flux, "flux_err": 0.1}
    written(folder / "plasticc_train_lightcurves.csv.gz", curves)
    written(folder / "plasticc_train_metadata.csv.gz", {"object_id": ids, "target": 42 + label})

    for part in ("TRAIN", "TEST"):
        cells = {"phase": rng.random((objects, 8)).tolist(), "brightness": flux.reshape(objects, 8).tolist()}
        names = [f"{part} {i}" for i in ids]
        pq.write_table(pa.table({"id": names, "class": label, **cells}), folder / f"{part}.parquet")

    for part, first in (("training", 0), ("validation", objects)):
        with h5py.File(folder / f"test_dc2_{part}_9816.hdf5", "w") as file:
            for name in "ugrizy":
                file[f"photometry/mag_{name}_lsst"] = 24 + rng.normal(size=objects)
                file[f"photometry/mag_err_{name}_lsst"] = 0.1 + 0.01 * rng.random(objects)
            file["photometry/redshift"], file["photometry/id"] = rng.random(objects), first + ids


def written(path: Path, columns: dict) -> None:
    """A CSV table."""
    table = Table({name: np.broadcast_to(column, len(columns["object_id"])) for name, column in columns.items()})
    table.to_pandas().to_csv(path, index=False)
