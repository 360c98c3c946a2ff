"""Cropping and padding are about the centre, and padding is unmeasured."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.archives.stamps.cutouts import resized

IMAGE = np.arange(30, dtype=np.float32).reshape(1, 5, 6)


def test_cropping_keeps_the_centre():
    np.testing.assert_array_equal(resized(IMAGE, 3), IMAGE[:, 1:4, 1:4])


def test_padding_is_nan_around_the_centre():
    out = resized(IMAGE, 8)
    np.testing.assert_array_equal(out[:, 1:6, 1:7], IMAGE)
    assert np.isnan(out).sum() == 64 - 30


def test_one_axis_may_be_cropped_and_the_other_padded():
    out = resized(np.arange(14.0).reshape(1, 2, 7), 4)
    np.testing.assert_array_equal(out[0, 1:3], np.arange(14.0).reshape(2, 7)[:, 1:5])
    assert np.isnan(out[0, [0, 3]]).all()


@pytest.mark.parametrize(("dtype", "becomes"), [("u1", "f2"), ("i2", "f4"), ("f2", "f2"), ("f8", "f8")])
def test_every_eight_bit_value_survives_the_change_to_float(dtype, becomes):
    image = np.arange(256).reshape(1, 16, 16).astype(dtype)
    out = resized(image, 16)
    assert out.dtype == np.dtype(becomes)
    np.testing.assert_array_equal(out, image)
