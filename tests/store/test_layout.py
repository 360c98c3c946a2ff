"""What is written to Arrow is read back bit for bit, also by other Arrow readers."""

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives import Dense, Ragged
from starbolt.store import layout


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(3,), (2, 4, 5), (1, 1, 1)])
def test_dense_comes_back_bit_for_bit(tmp_path, dtype, shape):
    x = (np.random.default_rng(0).normal(size=(7, *shape)) * 50).astype(dtype)
    views = layout.write_dense(tmp_path / "x.arrow", 7, Dense(x))
    views["x"][:] = x
    views["x"].flush()
    back = layout.read_dense(tmp_path / "x.arrow").x
    assert back.dtype == x.dtype
    assert np.array_equal(back, x)


def test_big_endian_is_stored_in_the_machine_s_order(tmp_path):
    x = np.arange(24, dtype=">f4").reshape(2, 3, 2, 2)
    views = layout.write_dense(tmp_path / "x.arrow", 2, Dense(x))
    views["x"][:] = x
    views["x"].flush()
    back = layout.read_dense(tmp_path / "x.arrow").x
    assert back.dtype.isnative
    assert np.array_equal(back, x)


def test_error_and_limit_planes_come_back(tmp_path):
    like = Dense(np.zeros((1, 3), "f4"), np.zeros((1, 3), "f2"), np.zeros((1, 3), bool))
    views = layout.write_dense(tmp_path / "x.arrow", 5, like)
    limit = np.arange(15).reshape(5, 3) % 2 == 0
    views["err"][:], views["limit"][:] = 7, limit
    for view in views.values():
        view.flush()
    back = layout.read_dense(tmp_path / "x.arrow")
    assert back.err.dtype == np.float16
    assert (back.err == 7).all()
    assert back.limit.dtype == bool
    assert np.array_equal(back.limit, limit)
    assert not back.x.any()


@pytest.mark.parametrize("lengths", [[3, 0, 2], [0, 0], [1]])
def test_ragged_comes_back_bit_for_bit(tmp_path, lengths):
    random, points = np.random.default_rng(0), sum(lengths)
    series = Ragged(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        random.uniform(2.4e6, 2.5e6, points),
        random.normal(size=(points, 2)).astype(np.float32),
        random.normal(size=(points, 2)).astype(np.float32),
        random.random((points, 2)) < 0.5,
    )
    layout.write_ragged(tmp_path / "s.arrow", series)
    back = layout.read_ragged(tmp_path / "s.arrow")
    for name in ("offsets", "time", "x", "err", "limit"):
        assert np.array_equal(getattr(back, name), getattr(series, name)), name
        assert getattr(back, name).dtype == getattr(series, name).dtype


def test_another_arrow_reader_opens_tensors_and_lists(tmp_path):
    views = layout.write_dense(tmp_path / "x.arrow", 2, Dense(np.zeros((1, 3, 4, 5), "u1")))
    views["x"][1] = 9
    views["x"].flush()
    layout.write_ragged(tmp_path / "s.arrow", Ragged(np.array([0, 2]), np.array([1.0, 2.0]), np.ones((2, 1), "f4")))
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
