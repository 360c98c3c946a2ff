"""First-layer filters: their channels have the names of what they act on, and their answers are the convolution's."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product

import pytest
import torch
import torch.nn.functional as F

from starbolt.explain import filters
from starbolt.explain.answer import gathered
from starbolt.explain.filters import channel_names, first_layer
from starbolt.learner import Learner
from starbolt.models import CNN
from starbolt.standardise import Standardise
from starbolt.tasks import Classification

CPU = torch.device("cpu")
CASES = list(product(("global", "object", "both"), (False, True), (False, True), (False, True)))


@pytest.mark.parametrize(("scaling", "errors", "limits", "missing"), CASES)
def test_there_is_a_name_for_every_standardised_channel(images, scaling, errors, limits, missing):
    about = images(2).open("class").inputs["image"]
    about = replace(about, scaling=scaling, limits=limits, missing=(0.1 * missing, 0.0))
    about = replace(about, err_mean=(0.0, 0.0), err_spread=(1.0, 1.0)) if errors else about
    names = channel_names(about)
    assert len(names) == Standardise(about).shape[0] == len(set(names))
    assert ("mask" in names) == missing


def test_answers_are_the_convolution_of_the_standardised_image(images):
    data = images(2)
    learner = Learner(data.open("class"), partial(CNN, width=8, stages=1), Classification).eval()
    batch = gathered(learner, data, data.parts["test"][:3], CPU)
    found = first_layer(learner, "image", batch.inputs["image"])
    norms = torch.from_numpy(found["filters"]).flatten(1).norm(dim=1)
    assert (norms.diff() <= 0).all()  # strongest first
    kernels = torch.from_numpy(found["filters"][found["maps_filter"]])
    seen = learner.standardise["image"](batch.inputs["image"]).x
    torch.testing.assert_close(
        torch.from_numpy(found["maps"]), F.conv2d(seen, kernels, padding=1), rtol=1e-4, atol=1e-5
    )


def test_large_maps_are_kept_small(images, monkeypatch):
    monkeypatch.setattr(filters, "SIDE", 8)
    data = images(1)
    learner = Learner(data.open("class"), partial(CNN, width=4, stages=1), Classification).eval()
    found = first_layer(learner, "image", gathered(learner, data, data.parts["test"], CPU).inputs["image"])
    assert found["maps"].shape[2:] == (8, 8)
    assert found["channels"].tolist() == list(data.spec.inputs["image"].channels)
