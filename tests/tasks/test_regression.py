"""Quantities: in their own units outside, scaled inside; unknown ones harm nobody."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from starbolt.contract import Batch, TargetSpec
from starbolt.tasks import Regression
from starbolt.tasks.calibration import as_plain, from_plain
from starbolt.tasks.heads import LEVELS

ONE = TargetSpec(("z",), ("",), mean=(0.5,), spread=(0.2,), log_mean=(-0.3,), log_spread=(0.1,))
TWO = TargetSpec(
    ("z", "mass"), ("", "Msun"), mean=(0.5, 10.0), spread=(0.2, 2.0), log_mean=(-0.3, 1.0), log_spread=(0.1, 0.2)
)


def batch(y, weight=None):
    y = torch.tensor(y)
    return Batch({}, y, torch.ones(len(y)) if weight is None else torch.tensor(weight), torch.arange(len(y)))


def raw(sigma):
    """What the head must say for a scaled sigma."""
    return math.log(math.expm1(sigma - 1e-3))


def test_predictions_are_in_the_quantity_s_unit():
    task = Regression(4, TWO)
    found = task.answer(task.predict(torch.tensor([[1.0, -1.0, raw(0.5), raw(2)]])))
    assert found["mean"].tolist() == [pytest.approx([0.7, 8.0])]
    assert found["sigma"].tolist() == [pytest.approx([0.1, 4.0])]


def test_the_gaussian_loss_is_the_likelihood():
    out = torch.tensor([[0.3, raw(0.4)], [-1.0, raw(1.5)]])
    y = batch([[0.6], [0.1]])
    task = Regression(4, ONE).eval()
    found = task.answer(task.predict(out))
    density = torch.distributions.Normal(found["mean"] / 0.2, found["sigma"] / 0.2).log_prob(y.y / 0.2)[:, 0]
    assert torch.allclose(task.losses(out, y), -density - 0.5 * math.log(2 * math.pi), atol=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_the_gradient_of_the_mean_is_weighted_by_sigma(beta):
    task = Regression(4, ONE, beta=beta).train()
    out = torch.tensor([[0.0, raw(0.1)], [0.0, raw(10.0)]], requires_grad=True)
    task.losses(out, batch([[0.7], [0.7]])).sum().backward()
    wanted = [-(1 / s**2) * s ** (2 * beta) for s in (0.1, 10.0)]
    assert out.grad[:, 0].tolist() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_other_losses_are_of_scaled_errors(loss):
    task = Regression(4, ONE, loss=loss)
    losses = task.losses(torch.tensor([[0.0], [0.0]]), batch([[0.6], [1.1]]))  # 0.5 and 3 spreads
    wanted = {"mse": [0.25, 9], "huber": [0.125, 2.5]}[loss]
    assert losses.tolist() == pytest.approx(wanted, rel=1e-4)
    assert set(task.predict(torch.zeros(2, 1))) == {"mean"}


@pytest.mark.parametrize("loss", ["gaussian", "mse", "huber"])
@pytest.mark.parametrize("log", [False, True])
def test_unknown_quantities_do_no_harm(loss, log):
    nan = math.nan
    task, z = Regression(4, TWO, loss=loss, log=log), torch.randn(4, 4, requires_grad=True)
    losses = task.losses(task(z), batch([[0.5, 9.0], [nan, nan], [nan, 11.0], [0.4, nan]]))
    assert losses.isnan().tolist() == [False, True, False, False]
    losses.nanmean().backward()
    assert torch.isfinite(z.grad).all()
    assert not z.grad[1].any()
    assert all(torch.isfinite(p.grad).all() for p in task.parameters())


def test_an_object_s_loss_is_the_mean_over_what_is_known_of_it():
    task = Regression(4, TWO, loss="mse")
    losses = task.losses(torch.zeros(2, 2), batch([[0.7, 14.0], [math.nan, 14.0]], [1.0, 3.0]))
    assert losses.tolist() == pytest.approx([(1 + 4) / 2, 3 * 4])


def test_logarithms_go_there_and_back():
    task = Regression(4, ONE, log=True).eval()
    y = torch.tensor([[0.2], [0.5], [1.9]])
    out = torch.cat([(y.log10() + 0.3) / 0.1, torch.full((3, 1), raw(0.3))], 1)
    found = task.answer(task.predict(out))
    assert torch.allclose(found["mean"], y, rtol=1e-5)
    slope = (10 ** (y.log10() + 0.03) - 10 ** (y.log10() - 0.03)) / 2  # 0.3 of a spread of 0.1, in decades
    assert torch.allclose(found["sigma"], slope, rtol=2e-3)
    assert task.losses(out, batch(y.tolist())).tolist() == pytest.approx([math.log(0.3)] * 3, abs=1e-3)


def test_logarithms_of_what_is_not_positive_are_refused():
    spec = TargetSpec(("T",), ("",), mean=(0.0,), spread=(1.0,), log_mean=(math.nan,), log_spread=(math.nan,))
    with pytest.raises(ValueError, match=r"task\.log=true needs positive targets; T"):
        Regression(4, spec, log=True)
    with pytest.raises(ValueError, match=r"task\.loss='l1' is not one of"):
        Regression(4, ONE, loss="l1")


def components(centre, width):
    centre, width = (torch.tensor([[v]]) for v in (centre, width))
    return {"weight": torch.full_like(centre, 1 / centre.shape[2]), "centre": centre, "width": width}


def test_several_gaussians_combine_to_the_mean_and_variance_of_all():
    random, task = np.random.default_rng(0), Regression(4, ONE)
    found = task.combine([components([0.0], [1.0]), components([3.0], [0.5])])
    draws = np.concatenate([random.normal(0, 1, 200_000), random.normal(3, 0.5, 200_000)])
    assert float(found["centre"]) == pytest.approx(draws.mean(), abs=0.01)
    assert float(found["width"]) == pytest.approx(draws.std(), rel=0.01)
    assert set(Regression(4, ONE, loss="mse").combine([{"mean": torch.ones(1, 1)}] * 2)) == {"mean"}


@pytest.mark.parametrize("loss", ["gaussian", "mixture", "quantiles", "binned", "mse", "huber"])
def test_one_prediction_combined_is_itself_and_several_equal_ones_too(loss):
    torch.manual_seed(0)
    task = Regression(4, TWO, loss=loss)
    raw = task.predict(task(torch.randn(5, 4)))
    once, thrice = (task.answer(task.combine([raw] * n)) for n in (1, 3))
    assert torch.allclose(once["mean"], thrice["mean"], atol=1e-5)
    assert torch.allclose(once.get("sigma", once["mean"]), thrice.get("sigma", thrice["mean"]), atol=1e-5)
    assert task.disagreement([raw] * 3)["epistemic"].abs().max() < 1e-5


DENSE = ["gaussian", "mixture", "quantiles", "binned"]
RANGE = {"low": (0.1, 4.0), "high": (1.0, 16.0)}


def wide(spec):
    return replace(spec, low=RANGE["low"][: len(spec.names)], high=RANGE["high"][: len(spec.names)])


@pytest.mark.parametrize("loss", DENSE)
def test_the_loss_is_the_score_of_the_density_that_is_predicted(loss):
    """Likelihoods (and the mean pinball loss) of what `predict` gives, in scaled units."""
    torch.manual_seed(0)
    task = Regression(4, wide(TWO), loss=loss).eval()
    out = task(torch.randn(6, 4))
    y = torch.tensor([[0.4, 9.0]] * 6)
    density = task.density(task.predict(out))
    spread, losses = torch.tensor([0.2, 2.0]), task.losses(out, batch(y.tolist()))
    if loss == "quantiles":
        values = density.edges[..., 1:-1]
        away = (y[..., None] - values) / spread[:, None]
        level = torch.tensor(LEVELS)
        wanted = torch.maximum(level * away, (level - 1) * away).mean(2)
    else:
        wanted = -(density.pdf(y.double()[..., None])[..., 0] * spread).log()
        wanted -= {"gaussian": 0.5 * math.log(2 * math.pi), "mixture": 0.5 * math.log(2 * math.pi)}.get(loss, 0.0)
    assert losses.tolist() == pytest.approx(wanted.mean(1).tolist(), abs=1e-4)


@pytest.mark.parametrize("loss", DENSE)
def test_every_head_learns_a_width_that_depends_on_the_object(loss):
    torch.manual_seed(0)
    z = torch.rand(1500, 3)
    y = 0.2 + 0.5 * z[:, :1] + (0.02 + 0.08 * z[:, 1:2]) * torch.randn(1500, 1)
    spec = TargetSpec(("z",), ("",), mean=(float(y.mean()),), spread=(float(y.std()),), log_mean=(math.nan,),
                      log_spread=(math.nan,), low=(float(y.min()),), high=(float(y.max()),))  # fmt: skip
    task = Regression(64, spec, loss=loss)
    body = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.ReLU())
    optimizer = torch.optim.Adam([*task.parameters(), *body.parameters()], 0.01)
    for _ in range(800):
        optimizer.zero_grad()
        task.losses(task(body(z)), batch(y.tolist())).mean().backward()
        optimizer.step()
    answer = task.answer(task.eval().predict(task(body(z)).detach()))
    narrow, broad = (float(answer["sigma"][rows].median()) for rows in (z[:, 1] < 0.2, z[:, 1] > 0.8))
    assert (narrow, broad) == (pytest.approx(0.028, rel=0.35), pytest.approx(0.092, rel=0.35))
    scores = task.scores(answer, y)
    assert scores["coverage_90"] == pytest.approx(0.9, abs=0.04)
    assert scores["pit_ks"] < 0.06


def test_values_beyond_the_bins_stop_nothing():
    task = Regression(4, wide(ONE), loss="binned")
    losses = task.train().losses(task(torch.randn(3, 4)), batch([[-5.0], [0.5], [99.0]]))
    assert torch.isfinite(losses).all()


def truths(answer, n, seed):
    """Truths that the predicted Gaussians tell wrong: half as far again from the mean, and moved."""
    random = torch.Generator().manual_seed(seed)
    return answer["centre"][..., 0] + answer["width"][..., 0] * (0.3 + 1.5 * torch.randn(n, 1, generator=random))


def test_calibration_puts_densities_and_intervals_right():
    torch.manual_seed(0)
    n, task = 4000, Regression(4, ONE)
    raw = task.predict(task(torch.randn(n, 4)))
    raw = {k: v.detach() for k, v in raw.items()}
    y, cal = truths(raw, n, 1), slice(0, 1000)
    fit = task.calibrate({k: v[cal] for k, v in raw.items()}, y[cal], torch.full((1000,), -1), 0.9)
    new = {k: v[1000:] for k, v in raw.items()}
    before, after = (task.scores(task.answer(new, f), y[1000:]) for f in (None, fit))
    assert before["coverage_90"] < 0.75
    assert before["pit_ks"] > 0.1
    assert after["coverage_90"] == pytest.approx(0.9, abs=0.025)
    assert after["coverage"] == pytest.approx(0.9, abs=0.03)
    assert after["pit_ks"] < 0.05
    assert after["cde_loss"] < before["cde_loss"]
    assert after["crps"] < before["crps"]


def test_intervals_of_predictions_without_a_density_hold_the_truth_as_often_as_they_say():
    torch.manual_seed(0)
    task = Regression(4, TWO, loss="huber")
    raw = {"mean": torch.zeros(5000, 2)}
    y = torch.randn(5000, 2) * torch.tensor([1.0, 5.0]) + 2
    y[:100, 0] = math.nan
    fit = task.calibrate({"mean": raw["mean"][:1000]}, y[:1000], torch.full((1000,), -1), 0.8)
    scores = task.scores(task.answer({"mean": raw["mean"][1000:]}, fit), y[1000:])
    assert [scores["coverage/z"], scores["coverage/mass"]] == pytest.approx([0.8, 0.8], abs=0.04)
    assert fit.counts == (900, 1000)


@pytest.mark.parametrize("loss", ["gaussian", "mixture", "quantiles", "binned", "huber"])
@pytest.mark.parametrize("log", [False, True])
def test_calibrations_live_through_plain_values_and_groups(loss, log, tmp_path):
    torch.manual_seed(0)
    task = Regression(4, wide(TWO), loss=loss, log=log)
    raw = {k: v.detach() for k, v in task.predict(task(torch.randn(400, 4))).items()}
    y = task.answer(raw)["mean"] * torch.exp(0.1 * torch.randn(400, 2))
    groups = torch.arange(400) % 3 - 1
    fit = task.calibrate(raw, y, groups, 0.9)
    again = from_plain(json.loads(json.dumps(as_plain(fit))))
    assert again == fit
    torch.save(as_plain(fit), tmp_path / "plain.ckpt")
    assert from_plain(torch.load(tmp_path / "plain.ckpt", weights_only=True)) == fit
    one, two = (task.answer(raw, f, groups) for f in (fit, again))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert (one["low"] <= one["high"]).all()
    for g in (-1, 0, 1):
        inside = ((y >= one["low"]) & (y <= one["high"]))[groups == g].double().mean()
        assert inside == pytest.approx(0.9, abs=0.06)


def test_too_few_objects_promise_nothing_finite(tmp_path):
    task = Regression(4, ONE)
    raw = {name: value.expand(5, -1, -1) for name, value in components([0.5], [0.1]).items()}
    fit = task.calibrate(raw, torch.rand(5, 1), torch.tensor([0, 0, 1, 1, 1]), 0.9)
    answer = task.answer(raw, fit, torch.tensor([0, 1, -1, 0, 1]))
    assert torch.isinf(answer["low"]).all()
    assert torch.isinf(answer["high"]).all()
    assert torch.isfinite(answer["sigma"]).all()
    torch.save(as_plain(fit), tmp_path / "plain.ckpt")
    assert from_plain(torch.load(tmp_path / "plain.ckpt", weights_only=True)) == fit


def test_the_density_on_a_grid_is_that_of_the_answer():
    task, grid = Regression(4, ONE), torch.linspace(-1, 2, 301)
    answer = task.answer(components([0.5], [0.1]))
    found = task.densities(answer, grid)
    assert found.shape == (1, 1, 301)
    assert float(found.sum() * 0.01) == pytest.approx(1, abs=1e-3)
    assert float(grid[found[0, 0].argmax()]) == pytest.approx(0.5)


def test_columns_are_called_after_the_quantities():
    found = {"mean": torch.tensor([[1.0, 2.0]]), "sigma": torch.tensor([[0.1, 0.2]])}
    columns = Regression(4, TWO).columns(found)
    assert {name: float(v[0]) for name, v in columns.items()} == pytest.approx(
        {"z": 1, "z_err": 0.1, "mass": 2, "mass_err": 0.2}
    )
    assert list(Regression(4, ONE).truth(torch.ones(1, 1))) == ["target"]
    assert list(Regression(4, TWO).truth(torch.ones(1, 2))) == ["target_z", "target_mass"]


def test_scores_are_of_each_quantity_s_known_objects():
    task = Regression(4, TWO)
    y = torch.tensor([[1.0, 5.0], [2.0, math.nan], [3.0, 7.0]])
    found = task.scores({"mean": y.nan_to_num(99.0) + 1, "sigma": torch.ones(3, 2)}, y)
    assert found["coverage_90/z"] == 1
    assert found["rms/z"] == found["rms/mass"] == 1
    assert task.scores({"mean": torch.zeros(3, 2)}, torch.tensor([[1.0, math.nan]] * 3)).keys() >= {"rms/z"}
    assert set(Regression(4, ONE).scores({"mean": y[:, :1]}, y[:, :1])) >= {"rms", "nmad"}
