"""Quantities: in their own units outside, scaled inside; unknown ones harm nobody."""

import math

import numpy as np
import pytest
import torch

from starbolt.contract import Batch, TargetSpec
from starbolt.tasks import Regression

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
    found = Regression(4, TWO).predict(torch.tensor([[1.0, -1.0, raw(0.5), raw(2)]]))
    assert found["mean"].tolist() == [pytest.approx([0.7, 8.0])]
    assert found["sigma"].tolist() == [pytest.approx([0.1, 4.0])]


def test_the_gaussian_loss_is_the_likelihood():
    out = torch.tensor([[0.3, raw(0.4)], [-1.0, raw(1.5)]])
    y = batch([[0.6], [0.1]])
    task = Regression(4, ONE).eval()
    found = task.predict(out)
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
    found = task.predict(out)
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


def test_several_predictions_combine_as_a_mixture():
    random = np.random.default_rng(0)
    parts = [{"mean": torch.tensor([[m]]), "sigma": torch.tensor([[s]])} for m, s in ((0.0, 1.0), (3.0, 0.5))]
    found = Regression.combine(parts)
    draws = np.concatenate([random.normal(0, 1, 200_000), random.normal(3, 0.5, 200_000)])
    assert float(found["mean"]) == pytest.approx(draws.mean(), abs=0.01)
    assert float(found["sigma"]) == pytest.approx(draws.std(), rel=0.01)
    assert set(Regression.combine([{"mean": p["mean"]} for p in parts])) == {"mean"}


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
    assert found["rms/z"] == found["rms/mass"] == 1
    assert task.scores({"mean": torch.zeros(3, 2)}, torch.tensor([[1.0, math.nan]] * 3)).keys() >= {"rms/z"}
    assert set(Regression(4, ONE).scores({"mean": y[:, :1]}, y[:, :1])) >= {"rms", "nmad"}
