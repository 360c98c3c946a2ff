"""A stack gives the rows asked for, from any file that can hold an array, and says what it cannot read."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from starbolt.archives.stamps.stacks import Stack

IMAGES = np.random.default_rng(0).normal(size=(5, 2, 6, 6))


def test_rows_in_any_order_and_repeated():
    np.testing.assert_array_equal(Stack(IMAGES).read(np.array([3, 0, 3])), IMAGES[[3, 0, 3]])
    np.testing.assert_array_equal(Stack(IMAGES[:, 0]).read(np.array([1])), IMAGES[[1], :1])
    assert len(Stack(IMAGES)) == 5


def test_an_array_is_named_after_a_colon_where_there_are_several(tmp_path):
    path = str(tmp_path / "s.h5")
    with h5py.File(path, "w") as file:
        file["clean"], file["noisy"] = IMAGES.astype(">f4"), IMAGES + 1
    with pytest.raises(ValueError, match=f"holds clean, noisy: say which with data.stack={path}:NAME"):
        len(Stack(path))
    read = Stack(f"{path}:clean").read(np.array([2, 1]))
    np.testing.assert_array_equal(read, IMAGES[[2, 1]].astype(np.float32))
    assert read.dtype.isnative


def test_hdf5_rows_are_those_asked_for_in_one_slice_a_run(tmp_path):
    path = str(tmp_path / "s.h5")
    images = np.arange(200 * 5 * 4).reshape(200, 5, 4).astype("i2")
    with h5py.File(path, "w") as file:
        file.create_dataset("x/images", data=images, chunks=(16, 5, 4), compression="gzip")
    stack = Stack(f"{path}:x/images")
    rng = np.random.default_rng(0)
    for rows in (np.arange(50, 114), rng.integers(0, 200, 64), np.array([199, 0, 0, 1]), np.array([7])):
        np.testing.assert_array_equal(stack.read(rows), images[rows, None])


def test_a_damaged_hdf5_stack_is_told_by_name(tmp_path):
    path = tmp_path / "s.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=IMAGES, chunks=(5, 2, 6, 6), compression="gzip", fletcher32=True)
        place = file["images"].id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[place + 100] ^= 255
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"s\.h5 is truncated or damaged"):
        Stack(str(path)).read(np.arange(5))


def test_what_is_no_stack_is_refused_by_name(tmp_path):
    (tmp_path / "a.npy").write_text("no array")
    with pytest.raises(ValueError, match=r"a\.npy cannot be read as NPY, NPZ or HDF5"):
        len(Stack(str(tmp_path / "a.npy")))
    with pytest.raises(FileNotFoundError, match=r"no stack 'b.npy'"):
        len(Stack("b.npy"))
