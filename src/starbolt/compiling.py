"""Compiling a network by torch.compile, where it is asked for."""

from __future__ import annotations

import torch

from starbolt.learner import Learner


def compiled(learner: Learner, device: torch.device) -> None:
    """Have the learner's encoder compiled when it is first used; its weights keep their names.

    ValueError where nothing can be compiled for that device.
    """
    try:
        torch.compile(torch.nn.functional.silu)(torch.ones(64, device=device))
    except Exception as error:
        raise ValueError(
            f"compile=true, but torch.compile fails here ({str(error).strip().splitlines()[0]}); install a C++ "
            "compiler, or leave it at compile=false"
        ) from error
    learner.encoder.compile()
