"""Learning curves: numbers on the loss axis that can be read, however far the losses reach."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from starbolt.report import learning
from starbolt.report.results import Results


@pytest.mark.parametrize("highest", [0.3, 6.0, 4e4, np.inf])
def test_numbers_of_the_loss_axis_do_not_lie_on_one_another(table_run: Callable[..., Path], highest: float) -> None:
    results = Results.read(table_run(50))
    results.history["val/loss"] = np.linspace(0.15, 0.2, len(results.history["epoch"]))
    results.history["train/loss"] = results.history["val/loss"].copy()
    results.history["val/loss"][1] = highest
    (drawing,) = learning.draw(results)
    figure, axis = drawing.figure, drawing.figure.axes[0].yaxis
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axis.get_ticklabels(which="both") if label.get_text()]
    inside = sorted((box.y0, box.y1) for box in boxes if figure.axes[0].bbox.y0 <= box.y0 <= figure.axes[0].bbox.y1)
    assert len(inside) >= 2
    assert all(upper[0] > lower[1] for lower, upper in pairwise(inside))
