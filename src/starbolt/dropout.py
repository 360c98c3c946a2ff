"""Passes with dropout left on: samples of what a network might have been (Gal & Ghahramani 2016, arXiv:1506.02142)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def dropping(network: nn.Module, seed: int) -> Iterator[None]:
    """Dropout on, all else as it is; draws that depend on the seed alone (Gal & Ghahramani 2016, arXiv:1506.02142)."""
    layers = _droppers(network)
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        for layer in layers:
            layer.train()
        try:
            yield
        finally:
            for layer in layers:
                layer.eval()


def refuse_without_dropout(network: nn.Module, passes: int) -> None:
    """ValueError where passes with dropout would all be the same."""
    if passes < 0 or passes == 1:
        raise ValueError(f"mc_dropout={passes} is no number of passes; give 2 or more, usually 20, or 0 for none")
    if passes and not _droppers(network):
        raise ValueError(f"mc_dropout={passes} needs a network with dropout: say model.dropout=0.1 or task.dropout=0.1")


def _droppers(network: nn.Module) -> list[nn.Module]:
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    return [layer for layer in network.modules() if isinstance(layer, kinds) and layer.p > 0]
