"""Where the measurements are while a network trains: on the device, in the machine's memory, or in the memory map."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from starbolt.data.sources import Source

WORDS = ("auto", "device", "host", "mapped")
SHARE = 0.5  # of the device's free memory that measurements may take; the rest is the network's


def home_of(residency: str, sources: Mapping[str, Source], device: torch.device) -> torch.device | None:
    """The device whose memory is to hold the measurements; None: they stay in the memory map.

    residency: "device"; "host", this machine's memory; "mapped"; or "auto", which is "device" where that is a GPU that
    they leave half empty, else "mapped", where the kernel keeps in memory what it has room for. ValueError where they
    are larger than the device's free memory.
    """
    if residency == "mapped" or (residency == "auto" and device.type != "cuda"):
        return None
    if residency == "host" or device.type != "cuda":
        return torch.device("cpu")
    size, free = sum(source.modality.nbytes for source in sources.values()), torch.cuda.mem_get_info(device)[0]
    if residency == "device" and size > free:
        raise ValueError(
            f"data.residency=device: the measurements take {size / 1e9:.1f} GB and {device} has {free / 1e9:.1f} GB "
            "free; say data.residency=mapped"
        )
    return device if residency == "device" or size < SHARE * free else None


def placed(sources: Mapping[str, Source], home: torch.device | None) -> dict[str, Source]:
    """The sources with their numbers in that memory."""
    return dict(sources) if home is None else {name: source.on(home) for name, source in sources.items()}
