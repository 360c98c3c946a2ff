"""Packing decodes every object once, and what is packed is what was decoded."""

import importlib
import multiprocessing
import os
import signal

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives import Archive, Dense, Sample
from starbolt.store import Store, pack
from starbolt.store.pack import default_cache, object_ids

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
    monkeypatch.setattr(MODULE, "FEW", 10)
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
    assert seen == [(64, 130), (128, 130), (130, 130)]


def test_a_failure_leaves_nothing(boxed, tmp_path):
    with pytest.raises(OSError, match="row 70 is unreadable"):
        pack(boxed(images(80), ("g", "r"), fail=70), cache=tmp_path)
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == []


def test_a_full_disk_is_named(boxed, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("starbolt.store.layout.write_dense", full)
    with pytest.raises(ValueError, match=r"no space left.*STARBOLT_CACHE"):
        pack(boxed(images(3), ("g", "r")), cache=tmp_path)


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


def test_a_killed_packer_leaves_no_store_and_the_next_one_starts_anew(tmp_path):
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


def test_a_damaged_store_is_packed_again(boxed, tmp_path):
    folder = pack(boxed(images(5), ("g", "r")), cache=tmp_path).folder
    (folder / "image.arrow").unlink()
    assert np.array_equal(
        pack(boxed(images(5), ("g", "r")), cache=tmp_path).modalities["image"].data.x, np.stack(images(5))
    )


def test_ids_are_strings_without_a_trailing_point_zero(boxed):
    archive = boxed(images(3), ("g", "r"), id="name", ids=[3.0, 4.5, 6.0])
    assert object_ids(archive, archive.read()) == ["3", "4.5", "6"]
    assert object_ids(boxed(images(3), ("g", "r")), archive.read()) == ["0", "1", "2"]


def test_ids_twice_are_refused(boxed, tmp_path):
    with pytest.raises(ValueError, match=r"the id 'M31' stands 2 times in column 'name'.*data\.id="):
        pack(boxed(images(3), ("g", "r"), id="name", ids=["M31", "M33", "M31"]), cache=tmp_path)


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
    with pytest.raises(ValueError, match="from row 64 on hold float32, the first ones uint8"):
        pack(boxed(samples, ("g", "r")), cache=tmp_path)


def test_errors_that_only_some_objects_bring_are_refused(boxed, tmp_path):
    samples = [Sample(np.zeros(1, "f4"))] * 64 + [Sample(np.zeros(1, "f4"), np.ones(1, "f4"))]
    with pytest.raises(ValueError, match="from row 64 on bring"):
        pack(boxed(samples, ("a",)), cache=tmp_path)


def test_channels_must_be_as_many_as_there_are(boxed, tmp_path):
    with pytest.raises(ValueError, match="image has 2 channels"):
        pack(boxed(images(3), ("g", "r", "i")), cache=tmp_path)


def test_vectorised_archives_are_asked_once(tmp_path):
    class Whole(Killed):
        whole = True

        def load_rows(self, catalogue):
            return {"table": Dense(np.arange(catalogue.num_rows, dtype="f4")[:, None])}

    assert pack(Whole(), cache=tmp_path).modalities["table"].data.x[:, 0].tolist() == list(range(100))


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("STARBOLT_CACHE", str(tmp_path / "a"))
    assert default_cache() == tmp_path / "a"
    monkeypatch.delenv("STARBOLT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert default_cache() == tmp_path / "b" / "starbolt"
