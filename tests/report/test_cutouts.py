"""Cut-outs as they are inlined: the picture that was measured, however small or large."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from starbolt.contract import InputSpec
from starbolt.report.cutouts import GAP, MOST, UNMEASURED, as_img, picture


def inlined(image: np.ndarray, alt: str = "galaxy") -> tuple[Image.Image, int, str]:
    """The picture on the page, its size in bytes, and its tag."""
    channels = tuple("abcdef"[: len(image)])
    tag = as_img(image, InputSpec("image", channels, (), image.shape, (), (), (), (), ()), alt)
    png = base64.b64decode(re.findall(r"base64,([^\"]+)", tag)[0])
    return Image.open(io.BytesIO(png)), len(png), tag


def test_a_small_cutout_is_enlarged_by_whole_pixels() -> None:
    shown, _, _ = inlined(np.random.default_rng(0).normal(size=(1, 20, 30)))
    assert shown.size == (150, 100)
    values = np.asarray(shown)[:, :, 0]
    assert (values[::5, ::5].repeat(5, 0).repeat(5, 1) == values).all()


@pytest.mark.parametrize("side", [300, 1000])
def test_a_large_cutout_of_noise_is_averaged_until_it_is_small(side: int) -> None:
    image = np.random.default_rng(0).normal(size=(5, side, side)).astype("f4")
    shown, size, _ = inlined(image)
    assert size <= MOST
    assert shown.width / shown.height == pytest.approx((5 * side + 4 * GAP) / side, rel=0.1)


def test_words_in_the_alternative_text_are_escaped() -> None:
    assert 'alt="&lt;b&gt; &quot;x&quot;"' in inlined(np.zeros((1, 8, 8)), '<b> "x"')[2]


def test_unmeasured_pixels_are_marked_and_do_not_darken_the_rest() -> None:
    image = np.random.default_rng(1).normal(100, 1, (1, 32, 32))
    whole = picture(image, ("a",))
    image[0, :4] = np.nan
    part = picture(image, ("a",))
    assert (part[:4] == UNMEASURED).all()
    assert np.abs(part[4:] - whole[4:]).mean() < 0.05
