import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from starbolt.simulate import catalogue, cutouts, lightcurves, noise, simulate, supernovae

SKY = Path(__file__).parents[2] / "docs" / "sky.md"
OTHERS = {"BANDS", "PLANES", "TYPES", "CHUNK", "M_STAR", "LIGHT"}  # names, told one by one, or with more digits
SMALL = {"galaxies": 60, "stamps": 12, "stars": 12}


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        simulate(tmp_path / name, **SMALL, seed=seed)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert digest(tmp_path / "one").keys() == digest(tmp_path / "other").keys()
    assert not set(digest(tmp_path / "one").values()) & set(digest(tmp_path / "other").values())


def test_a_product_does_not_depend_on_the_size_of_another(tmp_path):
    few = simulate(tmp_path / "few", **SMALL)
    more = simulate(tmp_path / "more", **{**SMALL, "galaxies": 90})
    assert few["photometry"].read_bytes() == more["photometry"].read_bytes()
    assert few["labels"].read_bytes() == more["labels"].read_bytes()


def test_it_returns_what_it_wrote_and_leaves_nothing_else(tmp_path):
    paths = simulate(tmp_path / "deep" / "sky", **SMALL)
    assert set(paths) == {"catalogue", "cutouts", "labels", "photometry", "stars"}
    assert {path.name for path in (tmp_path / "deep" / "sky").iterdir()} == {path.name for path in paths.values()}
    assert len(list(paths["cutouts"].glob("*.fits"))) == 12


def test_nothing_half_written_is_left_behind(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("starbolt.simulate.write_stars", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "sky", **SMALL)
    assert list((tmp_path / "sky").iterdir()) == []


def test_a_file_or_a_filled_folder_is_refused_and_left_as_it_was(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"notes\.txt is a file; name a new folder with output="):
        simulate(tmp_path / "notes.txt", **SMALL)
    with pytest.raises(ValueError, match=r"is not empty \(it holds notes\.txt\); name a new folder with output="):
        simulate(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_supernovae_are_added_to_the_same_stars(tmp_path):
    plain, more = (simulate(tmp_path / str(n), **SMALL, supernovae=n) for n in (0, 5))
    for name in ("stars", "photometry"):
        before, after = (pq.read_table(paths[name]) for paths in (plain, more))
        assert after.slice(0, len(before)).equals(before)
    assert pq.read_table(more["stars"])["class"].to_pylist()[-5:] == ["supernova"] * 5
    with pytest.raises(ValueError, match="supernovae=-1 is below 0"):
        simulate(tmp_path / "none", supernovae=-1)


@pytest.mark.parametrize(
    ("name", "value"), [("galaxies", 0), ("stars", -5), ("difficulty", 0.0), ("difficulty", float("nan"))]
)
def test_numbers_that_are_not_positive_are_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name}={value} is not positive"):
        simulate(tmp_path / "sky", **{**SMALL, name: value})


def test_it_needs_no_torch():
    code = "import sys, starbolt.simulate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0


def numbers(value):
    """The numbers of a constant, or of a cell of the docs."""
    if isinstance(value, str):
        return {float(each.replace(",", "")) for each in re.findall(r"(?<![\w.])-?\d[\d,]*\.?\d*(?:e-?\d+)?", value)}
    values = value.values() if isinstance(value, dict) else np.ravel(value)
    return {float(f"{each:.6g}") for each in values}


@pytest.mark.parametrize("module", [catalogue, cutouts, lightcurves, noise, supernovae])
def test_every_constant_stands_in_the_docs_with_its_value_and_source(module):
    rows = [line.split("|") for line in SKY.read_text().splitlines() if line.startswith("| ")]
    told = [(row[1] + row[2], numbers(row[1] + row[2])) for row in rows if len(row) == 5 and row[3].strip()]
    public = (name for name in vars(module) if name.isupper() and not name.startswith("_"))
    constants = {name: getattr(module, name) for name in public if name not in OTHERS}
    if module is catalogue:
        constants |= {name: [getattr(kind, name) for kind in module.TYPES] for name in module.SpectralType._fields}
    for name, value in constants.items():
        beside = [known for words, known in told if f"`{name}`" in words]
        wanted = {abs(each) for each in numbers(value)} - {0.0}  # the words tell in which direction
        assert any(wanted <= {abs(each) for each in known} for known in beside), f"{name}: {wanted}"
