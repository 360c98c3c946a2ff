"""Augmented objects are such as the sky could have shown: numbers, errors and masks move together."""

import pytest
import torch

from starbolt.contract import Block
from starbolt.data.augment import ImageAugment, SeriesAugment, TableAugment, oriented, pixel_scatter


def picture(b=400, height=5, width=5):
    """All images alike, every pixel its own number; the mask and errors say the same numbers."""
    x = torch.arange(1, 2 * height * width + 1).float().view(1, 2, height, width).repeat(b, 1, 1, 1)
    return Block(x * (x % 3 > 0), x % 3 > 0, x * 10, x % 2 > 0)


def curves(b=300, steps=8):
    length = torch.randint(0, steps + 1, (b,))
    inside = (torch.arange(steps) < length[:, None])[:, None]
    time = (torch.arange(steps) * 1.5).expand(b, 1, steps) * inside
    values = (torch.arange(steps) + 100.0).expand(b, 2, steps)
    mask = torch.cat([inside, (torch.rand(b, 2, steps) < 0.8) & inside], 1)
    x = torch.cat([time, values], 1) * mask
    return Block(x, mask, x / 100, mask & (x > 103), length)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(("shape", "count"), [((5, 5), 8), ((4, 5), 4)])
def test_all_symmetries_of_the_square_are_reached_and_no_other(shape, count):
    block = picture(height=shape[0], width=shape[1])
    turned = ImageAugment()(block)
    seen = {tuple(image.flatten().tolist()) for image in turned.x}
    known = {tuple(oriented(block.x[0], i).flatten().tolist()) for i in range(count)}
    assert len(known) == count
    assert seen == known


@pytest.mark.parametrize("change", [ImageAugment(), ImageAugment(shift=2), ImageAugment(symmetries=False, shift=3)])
def test_masks_errors_and_limits_move_with_their_pixels(change):
    moved = change(picture())
    number = moved.err / 10
    assert torch.equal(moved.mask, number % 3 > 0)
    assert torch.equal(moved.x, number * (number % 3 > 0))
    assert torch.equal(moved.limit, number % 2 > 0)


def test_a_mask_of_one_flag_per_image_stays_one_or_grows_to_the_image():
    block = picture()._replace(mask=torch.ones(400, 1, 1, 1, dtype=torch.bool))
    assert ImageAugment()(block).mask.shape == (400, 1, 1, 1)
    moved = ImageAugment(shift=2)(block)
    assert moved.mask.shape == (400, 1, 5, 5)
    assert torch.equal(moved.mask.expand_as(moved.err), moved.err > 0)


def test_shifting_goes_everywhere_and_brings_in_nothing():
    block = Block(torch.ones(600, 1, 5, 5), torch.ones(600, 1, 1, 1, dtype=torch.bool))
    moved = ImageAugment(symmetries=False, shift=2)(block)
    steps = {tuple(m.nonzero()[[0, -1]].flatten().tolist()) for m in moved.mask[:, 0]}
    assert len(steps) == 25
    assert torch.equal(moved.x > 0, moved.mask)
    assert moved.mask.flatten(1).sum(1).min() == 9


def test_noise_is_as_large_as_the_errors_and_only_where_measured():
    err = torch.full((50, 1, 20, 20), 2.0)
    err[:, :, :10] = 0
    mask = torch.rand(50, 1, 20, 20) < 0.5
    noisy = ImageAugment(symmetries=False, noise=3)(Block(torch.zeros_like(err), mask, err)).x
    assert not noisy[~mask].any()
    assert not noisy[:, :, :10].any()
    assert noisy[:, :, 10:][mask[:, :, 10:]].std() == pytest.approx(6, rel=0.05)


def test_noise_without_errors_is_that_of_the_pixels():
    smooth = torch.linspace(0, 1, 64).expand(20, 1, 64, 64)
    x = smooth + torch.tensor([0.5, 4.0]).repeat(10).view(20, 1, 1, 1) * torch.randn(20, 1, 64, 64)
    every = torch.ones(20, 1, 1, 1, dtype=torch.bool)
    assert pixel_scatter(x, every)[::2].mean() == pytest.approx(0.5, rel=0.05)
    assert pixel_scatter(x, every)[1::2].mean() == pytest.approx(4, rel=0.05)
    added = ImageAugment(symmetries=False, noise=1)(Block(x, every)).x - x
    assert added[1::2].std() == pytest.approx(4, rel=0.05)


def test_pixels_that_were_not_measured_do_not_lower_the_scatter():
    x, mask = torch.randn(20, 1, 64, 64), torch.zeros(20, 1, 64, 64, dtype=torch.bool)
    mask[:, :, 16:40, 16:40] = True
    assert pixel_scatter(x * mask, mask).mean() == pytest.approx(1, rel=0.1)
    assert not pixel_scatter(x * mask, torch.zeros_like(mask)).any()


def test_dropping_keeps_points_whole_in_order_and_from_time_zero():
    block = curves()
    kept = SeriesAugment(drop=0.5)(block)
    for i in range(len(block.x)):
        n = int(kept.length[i])
        assert (n >= 1) == (block.length[i] >= 1)
        assert not kept.mask[i, :, n:].any()
        assert not kept.x[i, :, n:].any()
        if n == 0:
            continue
        times = block.x[i, 0, : block.length[i]].tolist()
        chosen = [times.index(t) for t in (kept.x[i, 0, :n] + _first(block, kept, i)).tolist()]
        assert chosen == sorted(set(chosen))
        assert kept.x[i, 0, 0] == 0
        assert torch.equal(kept.x[i, 1:, :n], block.x[i, 1:, chosen])
        assert torch.equal(kept.mask[i, :, :n], block.mask[i, :, chosen])
        assert torch.equal(kept.err[i, :, :n], block.err[i, :, chosen])
        assert torch.equal(kept.limit[i, :, :n], block.limit[i, :, chosen])


def _first(block, kept, i):
    """The time of the first point kept: the error plane of channel 0 says it, as it is not moved."""
    return float(kept.err[i, 0, 0] * 100)


def test_the_fraction_dropped_is_the_one_asked_for():
    block = curves(b=3000)
    kept = SeriesAugment(drop=0.25)(block)
    long = block.length == 8
    assert kept.length[long].float().mean() == pytest.approx(6, rel=0.03)


def test_noise_of_series_leaves_time_and_padding_alone():
    block = curves()
    block = block._replace(err=torch.cat([torch.zeros_like(block.x[:, :1]), torch.full_like(block.x[:, 1:], 0.5)], 1))
    noisy = SeriesAugment(noise=2)(block)
    change = noisy.x - block.x
    assert not change[:, 0].any()
    assert not change[~block.mask].any()
    assert change[:, 1:][block.mask[:, 1:]].std() == pytest.approx(1, rel=0.05)


def test_nothing_asked_is_nothing_done():
    assert SeriesAugment()(curves()).x is not None
    block = picture()
    assert ImageAugment(symmetries=False)(block) is block


def test_dropping_leaves_wavelengths_where_they_are():
    block = curves()
    x = block.x.clone()
    x[:, 0] += 4000 * block.mask[:, 0]
    kept = SeriesAugment(drop=0.5, absolute=True)(block._replace(x=x))
    places = kept.x[:, 0]
    assert set(places.unique().tolist()) <= set(x[:, 0].unique().tolist())
    assert (places[kept.length > 0, 0] >= 4000).all()
    assert (kept.length < block.length).any()


def test_noise_of_a_table_is_that_of_its_errors_and_spares_limits():
    torch.manual_seed(0)
    x, err = torch.zeros(4000, 3), torch.tensor([1.0, 2.0, 0.5]).expand(4000, 3)
    limit = torch.tensor([False, False, True]).expand(4000, 3)
    block = Block(x, torch.ones_like(x, dtype=torch.bool), err, limit)
    moved = TableAugment(noise=2.0)(block).x
    assert moved.std(0).tolist() == pytest.approx([2, 4, 0], rel=0.05)
    assert TableAugment()(block) is block
    assert TableAugment(noise=1.0)(block._replace(err=None)).x is x
