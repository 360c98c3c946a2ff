"""The scale bar: of round length, short enough, right in arcsec, and absent where the scale is unknown."""

from __future__ import annotations

import pytest

from starbolt.contract import InputSpec
from starbolt.report.galleries.scale import ROUND, bar, in_words


def about(pixel_scale: float | None, side: int = 64, channels: int = 1) -> InputSpec:
    names = tuple("abc"[:channels])
    return InputSpec("image", names, (), (channels, side, side), (), (), (), (), (), pixel_scale=pixel_scale)


@pytest.mark.parametrize(
    ("scale", "label"), [(0.1, "2\u2033"), (0.396, "10\u2033"), (1.5, "30\u2033"), (4.0, "1\u2032")]
)
def test_length_is_round_and_below_four_tenths_of_the_cutout(scale: float, label: str) -> None:
    found = bar(about(scale), colour=True)
    assert found is not None
    assert found.label == label
    assert found.pixels * scale == pytest.approx(ROUND[ROUND.index(round(found.pixels * scale, 6))])
    assert found.pixels <= 0.4 * 64
    assert found.share == pytest.approx(found.pixels / 64)


def test_channels_side_by_side_share_the_picture() -> None:
    one, three = (bar(about(0.4, channels=3), colour=colour) for colour in (True, False))
    assert one is not None
    assert three is not None
    assert three.pixels == one.pixels
    assert three.share == pytest.approx(one.pixels / (3 * 64 + 2))


def test_an_unknown_scale_has_no_bar_and_is_told() -> None:
    assert bar(about(None), colour=True) is None
    assert in_words(about(None)) == "64 x 64 pixels; their scale on the sky is not known (data.pixel_scale= tells it)"
    assert in_words(about(0.396)) == "64 x 64 pixels of 0.396 arcsec, 25.3 arcsec across"
