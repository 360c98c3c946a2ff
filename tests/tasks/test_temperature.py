"""Temperatures: a network that is too sure is cooled, and what weights of the loss did is taken back."""

import pytest
import torch

from starbolt.tasks.temperature import FEWEST, Temperature, fit_temperature


def drawn(n, sharper=1.0, seed=0):
    """True probabilities [n, 3], classes drawn from them, and what an over-sure network says."""
    torch.manual_seed(seed)
    true = torch.softmax(1.5 * torch.randn(n, 3), 1)
    y = torch.multinomial(true, 1)[:, 0]
    return true, y, torch.softmax(true.log() * sharper, 1)


EQUAL = torch.ones(3)


def test_by_hand():
    prob = torch.tensor([[0.8, 0.2]])
    assert Temperature(2.0)(prob, torch.ones(2)).tolist() == [pytest.approx([2 / 3, 1 / 3])]  # roots: 2 to 1
    found = Temperature(1.0, 1.0)(prob, torch.tensor([4.0, 1.0]))
    assert found.tolist() == [pytest.approx([0.5, 0.5])]  # odds of 4 to 1, weighted 4 to 1


@pytest.mark.parametrize("sharper", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_it_is_found(sharper):
    true, y, said = drawn(20_000, sharper)
    found = fit_temperature(said, y, EQUAL)
    assert found.temperature == pytest.approx(sharper, rel=0.05)
    assert found.power == 0
    assert torch.allclose(found(said, EQUAL), true, atol=0.03)


def test_weights_of_the_loss_are_taken_back():
    true, y, _ = drawn(20_000)
    weight = torch.tensor([0.3, 1.0, 4.0])
    said = true * weight / (true * weight).sum(1, keepdim=True)
    found = fit_temperature(said, y, weight)
    assert (found.temperature, found.power) == pytest.approx((1.0, 1.0), abs=0.06)
    assert torch.allclose(found(said, weight), true, atol=0.03)


def test_few_objects_teach_nothing_and_certainty_is_no_accident():
    _, y, said = drawn(FEWEST - 1)
    assert fit_temperature(said, y, EQUAL) == Temperature()
    sure = torch.nn.functional.one_hot(torch.arange(60) % 3, 3).float()
    found = fit_temperature(sure, torch.arange(60) % 3, EQUAL)
    assert torch.isfinite(found(sure, EQUAL)).all()


def test_fitting_works_where_gradients_are_off():
    _, y, said = drawn(500, 2.0)
    with torch.inference_mode():
        assert fit_temperature(said.clone(), y, EQUAL).temperature > 1.3


@pytest.mark.parametrize("objects", [FEWEST, 60, 200])
def test_objects_that_are_all_right_do_not_make_it_surer_than_the_others_bear(objects):
    torch.manual_seed(1)
    true = torch.softmax(10 * torch.randn(40_000, 2), 1)  # separated but for some 4%
    y = torch.multinomial(true, 1)[:, 0]

    def loss(found, rows):
        return -found(true[rows], EQUAL[:2]).log().gather(1, y[rows, None]).mean()

    right = torch.nonzero(true.argmax(1) == y)[:objects, 0]
    rest = torch.arange(20_000, 40_000)
    found = fit_temperature(true[right], y[right], EQUAL[:2])
    assert found.temperature <= 1
    assert loss(found, right) <= loss(Temperature(), right)
    assert loss(found, rest) < 1.5 * loss(Temperature(), rest)
