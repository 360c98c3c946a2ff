"""A thousand damaged files: each gives one sentence, or a read that differs only where the format protects nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image

CASES = 1000
SECONDS = 30  # a read that takes longer hangs
MEMORY = 6 << 30  # [bytes] of address space: what a header says must not be believed
RANDOM = np.random.default_rng(1)
STAMPS = RANDOM.normal(100, 10, (4, 3, 16, 16)).astype(np.float32)
CATALOGUE = {"id": np.arange(40), "u": RANDOM.normal(20, 1, 40), "g": RANDOM.normal(19, 1, 40).astype(np.float32)}
CURVE = {
    "time": np.sort(RANDOM.uniform(0, 100, 30)),
    "mag": RANDOM.normal(15, 1, 30),
    "err": RANDOM.uniform(0.1, 1, 30),
}

Read = Callable[[Path], dict[str, np.ndarray]]


def fits_image(*, checksum: bool = False, compressed: bool = False) -> bytes:
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    hdus = fits.HDUList([fits.PrimaryHDU(), *(kind(plane, name=f"B{i}") for i, plane in enumerate(STAMPS[0]))])
    return written(lambda out: hdus.writeto(out, checksum=checksum))


def fits_integers() -> bytes:
    hdu = fits.PrimaryHDU((STAMPS[0] * 100).astype(np.int16))
    hdu.header["BZERO"], hdu.header["BSCALE"], hdu.header["BLANK"] = 100.0, 0.5, -1
    return written(hdu.writeto)


def fits_table(*, checksum: bool = False) -> bytes:
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(Table(CATALOGUE))])
    return written(lambda out: hdus.writeto(out, checksum=checksum))


def written(write: Callable[[Any], None]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(out)
    return out.getvalue()


def text(form: str) -> bytes:
    out = io.StringIO()
    Table(CATALOGUE).write(out, format=form)
    return out.getvalue().encode()


def hdf5(arrays: dict[str, np.ndarray]) -> bytes:
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    return out.getvalue()


def photograph(form: str) -> bytes:
    pixels = STAMPS[0].transpose(1, 2, 0).astype(np.uint8)
    return written(lambda out: Image.fromarray(pixels).save(out, form))


def npz() -> bytes:
    return written(lambda out: np.savez_compressed(out, images=STAMPS))


def packed(archive: Any, cache: Path) -> dict[str, np.ndarray]:
    """Everything in the store of an archive, by name."""
    from starbolt.store import pack

    store = pack(archive, cache=cache, workers=1)
    found = {f"catalogue.{name}": store.catalogue[name].to_numpy() for name in store.catalogue.column_names}
    for name, modality in store.modalities.items():
        found |= {f"{name}.{key}": np.array(plane) for key, plane in vars(modality.data).items() if plane is not None}
    return found


def as_table(path: Path) -> dict[str, np.ndarray]:
    from starbolt.archives.tables import TableArchive

    return packed(TableArchive(path, id="id"), path.parent / "cache")


def as_images(hdu: Any = None) -> Read:
    from starbolt.archives.images import ImageArchive

    def read(path: Path) -> dict[str, np.ndarray]:
        catalogue = pa.table({"file": [path.name]})
        return packed(ImageArchive(catalogue, file="file", root=str(path.parent), hdu=hdu), path.parent / "cache")

    return read


def as_stack(path: Path) -> dict[str, np.ndarray]:
    from starbolt.archives.images import ImageArchive

    catalogue = pa.table({"number": np.arange(len(STAMPS))})
    return packed(ImageArchive(catalogue, stack=str(path), file="number", id="number"), path.parent / "cache")


def as_curve(path: Path) -> dict[str, np.ndarray]:
    from starbolt.archives.series import SeriesArchive

    roles = {"time": "time", "value": "mag", "error": "err"}
    objects = pa.table({"file": [path.name]})
    return packed(SeriesArchive(objects=objects, file="file", root=str(path.parent), **roles), path.parent / "cache")


BANDS = ["B0", "B1", "B2"]
KINDS: dict[str, tuple[bytes, str, Callable[[], Read], bool]] = {}  # content, ending, reader, every byte protected


def _kind(name: str, content: bytes, ending: str, read: Callable[[], Read], *, protected: bool = False) -> None:
    KINDS[name] = (content, ending, read, protected)


def _fill() -> None:
    _kind("FITS image", fits_image(), ".fits", lambda: as_images(BANDS))
    _kind("FITS image with checksums", fits_image(checksum=True), ".fits", lambda: as_images(BANDS), protected=True)
    _kind("FITS image, tiles", fits_image(compressed=True), ".fits.fz", lambda: as_images(BANDS))
    _kind("FITS image, gzip", gzip.compress(fits_image()), ".fits.gz", lambda: as_images(BANDS), protected=True)
    _kind("FITS integers", fits_integers(), ".fits", as_images)
    _kind("FITS table", fits_table(), ".fits", lambda: as_table)
    _kind("FITS table with checksums", fits_table(checksum=True), ".fits", lambda: as_table, protected=True)
    _kind("CSV", text("ascii.csv"), ".csv", lambda: as_table)
    _kind("ECSV", text("ascii.ecsv"), ".ecsv", lambda: as_table)
    _kind("VOTable", written(lambda out: Table(CATALOGUE).write(out, format="votable")), ".vot", lambda: as_table)
    _kind("Parquet", written(lambda out: pq.write_table(pa.table(CATALOGUE), out)), ".parquet", lambda: as_table)
    _kind("HDF5 table", hdf5(CATALOGUE), ".h5", lambda: as_table)
    _kind("HDF5 stack", hdf5({"images": STAMPS}), ".h5", lambda: as_stack)
    _kind("NPY stack", written(lambda out: np.save(out, STAMPS)), ".npy", lambda: as_stack)
    _kind("NPZ stack", npz(), ".npz", lambda: as_stack)
    _kind("PNG", photograph("PNG"), ".png", as_images)
    _kind("JPEG", photograph("JPEG"), ".jpg", as_images)
    _kind(
        "light curve, Parquet", written(lambda out: pq.write_table(pa.table(CURVE), out)), ".parquet", lambda: as_curve
    )
    _kind("light curve, FITS", written(fits.BinTableHDU(Table(CURVE)).writeto), ".fits", lambda: as_curve)


_fill()


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Cut short, some bytes flipped, a stretch of zeros, a stretch lost, or a number in the text changed."""
    data, kind = bytearray(content), random.integers(6)
    at = int(random.integers(len(data)))
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        for place in random.integers(len(data), size=random.integers(1, 9)):
            data[place] ^= 1 << random.integers(8)
    elif kind == 2:
        end = min(len(data), at + int(random.integers(1, 3000)))
        data[at:end] = bytes(end - at)
    elif kind == 3:
        del data[at : at + int(random.integers(1, 3000))]
    else:
        return _renumbered(content, random)
    return bytes(data)


def _renumbered(content: bytes, random: np.random.Generator) -> bytes:
    numbers = list(re.finditer(rb"(?<== |, |\( )[ ]*-?\d+|<[fiu]\d", content[:20_000]))
    if not numbers:
        return content[: len(content) // 2]
    found = numbers[random.integers(len(numbers))]
    strange = [b"-7", b"0", b"3", b"99999999", b"<O8", b"1e99", b"T"][random.integers(7)]
    return (
        content[: found.start()]
        + strange.rjust(len(found[0]))[: max(len(found[0]), len(strange))]
        + content[found.end() :]
    )


def outcome(kind: str, seed: int, folder: Path) -> str:
    """What became of one damaged file, "" where all is well."""
    content, ending, reader, protected = KINDS[kind]
    harmed = damaged(content, np.random.default_rng([seed, sorted(KINDS).index(kind)]))
    path = folder / f"harmed{ending}"
    path.write_bytes(harmed)
    try:
        found = reader()(path)
    except (ValueError, OSError, ImportError) as error:
        said = str(error)
        wrong = [] if path.name in said else ["does not name the file"]
        wrong += ["is more than a line"] if "\n" in said.strip() or len(said) > 700 else []
        wrong += ["is empty"] if not said.strip() else []
        return f"the sentence {said!r} {', '.join(wrong)}" if wrong else _half_written(folder)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    if not protected or harmed == content:
        return ""
    (folder / f"whole{ending}").write_bytes(content)
    whole = reader()(folder / f"whole{ending}")
    alike = [name for name in whole if not name.startswith("catalogue.") or ending not in (".fz", ".gz")]
    names = [name for name in alike if name not in found or not _same(found[name], whole[name])]
    names = [name for name in names if name not in ("catalogue.file", "catalogue.starbolt_id") or "table" in kind]
    return f"reads differently in {names} though every byte is protected" if names else ""


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and (a.tobytes() == b.tobytes() or a.tolist() == b.tolist())


def _half_written(folder: Path) -> str:
    from starbolt.store import Store

    stores = [f for f in (folder / "cache").glob("*") if f.is_dir() and not f.name.startswith(".")]
    return "".join(f"a half-written store {f.name}" for f in stores if not Store.is_whole(f))


def read_many(kind: str, first: int, last: int, folder: Path) -> None:
    """In a process of its own: one line of JSON per file, begun before it is read and ended after."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    for seed in range(first, last):
        place = folder / f"{kind.replace(' ', '_').replace(',', '')}_{seed}"
        place.mkdir()
        print(seed, end=" ", flush=True)
        signal.alarm(SECONDS)
        print(json.dumps(outcome(kind, seed, place)), flush=True)
        signal.alarm(0)


def test_the_undamaged_files_are_read(tmp_path: Path) -> None:
    for kind, (content, ending, reader, _) in KINDS.items():
        folder = tmp_path / kind.replace(" ", "_")
        folder.mkdir()
        (folder / f"whole{ending}").write_bytes(content)
        assert len(reader()(folder / f"whole{ending}")) >= 2, kind


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_gives_a_sentence_or_its_unprotected_bytes(kind: str, tmp_path: Path) -> None:
    each = -(-CASES // len(KINDS))
    done = subprocess.run(
        [sys.executable, __file__, kind, "0", str(each), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    told = [line.split(" ", 1) for line in done.stdout.splitlines()]
    wrong = {line[0]: line[1] for line in told if len(line) == 2 and line[1] != '""'}
    assert not wrong, wrong
    assert done.returncode == 0, f"seed {told[-1][0]} ended the process ({done.returncode}): {done.stderr[-500:]}"
    assert len(told) == each


if __name__ == "__main__":
    read_many(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
