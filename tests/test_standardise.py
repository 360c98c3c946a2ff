"""From physical numbers to a network's inputs."""

from itertools import product

import numpy as np
import pytest
import torch

from starbolt.contract import Block, InputSpec
from starbolt.standardise import Standardise

KINDS = {"table": (3,), "image": (3, 6, 5), "series": (3, 7)}


def spec(kind="table", *, transform=("linear",) * 3, missing=(0.0,) * 3, errors=False, scaling="global"):
    n = 3
    err = ((-1.0,) * n, (0.5,) * n) if errors else ((), ())
    names = tuple("abc")
    soft = (0.5, 0.5, 0.5)
    return InputSpec(
        kind, names, ("",) * n, KINDS[kind], transform, soft, (5.0, 6.0, 7.0), (2.0, 3.0, 4.0), missing, *err, scaling
    )


def block(kind="table", *, b=4, errors=False, holes=True, seed=0):
    torch.manual_seed(seed)
    x = torch.rand(b, *KINDS[kind]) * 4 + 4
    mask = torch.rand(x.shape) > 0.3 if holes else torch.ones_like(x, dtype=torch.bool)
    length = None
    if kind == "series":
        length = torch.tensor([7, 3, 1, 5])[:b]
        inside = (torch.arange(7) < length[:, None])[:, None]
        x[:, 0] = torch.arange(7) * 2.0
        mask[:, 0] = True
        mask &= inside
    err = torch.rand(x.shape) * 0.2 + 0.05 if errors else None
    return Block(x * mask, mask, None if err is None else err * mask, None, length)


CASES = [  # tables are scaled by the training rows alone
    (kind, errors, scaling, missing)
    for kind, errors, scaling, missing in product(KINDS, [False, True], ["global", "object", "both"], [0.0, 0.3])
    if kind != "table" or scaling == "global"
]


@pytest.mark.parametrize(("kind", "errors", "scaling", "missing"), CASES)
def test_the_shape_it_promises_is_the_shape_it_gives(kind, errors, scaling, missing):
    made = Standardise(spec(kind, errors=errors, scaling=scaling, missing=(missing, 0.0, missing)))
    out = made(block(kind, errors=errors))
    assert out.x.shape == (4, *made.shape)
    assert out.x.dtype == torch.float32
    assert torch.isfinite(out.x).all()
    assert out.mask.shape[1] == 1


@pytest.mark.parametrize(("kind", "errors", "scaling", "missing"), CASES)
def test_what_stands_where_nothing_was_measured_does_not_matter(kind, errors, scaling, missing):
    made = Standardise(
        spec(kind, transform=("linear", "log", "asinh"), errors=errors, scaling=scaling, missing=(missing,) * 3)
    )
    clean = block(kind, errors=errors)
    for rubbish in (1e30, float("nan"), float("inf"), -5.0):
        hidden = torch.where(clean.mask, clean.x, rubbish)
        if kind == "series":  # the time channel of padding is 0 by contract
            hidden[:, 0] = clean.x[:, 0]
        assert torch.equal(made(clean._replace(x=hidden)).x, made(clean).x)


@pytest.mark.parametrize("scaling", ["global", "object", "both"])
def test_unmeasured_becomes_zero_and_global_scaling_is_by_mean_and_spread(scaling):
    made, given = Standardise(spec("image", scaling=scaling)), block("image")
    own = made(given).x[:, :3]
    assert not own[~given.mask].any()
    if scaling != "object":
        scaled = (given.x - torch.tensor([5.0, 6, 7]).view(3, 1, 1)) / torch.tensor([2.0, 3, 4]).view(3, 1, 1)
        assert torch.allclose(own[given.mask], scaled[given.mask])


@pytest.mark.parametrize("kind", ["image", "series"])
def test_an_object_s_own_scaling_takes_out_its_level_and_scale(kind):
    made, given = Standardise(spec(kind, scaling="object")), block(kind)
    first = 2 if kind == "series" else 0
    count = 2 if kind == "series" else 3
    changed = given.x * 3 + 11
    if kind == "series":
        changed[:, 0] = given.x[:, 0]
    before, after = made(given).x, made(given._replace(x=changed * given.mask)).x
    some = given.mask[:, -count:].flatten(2).sum(2) > 2  # with fewer points the floor of the scale decides
    shape = (slice(None), slice(first, first + count))
    assert torch.allclose(before[shape][some], after[shape][some], atol=1e-4)
    assert not torch.allclose(before[:, first + count :], after[:, first + count :], atol=0.1)


def test_median_and_scale_are_those_of_the_measured_pixels():
    made, given = Standardise(spec("image", scaling="object")), block("image")
    out = made(given).x
    for i, c in product(range(4), range(3)):
        seen = given.x[i, c][given.mask[i, c]]
        middle = seen.median()
        scale = 1.4826 * (seen - middle).abs().median()
        assert torch.allclose(out[i, c][given.mask[i, c]], (seen - middle) / scale, atol=1e-4)
        assert out[i, 3 + c, 0, 0] == pytest.approx(float((middle - [5, 6, 7][c]) / [2, 3, 4][c]), abs=1e-5)
        assert out[i, 6 + c, 0, 0] == pytest.approx(float((scale / [2, 3, 4][c]).log10()), abs=1e-5)


def test_both_is_one_beside_the_other():
    given = block("image")
    both = Standardise(spec("image", scaling="both"))(given).x
    single = [Standardise(spec("image", scaling=word))(given).x for word in ("global", "object")]
    assert torch.equal(both, torch.cat(single, 1))


def test_an_object_without_a_measurement_is_zero():
    for scaling in ("global", "object", "both"):
        given = block("image")
        nothing = given._replace(x=torch.zeros_like(given.x), mask=torch.zeros_like(given.mask))
        assert not Standardise(spec("image", scaling=scaling))(nothing).x.any()


@pytest.mark.parametrize("kind", ["linear", "log", "asinh"])
def test_values_and_errors_are_transformed_as_calculus_says(kind):
    made = Standardise(spec(transform=(kind,) * 3, errors=True))
    x, err, step = torch.tensor([[0.3, 2.0, 50.0]]), torch.tensor([[0.01, 0.1, 3.0]]), 1e-3
    out = made(Block(x, x > 0, err)).x

    def change(v):
        return {"linear": v, "log": np.log10(v), "asinh": np.arcsinh(v / 0.5)}[kind]

    wide = x.double().numpy()
    slope = (change(wide * (1 + step)) - change(wide * (1 - step))) / (2 * step * wide)
    assert np.allclose(out[:, :3], ((change(wide) - [5, 6, 7]) / np.array([2, 3, 4])).clip(-5, 5), atol=1e-5)
    assert np.allclose(out[:, 3:], ((np.log10(err.numpy() * slope) + 1) / 0.5).clip(-5, 5), atol=1e-4)


def test_a_value_that_has_no_logarithm_is_unmeasured():
    made = Standardise(spec(transform=("log",) * 3, missing=(0.1,) * 3, errors=True))
    x = torch.tensor([[0.0, -1.0, 100.0]])
    out = made(Block(x, torch.ones_like(x, dtype=torch.bool), torch.ones_like(x))).x
    assert not out[0, [0, 1, 3, 4]].any()
    assert out[0, 6:].tolist() == [0, 0, 1]


def test_an_error_that_is_unknown_is_zero():
    out = Standardise(spec(errors=True))(Block(torch.ones(1, 3), torch.ones(1, 3, dtype=torch.bool), torch.zeros(1, 3)))
    assert not out.x[:, 3:].any()


def test_the_mask_goes_along_where_values_can_be_missing():
    given = block()
    out = Standardise(spec(missing=(0.0, 0.2, 0.1)))(given).x
    assert torch.equal(out[:, 3:], given.mask[:, 1:].float())
    image = block("image")
    out = Standardise(spec("image", missing=(0.0, 0.2, 0.1)))(image).x
    assert torch.equal(out[:, 3:], image.mask[:, 1:].all(1, keepdim=True).float())


@pytest.mark.parametrize("scaling", ["global", "object", "both"])
def test_a_series_is_what_it_is_alone_whatever_the_padding(scaling):
    made = Standardise(spec("series", errors=True, scaling=scaling))
    given = block("series", errors=True)
    together = made(given).x
    for i, n in enumerate(given.length.tolist()):
        alone = Block(*(None if p is None else p[i : i + 1, :, :n] for p in given[:4]), given.length[i : i + 1])
        assert torch.allclose(made(alone).x[0], together[i, :, :n], atol=1e-6)
        assert not together[i, :, n:].any()


def test_time_and_steps_are_scaled():
    given = block("series")
    out = Standardise(spec("series"))(given).x
    assert torch.allclose(out[0, 0], (torch.arange(7) * 2.0 - 5) / 2)
    assert out[0, 1].tolist() == pytest.approx([0, *[np.arcsinh(2 / 0.5)] * 6])


def test_the_statistics_are_not_weights():
    """They come from the spec in the checkpoint, and no optimiser moves them."""
    made = Standardise(spec("image", errors=True, scaling="both"))
    assert not list(made.parameters())
    assert not made.state_dict()


@pytest.mark.parametrize(("kind", "most"), [("table", 5), ("series", 10), ("image", 1e6)])
def test_one_absurd_value_is_held_within_bounds(kind, most):
    given = block(kind, holes=False)
    given.x[0, 1] = 1e9
    out = Standardise(spec(kind))(given).x
    assert out.max() == most if most < 1e6 else out.max() > 1e8
