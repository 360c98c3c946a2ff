"""Stretches keep order, stay finite, and look the same whatever the zero level and the gain of the camera."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from astropy.visualization import ZScaleInterval
from hypothesis import given, settings
from hypothesis import strategies as some

import starbolt
from starbolt.contract import Block, InputSpec, Spec, TargetSpec
from starbolt.standardise import Standardise
from starbolt.stretch import STRETCHES, constants, stretched, zscale_limits

numbers = some.floats(-1e6, 1e6, width=32)
kinds = some.sampled_from(STRETCHES)
CURVES = ("asinh", "log", "zscale")


def about(stretch, *, scaling="global", zero=(2.0, -1.0), soft=(0.5, 3.0), transform=("linear",) * 2):
    one = (1.0, 1.0)
    return InputSpec(
        "image", ("g", "r"), ("", ""), (2, 6, 5), transform, soft, (0.3, 0.4), one, (0.0, 0.2), (), (), scaling,
        False, stretch, zero,
    )  # fmt: skip


def stamps(seed=0, n=5, holes=True):
    torch.manual_seed(seed)
    x = torch.randn(n, 2, 6, 5) * 2 + 10
    x[:, :, 2:4, 2:4] += 50 * torch.rand(n, 2, 2, 2)
    mask = torch.rand(x.shape) > 0.2 if holes else torch.ones_like(x, dtype=torch.bool)
    return Block(x * mask, mask)


@settings(max_examples=200, deadline=None)
@given(some.lists(numbers, min_size=2, max_size=20), kinds, numbers, some.floats(2**-10, 1e6, width=32))
def test_a_stretch_never_turns_round_and_stays_finite(values, kind, zero, soft):
    x = torch.tensor(sorted(values), dtype=torch.float64)
    made, slope = stretched(x, kind, zero, soft)
    assert torch.isfinite(made).all()
    assert torch.isfinite(slope).all()
    assert (slope > 0).all()
    assert (made.diff() >= -1e-12).all()


@pytest.mark.parametrize("kind", STRETCHES)
def test_the_slope_is_that_of_calculus(kind):
    x = torch.tensor([1.5, 2.0, 3.0, 4.5], dtype=torch.float64, requires_grad=True)
    made, slope = stretched(x, kind, 1.0, 4.0)
    (wanted,) = torch.autograd.grad(made.sum(), x)
    assert torch.allclose(slope, wanted)


def test_stretches_are_what_their_names_say():
    x = torch.tensor([-5.0, 1.0, 3.0, 41.0])
    for kind, wanted in {
        "linear": [-3, 0, 1, 20],
        "asinh": np.arcsinh([-3, 0, 1, 20]),
        "log": np.log10([1, 1, 2, 21]),
        "zscale": [0, 0, 1, 1],
    }.items():
        assert stretched(x, kind, 1.0, 2.0)[0].tolist() == pytest.approx(list(wanted), abs=1e-6), kind


@pytest.mark.parametrize("shape", [(3,), (7,), (30,), (12, 11), (40, 40), (64, 64), (90, 70)])
@pytest.mark.parametrize("seed", range(4))
def test_zscale_limits_are_astropy_s_image_by_image(shape, seed):
    """To 1e-5 of the image's range."""
    random = np.random.default_rng(seed)
    images = random.normal(100, 5, (6, *shape)).astype(np.float32)
    images += random.exponential(30, images.shape).astype(np.float32) * (random.random(images.shape) < 0.1)
    images[0] = np.round(images[0])
    images[1] = 7.0
    images[2][random.random(shape) < 0.3] = np.nan
    flat = torch.from_numpy(images).flatten(1)
    low, high = zscale_limits(flat, ~flat.isnan())
    for image, z1, z2 in zip(images, low.tolist(), high.tolist(), strict=True):
        if np.isfinite(image).any():
            wanted = [float(limit) for limit in ZScaleInterval().get_limits(image)]
            assert (z1, z2) == pytest.approx(wanted, abs=1e-5 * float(max(np.nanmax(image) - np.nanmin(image), 100)))
        else:
            assert np.isnan([z1, z2]).all()


def test_an_image_s_limits_do_not_depend_on_its_neighbours():
    block = stamps()
    x, seen = block.x.flatten(0, 1).flatten(1), block.mask.flatten(0, 1).flatten(1)
    together = torch.stack(zscale_limits(x, seen), 1)
    alone = torch.cat([torch.stack(zscale_limits(x[i : i + 1], seen[i : i + 1]), 1) for i in range(len(x))])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("kind", ["linear", *CURVES])
def test_nothing_seen_has_no_constants(kind):
    block = stamps(n=2)
    seen = block.mask.clone()
    seen[0, 1] = False
    zero, soft = constants(block.x.flatten(2), seen.flatten(2), kind)
    assert zero.isnan().flatten().tolist() == soft.isnan().flatten().tolist() == [False, True, False, False]


@pytest.mark.parametrize("stretch", CURVES)
@pytest.mark.parametrize("scaling", ["global", "object", "both"])
@pytest.mark.parametrize("rubbish", [1e30, float("nan"), float("inf"), -5.0])
def test_what_stands_where_nothing_was_measured_does_not_matter(stretch, scaling, rubbish):
    made, block = Standardise(about(stretch, scaling=scaling)), stamps()
    hidden = block._replace(x=torch.where(block.mask, block.x, rubbish))
    out = made(block).x
    assert torch.equal(made(hidden).x, out)
    assert out.shape[1:] == made.shape
    assert torch.isfinite(out).all()
    assert not out[:, :2][~block.mask].any()


@pytest.mark.parametrize("stretch", CURVES)
def test_an_empty_or_constant_image_stays_finite(stretch):
    made, block = Standardise(about(stretch, scaling="both")), stamps(n=3)
    x, mask = block.x.clone(), block.mask.clone()
    x[0], mask[0], x[1] = 0, False, 7.0
    x.requires_grad_(True)
    out = made(Block(x, mask)).x
    assert torch.isfinite(out).all()
    assert not out[0].any()
    out.sum().backward()
    assert torch.isfinite(x.grad).all()


@settings(max_examples=60, deadline=None)
@given(some.sampled_from(CURVES), some.integers(0, 50), some.floats(-100, 100), some.floats(0.1, 100))
def test_by_object_a_stretch_sees_neither_zero_level_nor_gain(stretch, seed, level, gain):
    made, block = Standardise(about(stretch, scaling="object")), stamps(seed)
    changed = block._replace(x=(block.x * gain + level) * block.mask)
    before, after = made(block).x, made(changed).x
    assert torch.allclose(before[:, :2], after[:, :2], atol=2e-3)
    assert before[:, :2].std() > 0.1


@pytest.mark.parametrize("stretch", CURVES)
def test_the_two_numbers_tell_what_was_taken_out(stretch):
    made, block = Standardise(about(stretch, scaling="object")), stamps(holes=False)
    zero, soft = constants(block.x.flatten(2), block.mask.flatten(2), stretch)
    out = made(block).x
    for channel, (z, s) in enumerate([(2.0, 0.5), (-1.0, 3.0)]):
        assert torch.allclose(out[:, 2 + channel, 0, 0], ((zero[:, channel, 0] - z) / s).asinh(), atol=1e-5)
        assert torch.allclose(out[:, 4 + channel, 0, 0], (soft[:, channel, 0] / s).log10(), atol=1e-5)


@pytest.mark.parametrize("stretch", CURVES)
def test_globally_the_constants_are_those_of_the_spec(stretch):
    made, block = Standardise(about(stretch)), stamps(holes=False)
    for channel, (zero, soft, mean) in enumerate([(2.0, 0.5, 0.3), (-1.0, 3.0, 0.4)]):
        wanted = stretched(block.x[:, channel], stretch, zero, soft)[0] - mean
        assert torch.allclose(made(block).x[:, channel], wanted, atol=1e-5)


def test_a_channel_with_a_word_of_its_own_keeps_it():
    mixed, block = Standardise(about("zscale", scaling="both", transform=("asinh", "linear"))), stamps()
    plain = Standardise(about("linear", scaling="both", transform=("asinh", "linear")))
    assert torch.equal(mixed(block).x[:, 0::2][:, :3], plain(block).x[:, 0::2][:, :3])
    assert not torch.allclose(mixed(block).x[:, 1], plain(block).x[:, 1])


@pytest.mark.parametrize("stretch", CURVES)
def test_errors_are_stretched_with_their_values(stretch):
    spec = about(stretch)
    spec = InputSpec(**{**spec.__dict__, "err_mean": (0.0, 0.0), "err_spread": (1.0, 1.0)})
    block = stamps(holes=False)
    out = Standardise(spec)(block._replace(err=torch.full_like(block.x, 0.1))).x
    slope = stretched(block.x[:, 0], stretch, 2.0, 0.5)[1]
    assert torch.allclose(out[:, 2], (0.1 * slope).log10().clamp(-5, 5), atol=1e-5)


def test_a_stretch_survives_the_checkpoint():
    spec = Spec({"image": about("zscale", scaling="both")}, TargetSpec(("t",)))
    back = Spec.from_dict(spec.to_dict())
    assert back == spec
    assert torch.equal(Standardise(back.inputs["image"])(stamps()).x, Standardise(spec.inputs["image"])(stamps()).x)


@pytest.mark.usefixtures("unreported")
def test_a_stretch_is_a_word_of_the_data_and_lives_in_the_checkpoint(words, execute, sky, tmp_path):
    run = execute(
        tmp_path / "run", [*words("cnn"), "data.stretch=zscale", "data.per_object=both", "trainer.max_epochs=1"]
    )
    instrument = starbolt.load(run)
    assert instrument.spec.inputs["image"].stretch == "zscale"
    found = instrument.predict(str(sky["labels"]))
    mine = {str(row["id"]): row["prediction"] for row in found}
    for row in pq.read_table(run / "predictions.parquet").to_pylist():
        assert mine[row["id"]] == row["prediction"]


def test_a_misspelt_stretch_is_told(sky):
    with pytest.raises(ValueError, match=r"data\.stretch=sinh is not one of"):
        starbolt.ImageDataModule(str(sky["labels"]), file="file", stretch="sinh")
