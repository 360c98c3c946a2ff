"""Occlusion: only the windows that a network reads change what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from starbolt.explain.answer import features, gathered
from starbolt.explain.occlusion import WINDOWS, occlusion
from starbolt.tasks import Classification

CPU = torch.device("cpu")
EARLY = 6  # points that the network reads


def occluded(learner, data, rows):
    batch = gathered(learner, data, rows, CPU)
    with torch.no_grad():
        parts = features(learner, batch.inputs)
    codes = torch.zeros(len(rows), dtype=torch.int64)
    return batch.inputs["series"], occlusion(learner, "series", batch.inputs["series"], parts, codes)


@pytest.fixture
def early(series, reading):
    return reading(series, Classification, lambda block: block.x[:, 2, :EARLY].abs().sum(1))


def test_only_early_windows_matter_to_a_network_that_reads_the_beginning(series, early):
    rows = np.arange(50, 60)  # 52 to 61 points: windows of two or three
    block, found = occluded(early, series, rows)
    reading = found["first"] <= block.x[:, 0, EARLY - 1, None].numpy()
    assert (found["change"][reading] < 0).all()  # what it adds up speaks for the class explained
    assert np.abs(found["change"][~reading]).max() == 0
    assert set(reading.sum(1).tolist()) <= {2, 3}  # six points are two or three windows of two or three


def test_windows_hold_equally_many_consecutive_points(series, early):
    block, found = occluded(early, series, np.arange(30, 60))
    for i, length in enumerate(block.length.tolist()):
        time = block.x[i, 0, :length].numpy()
        there = np.isfinite(found["change"][i])
        assert there.sum() == min(WINDOWS, length)
        ends = zip(found["first"][i, there], found["last"][i, there], strict=True)
        counts = [int(((time >= first) & (time <= last)).sum()) for first, last in ends]
        assert sum(counts) == length
        assert max(counts) - min(counts) <= 1


def test_short_and_empty_series_have_fewer_windows(series, early):
    block, found = occluded(early, series, np.array([0, 3]))
    assert np.isfinite(found["change"]).sum(1).tolist() == [2, 5]
    nothing = block._replace(length=torch.zeros(2, dtype=torch.int64), mask=torch.zeros_like(block.mask))
    parts = {"series": torch.zeros(2, 1)}
    found = occlusion(early, "series", nothing, parts, torch.zeros(2, dtype=torch.int64))
    assert np.isnan(found["change"]).all()


def test_what_is_hidden_is_unmeasured_and_keeps_its_time(series, early):
    """The network is shown a window as points without a value, an error and a mask, at the times at which they were."""
    seen = []
    learner = early
    block, _ = occluded(learner, series, np.array([45]))
    handle = learner.standardise["series"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    occluded(learner, series, np.array([45]))
    handle.remove()
    shown = seen[-1]
    assert len(shown.x) == WINDOWS + 1
    assert torch.equal(shown.x[:, 0], block.x[:, 0].expand_as(shown.x[:, 0]))
    assert shown.mask[:, 0].all()
    hidden = ~shown.mask[1:, 1]
    assert torch.equal(hidden.sum(0), torch.ones(hidden.shape[1], dtype=torch.int64))  # each point once
    assert shown.x[1:, 1][hidden].abs().max() == 0
    assert shown.err[1:, 1][hidden].abs().max() == 0
    assert torch.equal(shown.x[0], block.x[0])


def test_the_answer_is_that_of_the_whole_network(series, early):
    rows = series.parts["test"]
    batch = gathered(early, series, rows, CPU)
    _, found = occluded(early, series, rows)
    prob = early.predict_batch(batch)[0]["prob"][:, 0]
    np.testing.assert_allclose(found["answer"], prob.detach().numpy(), rtol=1e-5)
