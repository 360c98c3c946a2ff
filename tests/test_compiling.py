"""compile=true changes the time that a training takes, not what is learnt; without a compiler it is a sentence."""

from __future__ import annotations

import json

import pytest
import torch

from starbolt.checkpoints import read_checkpoint
from starbolt.compiling import compiled


def test_without_a_compiler_the_way_out_is_told(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("no working C++ compiler\nand much more")

    monkeypatch.setattr(torch, "compile", fails)
    with pytest.raises(ValueError, match=r"compile=true.*no working C\+\+ compiler\).*compile=false"):
        compiled(torch.nn.Linear(1, 1), torch.device("cpu"))


@pytest.mark.slow
@pytest.mark.usefixtures("unreported")
def test_a_compiled_network_learns_the_same_and_keeps_the_names_of_its_weights(words, execute, tmp_path):
    runs = [execute(tmp_path / word, [*words("mlp"), f"compile={word}"]) for word in ("false", "true")]
    scores = [json.loads((run / "metrics.json").read_text()) for run in runs]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3, abs=1e-4)
    kept = [read_checkpoint(run / "checkpoints" / "best.ckpt")["state_dict"] for run in runs]
    assert kept[0].keys() == kept[1].keys()
