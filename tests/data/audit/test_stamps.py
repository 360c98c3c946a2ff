"""Copies of images: what a re-saving, a little noise or a turn leaves alike is found; what only looks alike is not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from starbolt.archives import Dense
from starbolt.data.audit.sides import Sides
from starbolt.data.audit.stamps import block_means, copied, fine_structure, images, orientations, turned
from starbolt.data.sources import Source
from starbolt.store.store import Modality

Y, X = np.mgrid[-20:21, -20:21].astype(np.float32)


def galaxies(n, seed=0, noise=3.0):
    """Discs and stars of many sizes and brightnesses with noise [n, 1, 41, 41]."""
    random = np.random.default_rng(seed)
    size, flux, axis = random.uniform(1.5, 8, (n, 1, 1)), random.uniform(50, 500, (n, 1, 1)), random.uniform(0.3, 1, n)
    sky = random.normal(scale=noise, size=(n, 41, 41))
    return (flux * np.exp(-np.hypot(X, Y / axis[:, None, None]) / size) + sky).astype(np.float32)[:, None]


def point_sources(n, seed=0):
    """Stars alike but for their noise, centring and three per cent of flux, without a brighter or fainter one."""
    random = np.random.default_rng(seed)
    dx, dy, flux = random.normal(0, 0.05, n), random.normal(0, 0.05, n), random.normal(1000, 30, n)
    shape = (slice(None), None, None)
    stars = flux[shape] * np.exp(-((X - dx[shape]) ** 2 + (Y - dy[shape]) ** 2) / 8)
    return (stars + random.normal(size=stars.shape)).astype(np.float32)[:, None]


def radio(n, seed=0):
    """Sparse stamps as catalogues of radio galaxies hold them: two beams, the noise cut off, 8 bits."""
    random = np.random.default_rng(seed)
    dx, dy = random.uniform(-9, 9, (2, n, 2, 1, 1))
    sky = np.exp(-((X - dx) ** 2 + (Y - dy) ** 2) / 8).sum(1) * 100 + random.normal(scale=4, size=(n, 41, 41))
    kept = np.where(sky > 12, sky, 0)
    return (kept / kept.max((1, 2), keepdims=True) * 255).astype(np.uint8)[:, None]


def audited(x):
    """The finding on images of which the last tenth are the test part."""
    n = len(x)
    part = (np.arange(n) >= n - n // 10).astype(np.int8)
    sides = Sides(np.arange(n), part, ("train", "test"), np.arange(n).astype(str))
    shape = x.shape[1:]
    return images(sides, "image", Source(Modality("image", ("r",) * shape[0], ("",) * shape[0], shape, True, Dense(x))))


def jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image[0]).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))[None]


@pytest.mark.parametrize("make", [galaxies, point_sources, radio])
def test_images_of_one_kind_are_no_copies(make):
    assert audited(make(1500)) is None


@pytest.mark.parametrize("make", [galaxies, point_sources, radio])
@pytest.mark.parametrize("turn", range(8))
def test_a_copy_is_found_in_every_orientation(make, turn):
    x = make(300)
    x[290] = turned(x[17], turn)
    finding = audited(x)
    assert finding.count == 1
    assert finding.offenders == (("17 (train)", "290 (test)"),)


def test_a_copy_with_noise_well_below_its_own_is_found_and_another_exposure_is_not():
    random = np.random.default_rng(5)
    x, clean = galaxies(300), galaxies(300, noise=0.0)
    x[290] = x[17] + random.normal(scale=0.5, size=x[17].shape)
    x[291] = clean[18] + random.normal(scale=3.0, size=x[18].shape)
    assert audited(x).offenders == (("17 (train)", "290 (test)"),)


def test_a_copy_saved_again_as_jpeg_is_found():
    x = np.clip(galaxies(300, noise=8.0) / 2 + 60, 0, 255).astype(np.uint8)
    x[290] = jpeg(x[17], 95)
    assert not np.array_equal(x[290], x[17])
    assert audited(x).offenders == (("17 (train)", "290 (test)"),)


def test_unmeasured_pixels_neither_hide_nor_make_a_copy():
    x = galaxies(300)
    x[:, :, :12] = np.nan
    assert audited(x) is None
    x[290] = x[17]
    assert audited(x).count == 1


def test_blank_images_are_no_copies():
    x = galaxies(100)
    x[::2] = 0
    x[1::4] = np.nan
    assert audited(x) is None


def test_thousands_of_copies_cost_no_more():
    x = galaxies(4000)
    x[:3600] = x[0]
    x[3950] = x[0]
    assert audited(x).offenders[0][1] == "3950 (test)"


@pytest.mark.parametrize("shape", [(41, 41), (40, 63), (9, 9), (5, 4), (1, 1)])
def test_block_means_turn_with_the_image(shape):
    image = np.random.default_rng(0).normal(size=(1, 2, *shape)).astype(np.float32)
    for turn in range(len(orientations(shape))):
        quarter, mirrored = orientations(shape)[turn]
        grid = np.rot90(block_means(image), quarter, axes=(2, 3))
        grid = grid[..., ::-1] if mirrored else grid
        np.testing.assert_allclose(block_means(turned(image, turn)), grid, atol=1e-5)


def test_images_of_odd_shapes_are_looked_at():
    x = np.random.default_rng(0).normal(size=(100, 3, 12, 30)).astype(np.float32)
    assert audited(x) is None
    x[95] = x[3, :, ::-1, ::-1]
    assert audited(x).offenders == (("3 (train)", "95 (test)"),)


def test_fine_structure_is_the_noise_and_a_smooth_image_has_none():
    noise = galaxies(1)[0]
    assert 0.5 < np.std(fine_structure(noise)) < 1.5
    assert not fine_structure(np.zeros((1, 20, 20), np.float32)).any()
    assert copied(noise, noise)
    assert not copied(noise, noise + galaxies(1, seed=1)[0])
