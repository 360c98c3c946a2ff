"""What a recipe says, Hydra builds again."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import get_class

from starbolt.models import CNN, MLP, Fusion
from starbolt.recipe import import_path, made_by, plain, recipe_of


@pytest.mark.parametrize("made", [CNN, MLP, Fusion, partial, Path])
def test_the_import_path_leads_back(made):
    assert get_class(import_path(made)) is made


def test_ours_are_named_by_the_package_that_offers_them():
    assert import_path(CNN) == "starbolt.models.CNN"


def test_a_partial_keeps_its_words_and_what_it_is_nested_in():
    fusion = partial(Fusion, encoders={"image": partial(CNN, width=8), "table": MLP})
    assert made_by(fusion) is Fusion
    assert recipe_of(fusion) == {
        "_target_": "starbolt.models.Fusion",
        "encoders": {
            "image": {"_target_": "starbolt.models.CNN", "width": 8, "_partial_": True},
            "table": {"_target_": "starbolt.models.MLP", "_partial_": True},
        },
    }


def test_plain_values():
    mixed = {"a": (1, np.float32(2)), "b": np.arange(2), "c": Path("x/y"), "d": "text", "e": None}
    assert plain(mixed) == {"a": [1, 2.0], "b": [0, 1], "c": "x/y", "d": "text", "e": None}
