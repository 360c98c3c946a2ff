"""direction: a score's name tells which way it improves."""

from __future__ import annotations

import pytest

from starbolt.direction import LOWER_IS_BETTER, mode_of


@pytest.mark.parametrize("name", sorted(LOWER_IS_BETTER))
def test_losses_and_errors_go_down_of_one_target_too(name):
    assert mode_of(f"val/{name}") == mode_of(f"val/{name}/redshift") == "min"


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1", "auroc", "average_precision", "r2", "purity"])
def test_scores_go_up(name):
    assert mode_of(f"val/{name}") == mode_of(f"val/{name}/redshift") == "max"


def test_a_target_of_that_name_does_not_turn_a_score_round():
    assert mode_of("val/r2/loss") == "max"


def test_the_distance_from_a_uniform_pit_goes_down():
    assert mode_of("val/pit_ks") == "min"
