"""How many objects a network computes together."""

from __future__ import annotations

import sys
from typing import Any

import torch

from starbolt.contract import Batch
from starbolt.data.feed import split

IMAGES, ROWS = 64, 4_096  # that a core is given at once


def at_once(network: Any, device: torch.device) -> int:
    """Objects that are best computed together: on a CPU so many that what becomes of them stays in its cache.

    Larger pieces of memory are also given back to the kernel after each layer and fetched anew, which can take as long
    as the layer. Where dropout stays on, a batch is a whole, since its draws are; series have their own lengths.
    """
    kinds = {about.kind for about in network.spec.inputs.values()}
    dropping = any(getattr(module, "mc_dropout", 0) for module in network.modules())
    if device.type != "cpu" or dropping or "series" in kinds:
        return sys.maxsize
    return IMAGES if "image" in kinds else ROWS


def parts_of(batch: Batch, most: int) -> list[Batch]:
    """The batch in few parts of like size, of `most` objects at most: an object alone may be rounded in another way."""
    size = len(batch.row)
    return [batch] if size <= most else split(batch, -(-size // -(-size // most)))
