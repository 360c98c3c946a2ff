"""The state of every random number generator that training draws from, as plain values and tensors."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def states(device: torch.device) -> dict[str, Any]:
    """The states of this process's generators: Python's, numpy's, torch's, and that of the device."""
    version, words, gauss = random.getstate()
    name, keys, place, has_gauss, cached = np.random.get_state(legacy=True)
    assert isinstance(keys, np.ndarray)
    found = {
        "python": [version, list(words), gauss],
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), place, has_gauss, cached],
        "torch": torch.get_rng_state(),
    }
    if device.type in ("cuda", "mps", "xpu"):
        found["device"] = getattr(torch, device.type).get_rng_state()
    return found


def restore(found: dict[str, Any], device: torch.device) -> None:
    """Go on drawing where `states` were taken."""
    version, words, gauss = found["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, place, has_gauss, cached = found["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), place, has_gauss, cached))
    torch.set_rng_state(found["torch"].cpu())
    if "device" in found and device.type in ("cuda", "mps", "xpu"):
        getattr(torch, device.type).set_rng_state(found["device"].cpu())
