"""What is written to Arrow is read back bit for bit, also by other Arrow readers."""

import numpy as np
import pyarrow as pa
import pytest

from starbolt.store import layout


def written(path, planes, rows, offsets=None):
    """A file with the given planes, each filled in two pieces, the second first."""
    forms = {name: layout.plane_of(values) for name, values in planes.items()}
    if offsets is None:
        layout.lay_out_dense(path, rows, forms)
    else:
        layout.lay_out_ragged(path, offsets, forms)
    with path.open("r+b") as file:
        for name, place in layout.places(path).items():
            place.fill(file, len(planes[name]) // 2, planes[name][len(planes[name]) // 2 :])
            place.fill(file, 0, planes[name][: len(planes[name]) // 2])
    return path


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f2", "f4", "f8", ">f4", ">i2"])
@pytest.mark.parametrize("shape", [(3,), (2, 4, 5), (1, 1, 1)])
def test_dense_comes_back_bit_for_bit(tmp_path, dtype, shape):
    x = (np.random.default_rng(0).normal(size=(7, *shape)) * 50).astype(dtype)
    back = layout.read_dense(written(tmp_path / "x.arrow", {"x": x}, 7)).x
    assert back.dtype == x.dtype.newbyteorder("=")
    assert np.array_equal(back, x)


def test_error_and_limit_planes_come_back(tmp_path):
    limit = np.arange(15).reshape(5, 3) % 2 == 0
    planes = {"x": np.zeros((5, 3), "f4"), "err": np.full((5, 3), 7, "f2"), "limit": limit}
    back = layout.read_dense(written(tmp_path / "x.arrow", planes, 5))
    assert back.err.dtype == np.float16
    assert (back.err == 7).all()
    assert back.limit.dtype == bool
    assert np.array_equal(back.limit, limit)
    assert not back.x.any()


def test_what_was_not_filled_is_zero_and_room_is_taken_at_once(tmp_path):
    layout.lay_out_dense(tmp_path / "x.arrow", 1000, {"x": layout.Plane("<f4", (3, 20, 20))})
    assert not layout.read_dense(tmp_path / "x.arrow").x.any()
    state = (tmp_path / "x.arrow").stat()
    assert state.st_blocks * 512 >= state.st_size > 4_800_000


def test_more_numbers_than_int32_can_count(tmp_path, monkeypatch):
    monkeypatch.setattr(layout.os, "posix_fallocate", lambda *args: None)  # no room, only the file's size
    layout.lay_out_dense(tmp_path / "x.arrow", 600_000, {"x": layout.Plane("|u1", (1, 64, 64))})
    assert layout.places(tmp_path / "x.arrow")["x"].shape == (600_000, 1, 64, 64)


@pytest.mark.parametrize("lengths", [[3, 0, 2], [0, 0], [1], [1] * 200_000])
def test_ragged_comes_back_bit_for_bit(tmp_path, lengths):
    random, points = np.random.default_rng(0), sum(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    planes = {
        "time": random.uniform(2.4e6, 2.5e6, points),
        "x": random.normal(size=(points, 2)).astype(np.float32),
        "err": random.normal(size=(points, 2)).astype(np.float32),
        "limit": random.random((points, 2)) < 0.5,
    }
    back = layout.read_ragged(written(tmp_path / "s.arrow", planes, len(lengths), offsets))
    assert np.array_equal(back.offsets, offsets)
    for name, values in planes.items():
        assert np.array_equal(getattr(back, name), values), name
        assert getattr(back, name).dtype == values.dtype


def test_another_arrow_reader_opens_tensors_and_lists(tmp_path):
    pixels = np.zeros((2, 3, 4, 5), "u1")
    pixels[1] = 9
    written(tmp_path / "x.arrow", {"x": pixels}, 2)
    written(tmp_path / "s.arrow", {"time": np.array([1.0, 2.0]), "x": np.ones((2, 1), "f4")}, 1, np.array([0, 2]))
    images = pa.ipc.open_file(str(tmp_path / "x.arrow")).read_all()
    assert images.schema.field("x").type == pa.fixed_shape_tensor(pa.uint8(), (3, 4, 5))
    assert (images["x"].chunk(0).to_numpy_ndarray()[1] == 9).all()
    series = pa.ipc.open_file(str(tmp_path / "s.arrow")).read_all()
    assert series["time"].to_pylist() == [[1.0, 2.0]]
    assert series["x"].to_pylist() == [[[1.0], [1.0]]]


def test_a_catalogue_of_many_chunks_is_one_batch(tmp_path):
    table = pa.concat_tables([pa.table({"a": [i], "s": [str(i)]}) for i in range(5)])
    layout.write_table(tmp_path / "c.arrow", table)
    back = layout.read_table(tmp_path / "c.arrow")
    assert back["a"].num_chunks == 1
    assert back.equals(table.combine_chunks())
