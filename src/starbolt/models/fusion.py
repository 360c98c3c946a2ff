"""Several modalities of one object, each through its own encoder, their features side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from starbolt.contract import Block


class Fusion(nn.Module):
    """One encoder per modality, {name: Block} -> [B, out_dim], with out_dim the sum of the encoders'.

    shape: per modality the shape of one object. encoders: per modality what builds the encoder from that shape, for
    example {"image": CNN, "table": partial(MLP, width=64)}.

    An object without one of its modalities brings a block of zeros, mask False and length 0: its encoder answers with
    what it makes of nothing, a learned constant, and the other modalities speak as always.

    Raises ValueError where the names of the encoders are not those of the data.
    """

    def __init__(
        self,
        shape: Mapping[str, tuple[int, ...]],
        encoders: Mapping[str, Callable[[tuple[int, ...]], nn.Module]],
    ):
        super().__init__()
        if set(shape) != set(encoders):
            raise ValueError(
                f"the data bring {', '.join(sorted(shape))} but model.encoders has {', '.join(sorted(encoders))}; "
                "give one encoder for each, by the same names"
            )
        self.encoders = nn.ModuleDict({name: encoders[name](shape[name]) for name in shape})
        self.out_dim = sum(encoder.out_dim for encoder in self.encoders.values())  # type: ignore[misc]

    def forward(self, inputs: Mapping[str, Block]) -> Tensor:
        features = [encoder(inputs[name]) for name, encoder in self.encoders.items()]
        return features[0] if len(features) == 1 else torch.cat(features, dim=1)
