"""Objects loaded one by one come out as one array, in their order."""

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives import Archive, Sample


class Loading(Archive):
    """An archive of the samples given."""

    channels = ("a",)

    def __init__(self, samples):
        self.samples = samples

    def read(self):
        return pa.table({"row": range(len(self.samples))})

    def load(self, row):
        return self.samples[row["row"]]


def loaded(samples, kind="image"):
    archive = Loading(samples)
    return archive.load_rows(archive.read())[kind]


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", ">f4"])
def test_images_keep_order_and_dtype(dtype):
    images = np.random.default_rng(0).integers(0, 100, (5, 2, 3, 4)).astype(dtype)
    part = loaded(list(images))
    assert part.x.dtype == images.dtype
    assert np.array_equal(part.x, images)
    assert part.err is None
    assert part.limit is None


def test_a_loader_may_use_one_buffer_again():
    class Reusing(Loading):
        def load(self, row):
            buffer[:] = row["row"]
            return buffer

    buffer = np.empty((1, 2, 2), np.float32)
    archive = Reusing([0, 1, 2])
    assert archive.load_rows(archive.read())["image"].x[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_errors_and_limits_stay_beside_their_images():
    images = np.arange(24, dtype=np.float32).reshape(3, 2, 2, 2)
    part = loaded([Sample(x, err=x + 1, limit=x > 9) for x in images])
    assert np.array_equal(part.err, images + 1)
    assert np.array_equal(part.limit, images > 9)


@pytest.mark.parametrize("odd", [0, 1, 2])
def test_another_dtype_anywhere_makes_all_the_wider_one(odd):
    images = [np.full((1, 2, 2), i, np.float64 if i == odd else np.float32) for i in range(3)]
    part = loaded(images)
    assert part.x.dtype == np.float64
    assert np.array_equal(part.x, np.stack(images))


@pytest.mark.parametrize("odd", [0, 2])
def test_another_shape_is_refused(odd):
    images = [np.zeros((1, 2 + (i == odd), 2), np.float32) for i in range(3)]
    with pytest.raises(ValueError, match=r"different shapes \(1x2x2, 1x3x2\); give data\.size=PIXELS"):
        loaded(images)


def test_series_and_tables_are_joined_as_before():
    series = [
        Sample(np.array([[2.0, 1.0]]), time=np.array([5.0, 4.0])),
        Sample(np.array([[3.0]]), time=np.array([1.0])),
    ]
    part = loaded(series, "series")
    assert part.offsets.tolist() == [0, 2, 3]
    assert part.x[:, 0].tolist() == [1, 2, 3]
    assert loaded([np.zeros(2), np.ones(2)], "table").x.tolist() == [[0, 0], [1, 1]]


def test_no_rows_load_nothing():
    archive = Loading([np.zeros(2)])
    assert archive.load_rows(archive.read().slice(1)) == {}
