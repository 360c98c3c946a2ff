"""Packing decodes every object once, and what is packed is what was decoded."""

import importlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives import Archive, Dense, Sample
from starbolt.cache import default_cache
from starbolt.store import Store, pack

MODULE = importlib.import_module("starbolt.store.pack")  # the function of the same name hides it


def images(n, dtype="u1", seed=0):
    random = np.random.default_rng(seed)
    return [(random.uniform(0, 200, (2, 4, 3))).astype(dtype) for _ in range(n)]


@pytest.mark.parametrize("dtype", ["u1", "f2", ">f4", ">i2"])
def test_images_come_back_bit_for_bit(boxed, tmp_path, dtype):
    samples = images(5, dtype)
    found = pack(boxed(samples, ("g", "r")), cache=tmp_path).modalities["image"]
    assert np.array_equal(found.data.x, np.stack(samples))
    assert found.data.x.dtype == np.dtype(dtype).newbyteorder("=")
    assert (found.kind, found.channels, found.shape, found.complete) == ("image", ("g", "r"), (2, 4, 3), True)


def test_series_come_back_sorted_in_time(boxed, tmp_path, light_curves):
    found = pack(boxed(light_curves, ("b", "r")), cache=tmp_path).modalities["series"]
    assert found.shape == (2, 9)
    for i, sample in enumerate(light_curves):
        order, here = np.argsort(sample.time), slice(*found.data.offsets[i : i + 2])
        assert np.array_equal(found.data.time[here], sample.time[order])
        assert np.array_equal(found.data.x[here], sample.x.T[order], equal_nan=True)
        assert np.array_equal(found.data.err[here], sample.err.T[order])
        assert np.array_equal(found.data.limit[here], sample.limit.T[order])


def test_series_across_chunks_keep_their_owners(boxed, tmp_path, light_curves, monkeypatch):
    monkeypatch.setattr(MODULE, "CHUNK", 5)
    apart = pack(boxed(light_curves, ("b", "r")), cache=tmp_path / "a").modalities["series"].data
    monkeypatch.setattr(MODULE, "CHUNK", 64)
    whole = pack(boxed(light_curves, ("b", "r")), cache=tmp_path / "b").modalities["series"].data
    for name in ("offsets", "time", "x", "err", "limit"):
        assert np.array_equal(getattr(apart, name), getattr(whole, name), equal_nan=name in ("x", "err"))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_complete_means_finite(boxed, tmp_path, bad):
    samples = images(3, "f4")
    samples[2][0, 0, 0] = bad
    assert not pack(boxed(samples, ("g", "r")), cache=tmp_path).modalities["image"].complete


def test_several_modalities_with_their_own_channels(boxed, tmp_path):
    samples = [{"image": Sample(im), "context": Sample(np.full(1, i, "f4"))} for i, im in enumerate(images(4))]
    store = pack(boxed(samples, {"image": ("g", "r"), "context": ("z",)}), cache=tmp_path)
    assert {name: m.channels for name, m in store.modalities.items()} == {"image": ("g", "r"), "context": ("z",)}
    assert store.modalities["context"].kind == "table"
    assert store.modalities["context"].data.x[:, 0].tolist() == [0, 1, 2, 3]


def test_packing_in_parallel_equals_packing_alone(boxed, tmp_path, monkeypatch):
    monkeypatch.setattr("starbolt.store.workers.FEW", 10)
    samples = images(150, "f4")
    stores = [pack(boxed(samples, ("g", "r")), cache=tmp_path / str(n), workers=n) for n in (1, 2)]
    assert stores[0].fingerprint == stores[1].fingerprint
    assert np.array_equal(stores[1].modalities["image"].data.x, np.stack(samples))
    for name in ("catalogue.arrow", "image.arrow", "store.json"):
        assert (stores[0].folder / name).read_bytes() == (stores[1].folder / name).read_bytes()


def test_a_second_packing_decodes_nothing(boxed, tmp_path):
    first, second = (boxed(images(5), ("g", "r")) for _ in range(2))
    assert pack(first, cache=tmp_path).folder == pack(second, cache=tmp_path).folder
    assert (first.decoded, second.decoded) == (5, 0)


def test_another_option_is_another_store(boxed, tmp_path):
    one, two = (boxed(images(5), ("g", "r"), option=option) for option in (1, 2))
    assert pack(one, cache=tmp_path).folder != pack(two, cache=tmp_path).folder
    assert two.decoded == 5


def test_progress_ends_with_all(boxed, tmp_path):
    seen = []
    pack(boxed(images(130), ("g", "r")), cache=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 130), (72, 130), (130, 130)]


def test_a_failure_leaves_no_store_and_the_next_attempt_goes_on(boxed, tmp_path):
    with pytest.raises(OSError, match="row 75 is unreadable"):
        pack(boxed(images(80), ("g", "r"), fail=75), cache=tmp_path)
    assert [p.suffix for p in tmp_path.iterdir() if p.is_dir()] == [".part"]
    again = boxed(images(80), ("g", "r"))
    assert np.array_equal(pack(again, cache=tmp_path).modalities["image"].data.x, np.stack(images(80)))
    assert again.decoded == 8, "rows 0 to 71 were finished"
    assert [p.suffix for p in tmp_path.iterdir() if p.is_dir()] == [""]


def test_a_full_disk_is_named(boxed, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("starbolt.store.layout.lay_out_dense", full)
    with pytest.raises(ValueError, match=r"no space left.*STARBOLT_CACHE"):
        pack(boxed(images(3), ("g", "r")), cache=tmp_path)
    assert [p for p in tmp_path.iterdir() if p.is_dir()] == [], "and what was taken is given back"


class Killed(Archive):
    channels = ("a",)

    def read(self):
        return pa.table({"row": np.arange(100)})

    def load(self, row):
        if row["row"] == 90 and os.environ.get("STARBOLT_TEST_KILL"):
            os.kill(os.getpid(), signal.SIGKILL)
        return np.full(1, row["row"], np.float32)


def _pack_and_die(cache):
    os.environ["STARBOLT_TEST_KILL"] = "1"
    pack(Killed(), cache=cache, workers=1)


def test_a_killed_packer_leaves_no_store_and_it_is_made_by_the_next_one(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=_pack_and_die, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    left = [p for p in tmp_path.iterdir() if p.is_dir()]
    assert len(left) == 1, "the half-written folder is there, or this test proves nothing"
    assert not Store.is_whole(left[0])
    store = pack(Killed(), cache=tmp_path)
    assert store.modalities["table"].data.x[:, 0].tolist() == list(range(100))
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == [store.fingerprint]


@pytest.mark.parametrize("damage", ["short", "scrambled"])
def test_a_damaged_store_is_packed_again_and_that_is_said(boxed, tmp_path, capsys, damage):
    folder = pack(boxed(images(5), ("g", "r")), cache=tmp_path).folder
    assert capsys.readouterr().out == ""
    if damage == "short":
        os.truncate(folder / "image.arrow", 100)
    else:
        (folder / "image.arrow").write_bytes(bytes((folder / "image.arrow").stat().st_size))
    assert np.array_equal(
        pack(boxed(images(5), ("g", "r")), cache=tmp_path).modalities["image"].data.x, np.stack(images(5))
    )
    assert capsys.readouterr().out == f"the packed store {folder} is damaged; packing again\n"


@pytest.mark.parametrize("where", [2, 70])
def test_different_shapes_are_refused_and_data_size_named(boxed, tmp_path, where):
    samples = images(80)
    samples[where] = np.zeros((2, 5, 3), "u1")
    with pytest.raises(ValueError, match=r"different shapes.*data\.size="):
        pack(boxed(samples, ("g", "r")), cache=tmp_path)


def test_an_empty_archive_is_refused(boxed, tmp_path):
    with pytest.raises(ValueError, match="no rows left"):
        pack(boxed([], ("g",)), cache=tmp_path)


def test_numbers_that_the_first_objects_type_cannot_hold_are_refused(boxed, tmp_path):
    samples = [*images(64), np.full((2, 4, 3), np.nan, "f4")]
    with pytest.raises(ValueError, match="from row 8 on hold float32, the first ones uint8"):
        pack(boxed(samples, ("g", "r")), cache=tmp_path)


def test_errors_that_only_some_objects_bring_are_refused(boxed, tmp_path):
    samples = [Sample(np.zeros(1, "f4"))] * 64 + [Sample(np.zeros(1, "f4"), np.ones(1, "f4"))]
    with pytest.raises(ValueError, match="from row 8 on bring"):
        pack(boxed(samples, ("a",)), cache=tmp_path)


def test_channels_must_be_as_many_as_there_are(boxed, tmp_path):
    with pytest.raises(ValueError, match="image has 2 channels"):
        pack(boxed(images(3), ("g", "r", "i")), cache=tmp_path)


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("STARBOLT_CACHE", str(tmp_path / "a"))
    assert default_cache() == tmp_path / "a"
    monkeypatch.delenv("STARBOLT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert default_cache() == tmp_path / "b" / "starbolt"


class Listed(Archive):
    """A catalogue and one file per object, in a folder; it counts how often it reads and loads."""

    channels = ("a",)
    id = "name"

    def __init__(self, folder, *, tells=True):
        self.folder, self._tells, self._read, self._loaded = str(folder), tells, 0, 0

    def files(self):
        return [f"{self.folder}/catalogue.txt"] if self._tells else None

    def sources(self, catalogue):
        return [f"{self.folder}/catalogue.txt", *(f"{self.folder}/{name}" for name in catalogue["name"].to_pylist())]

    def read(self):
        self._read += 1
        return pa.table({"name": Path(self.folder, "catalogue.txt").read_text().split()})

    def load(self, row):
        self._loaded += 1
        return np.full(1, float(Path(self.folder, row["name"]).read_text()), np.float32)


@pytest.fixture
def listed(tmp_path):
    (tmp_path / "data").mkdir()
    for i, name in enumerate("abc"):
        (tmp_path / "data" / name).write_text(str(i))
    (tmp_path / "data" / "catalogue.txt").write_text("a b c")
    pack(Listed(tmp_path / "data"), cache=tmp_path / "cache")
    return tmp_path / "data"


def used(folder, **options):
    """Values packed, times read, objects loaded at another start."""
    archive = Listed(folder, **options)
    store = pack(archive, cache=folder.parent / "cache")
    return store.modalities["table"].data.x[:, 0].tolist(), archive._read, archive._loaded


def test_a_catalogue_whose_files_are_unchanged_is_not_read_again(listed):
    assert used(listed) == ([0, 1, 2], 0, 0)


def test_an_archive_that_does_not_say_what_it_reads_is_read(listed):
    assert used(listed, tells=False) == ([0, 1, 2], 1, 0)


def test_a_changed_object_is_packed_again(listed):
    (listed / "b").write_text("7.5")
    assert used(listed) == ([0, 7.5, 2], 1, 3)
    assert used(listed) == ([0, 7.5, 2], 0, 0)


def test_a_changed_catalogue_is_read_again(listed):
    (listed / "catalogue.txt").write_text("c a")
    assert used(listed) == ([2, 0], 1, 2)


def test_a_store_that_is_gone_is_packed_again(listed):
    store = pack(Listed(listed), cache=listed.parent / "cache")
    (store.folder / "store.json").unlink()
    assert used(listed) == ([0, 1, 2], 1, 3)


def test_what_was_left_out_is_counted_in_every_process(tmp_path, monkeypatch):
    monkeypatch.setattr("starbolt.store.workers.FEW", 10)

    class Counting(Killed):
        def read(self):
            self.tally["rows left out"] += 1
            return super().read()

        def load(self, row):
            self.tally["odd rows"] += row["row"] % 2
            return super().load(row)

    notes = {pack(Counting(), cache=tmp_path / str(n), workers=n).notes for n in (1, 2)}
    assert notes == {("rows left out: 1", "odd rows: 50")}
    archive = Counting()
    for name in "ab":
        notes.add(pack(archive, cache=tmp_path / name, workers=1).notes)
    assert len(notes) == 1, "an archive that is packed twice counts twice from 0"


def test_large_objects_come_in_small_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "TASK", 1000)
    sizes = []

    class Large(Killed):
        def load_rows(self, catalogue):
            sizes.append(catalogue.num_rows)
            return super().load_rows(catalogue)

        def load(self, row):
            return np.zeros(100, np.float32)

        channels = tuple(map(str, range(100)))

    pack(Large(), cache=tmp_path)
    assert sizes[0] == 8
    assert set(sizes[1:]) == {2}


def test_vectorised_archives_are_asked_in_slices(tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "ROWS", 30)

    class Whole(Killed):
        whole = True

        def load_rows(self, catalogue):
            assert catalogue.num_rows <= 30
            return {"table": Dense(np.asarray(catalogue["row"]).astype("f4")[:, None])}

    assert pack(Whole(), cache=tmp_path).modalities["table"].data.x[:, 0].tolist() == list(range(100))


def test_packings_given_up_long_ago_are_removed(boxed, tmp_path):
    for name, age in ((".old.part", 8 * 86_400), (".new.part", 60)):
        (tmp_path / name).mkdir()
        then = time.time() - age
        os.utime(tmp_path / name, (then, then))
    pack(boxed(images(3), ("g", "r")), cache=tmp_path)
    assert [path.name for path in tmp_path.glob(".*.part")] == [".new.part"]


def test_series_of_other_bands_than_the_first_are_refused(boxed, tmp_path, light_curves):
    odd = Sample(np.zeros((3, 2), "f4"), np.ones((3, 2), "f4"), np.zeros((3, 2), bool), np.arange(2.0))
    with pytest.raises(ValueError, match="objects have different shapes"):
        pack(boxed([*light_curves * 6, odd], ("b", "r")), cache=tmp_path)
