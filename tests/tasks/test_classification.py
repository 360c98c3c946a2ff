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
    columns = task.columns({"prob": torch.tensor([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1]])})
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
    assert np.mean(task.columns(task.predict(task(z).detach()))["prediction"] == task.truth(y)["target"]) > 0.9
