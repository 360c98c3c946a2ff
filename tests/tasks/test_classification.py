"""Classes: the loss weighs them as asked, unlabelled objects harm nobody."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from starbolt.contract import Batch, TargetSpec
from starbolt.tasks import Classification

SPEC = TargetSpec(("type",), ("",), ("E", "S0", "S"), (100, 25, 4))


def batch(y, weight=None):
    y = torch.tensor(y)
    return Batch({}, y, torch.ones(len(y)) if weight is None else torch.tensor(weight), torch.arange(len(y)))


def logits(n=6, seed=0):
    torch.manual_seed(seed)
    return torch.randn(n, 3)


@pytest.mark.parametrize(("weights", "power"), [("none", 0), ("sqrt", -0.5), ("balanced", -1)])
def test_classes_weigh_by_the_power_of_their_counts(weights, power):
    task = Classification(4, SPEC, weights=weights)
    ratio = task.class_weight / task.class_weight[0]
    assert ratio.tolist() == pytest.approx([1, 0.25**power, 0.04**power])
    assert float((task.class_weight * torch.tensor([100, 25, 4]) / 129).sum()) == pytest.approx(1)


def test_cross_entropy_is_torch_s():
    out, y = logits(), [0, 1, 2, 0, 1, 2]
    losses = Classification(4, SPEC, weights="none").losses(out, batch(y))
    assert torch.allclose(losses, F.cross_entropy(out, torch.tensor(y), reduction="none"))
    weighted = Classification(4, SPEC, weights="none").losses(out, batch(y, [0.0, 1, 2, 3, 4, 5]))
    assert torch.allclose(weighted, losses * torch.arange(6))


def test_focal_loss_turns_to_the_hard_objects():
    out = torch.tensor([[4.0, 0, 0], [0.0, 4, 0]])
    y = batch([0, 0])
    plain, focal = (Classification(4, SPEC, weights="none", loss=w).losses(out, y) for w in ("cross_entropy", "focal"))
    p = F.softmax(out, 1)[:, 0]
    assert torch.allclose(focal, plain * (1 - p) ** 2)
    assert focal[0] / plain[0] < 0.01
    assert focal[1] / plain[1] > 0.9


def test_unlabelled_objects_have_no_loss_and_do_no_harm():
    task, z = Classification(4, SPEC), torch.randn(5, 4, requires_grad=True)
    losses = task.losses(task(z), batch([0, -1, 2, -1, 1]))
    assert losses.isnan().tolist() == [False, True, False, True, False]
    losses.nanmean().backward()
    assert torch.isfinite(z.grad).all()
    assert not z.grad[[1, 3]].any()
    assert all(torch.isfinite(p.grad).all() for p in task.parameters())


def test_smoothing_is_of_training_alone():
    smooth, plain = (Classification(4, SPEC, weights="none", smoothing=s) for s in (0.2, 0.0))
    out, y = logits(), batch([0, 1, 2, 0, 1, 2])
    assert not torch.allclose(smooth.losses(out, y), plain.losses(out, y))
    assert torch.allclose(smooth.eval().losses(out, y), plain.losses(out, y))


def test_predictions_are_probabilities_and_combine_to_their_mean():
    task = Classification(4, SPEC)
    one, two = task.predict(logits()), task.predict(logits(seed=1))
    assert torch.allclose(one["prob"].sum(1), torch.ones(6))
    assert torch.allclose(task.combine([one, two])["prob"], (one["prob"] + two["prob"]) / 2)


def test_columns_name_the_classes():
    task = Classification(4, SPEC)
    columns = task.columns(task.answer({"prob": torch.tensor([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1]])}))
    assert list(columns) == ["prediction", "prob_E", "prob_S0", "prob_S"]
    assert columns["prediction"].tolist() == ["S0", "E"]
    assert columns["prob_S0"].tolist() == pytest.approx([0.7, 0.1])
    assert task.truth(torch.tensor([2, -1]))["target"].tolist() == ["S", ""]


def test_scores_are_those_of_the_probabilities():
    task, y = Classification(4, SPEC), torch.tensor([0, 1, 2, 0, 1, 2])
    assert task.scores({"prob": F.one_hot(y, 3).float()}, y)["accuracy"] == 1


@pytest.mark.parametrize("words", [{"weights": "inverse"}, {"loss": "hinge"}])
def test_words_that_are_none_are_refused(words):
    name, value = next(iter(words.items()))
    with pytest.raises(ValueError, match=rf"task\.{name}='{value}' is not one of"):
        Classification(4, SPEC, **words)


def test_it_learns_what_can_be_told():
    torch.manual_seed(0)
    y = torch.randint(0, 3, (300,))
    z = F.one_hot(y, 4)[:, :4] + 0.3 * torch.randn(300, 4)
    task = Classification(4, SPEC, weights="none")
    optimizer = torch.optim.Adam(task.parameters(), 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        task.losses(task(z), batch(y.tolist())).mean().backward()
        optimizer.step()
    assert (
        np.mean(task.columns(task.answer(task.predict(task(z).detach())))["prediction"] == task.truth(y)["target"])
        > 0.9
    )


def learnt(n, weights, seed):
    """A task, and predictions of a network that learnt with its weights: p w, normed, and twice too sure."""
    torch.manual_seed(seed)
    spec = TargetSpec(("type",), ("",), ("E", "S0", "S"), (700, 200, 100))
    true = torch.softmax(2 * torch.randn(n, 3) + torch.tensor([1.5, 0.3, -0.4]), 1)
    task = Classification(4, spec, weights=weights)
    said = (true**2 * task.class_weight) / (true**2 * task.class_weight).sum(1, keepdim=True)
    return task, {"prob": said}, torch.multinomial(true, 1)[:, 0]


@pytest.mark.parametrize("weights", ["none", "sqrt", "balanced"])
def test_calibration_mends_probabilities_and_leaves_the_decision(weights):
    task, raw, y = learnt(4000, weights, 0)
    fit = task.calibrate({"prob": raw["prob"][:1000]}, y[:1000], torch.full((1000,), -1), 0.9)
    new, truth = {"prob": raw["prob"][1000:]}, y[1000:]
    before, after = task.answer(new), task.answer(new, fit)
    assert task.scores(after, truth)["log_loss"] < task.scores(before, truth)["log_loss"] - 0.05
    assert torch.equal(before["code"], after["code"])
    assert task.scores(after, truth)["ece"] < 0.03
    for k in range(3):
        assert after["set"][truth == k, k].double().mean() == pytest.approx(0.9, abs=0.05)


def test_sets_hold_the_truth_within_each_group():
    task, raw, y = learnt(9000, "none", 1)
    group = torch.arange(9000) % 2
    raw["prob"] = torch.where(group[:, None] == 0, raw["prob"], raw["prob"].roll(1, 1))  # in group 1 all is wrong
    fit = task.calibrate({"prob": raw["prob"][:3000]}, y[:3000], group[:3000], 0.9)
    truth = y[3000:, None]
    blind, told = (task.answer({"prob": raw["prob"][3000:]}, fit, g)["set"] for g in (None, group[3000:]))
    covered = [[float(s.gather(1, truth)[group[3000:] == g].double().mean()) for g in (0, 1)] for s in (blind, told)]
    assert covered[1] == pytest.approx([0.9, 0.9], abs=0.03)
    assert abs(covered[0][0] - covered[0][1]) > 0.1
    unknown = task.answer({"prob": raw["prob"][3000:]}, fit, torch.full((6000,), -1))["set"]
    assert torch.equal(unknown, blind)


def test_a_class_that_calibration_never_saw_is_in_every_set():
    task, raw, y = learnt(500, "none", 2)
    few = y != 2
    fit = task.calibrate({"prob": raw["prob"][few]}, y[few], torch.full((int(few.sum()),), -1), 0.9)
    assert task.answer(raw, fit)["set"][:, 2].all()


def test_disagreement_is_the_mutual_information():
    one, two = torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([[0.0, 1.0], [0.5, 0.5]])
    found = Classification(4, SPEC).disagreement([{"prob": one}, {"prob": two}])
    assert found["epistemic"].tolist() == pytest.approx(
        [np.log(2), 0.0], abs=1e-6
    )  # of opinions, and of a common doubt


def test_the_working_point_is_where_f1_is_largest():
    task, y = Classification(4, SPEC), torch.tensor([0, 0, 0, 1, 1, 2])
    prob = torch.tensor(
        [[0.9, 0.8, 0.3, 0.4, 0.1, 0.0], [0.1, 0.1, 0.6, 0.5, 0.8, 0.2], [0, 0.1, 0.1, 0.1, 0.1, 0.8]]
    ).T
    working = task.working_point({"prob": prob}, y)
    assert working == pytest.approx((0.3, 0.5, 0.8))  # class 0: 3 of 4 true, F1 6/7; at 0.8 it is 4/5
