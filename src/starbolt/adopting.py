"""Begin with a network that was trained before."""

from __future__ import annotations

from pathlib import Path

from starbolt.checkpoints import first_line, read_checkpoint
from starbolt.learner import Learner


def adopt(made: Learner, checkpoint: Path, *, freeze: bool) -> None:
    """Give a learner the encoder of an earlier run; ValueError where the two differ in shape."""
    state = read_checkpoint(checkpoint)["state_dict"]
    encoder = {key.removeprefix("encoder."): value for key, value in state.items() if key.startswith("encoder.")}
    try:
        made.encoder.load_state_dict(encoder)
    except RuntimeError as error:
        raise ValueError(
            f"the encoder in {checkpoint} does not fit this model and data ({first_line(error, 1)}); say model= and "
            "the columns of data= as that run was told (config.yaml in its folder)"
        ) from None
    if freeze:
        made.encoder.requires_grad_(False).eval()  # eval: batch statistics stay as they are too
