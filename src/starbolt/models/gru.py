"""A gated recurrent network for light curves of any length: causal unless told otherwise, blind to padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from starbolt.contract import Block
from starbolt.models import recurrence


class GRU(nn.Module):
    """Gated recurrent units (Cho et al. 2014, doi:10.3115/v1/D14-1179), [B, C, T] -> [B, out_dim].

    The answer joins the last state with the mean and the maximum of all states. Steps beyond `block.length` are never
    read, so a padded series gives the answer that it gives alone. Unless `bidirectional`, a series cut at day t gives
    the answer that was possible on day t.

    width: units of each layer. depth: layers. dropout: between layers and of the answer.
    bidirectional: a second network reads each series from its last point back to its first.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 64,
        depth: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ):
        super().__init__()
        if len(shape) != 2:
            fitting = "mlp" if len(shape) == 1 else "cnn"
            raise ValueError(f"GRU takes series [C, T], not inputs of shape {tuple(shape)}: choose model={fitting}")
        between = dropout if depth > 1 else 0.0
        readers = 2 if bidirectional else 1
        self.readers = nn.ModuleList(
            nn.GRU(shape[0], width, depth, batch_first=True, dropout=between) for _ in range(readers)
        )
        self.dropout = nn.Dropout(dropout)
        self.out_dim = 3 * width * readers

    def forward(self, block: Block) -> Tensor:
        assert block.length is not None
        if all(recurrence.fits(reader, block.x) for reader in self.readers):
            series = recurrence.side_by_side(block.x, block.length)
            read = [recurrence.summaries(reader, series, backwards=i > 0) for i, reader in enumerate(self.readers)]
        else:
            steps = block.x.transpose(1, 2)  # [B, T, C]
            both = [steps, _mirror(steps, block.length)] if len(self.readers) > 1 else [steps]
            read = [_summary(reader(each)[0], block.length) for reader, each in zip(self.readers, both, strict=True)]
        return self.dropout(torch.cat(read, dim=1))


def _summary(states: Tensor, length: Tensor) -> Tensor:
    """Last, mean and maximum of the first `length` of the states, [B, T, W] -> [B, 3 W]; zeros for an empty series."""
    inside = _position(states) < length[:, None, None]
    states = torch.where(inside, states, 0.0)
    end = (length[:, None, None] - 1).clamp(min=0).expand(-1, 1, states.shape[2])
    last = states.gather(1, end)[:, 0]  # not take_along_dim, which torch.export nails to one length
    mean = states.sum(1) / length[:, None].clamp(min=1)
    highest = torch.where(inside, states, -1.0).amax(1)  # -1 is the lowest that a state can be
    return torch.cat([last, mean, torch.where(length[:, None] > 0, highest, 0.0)], dim=1)


def _mirror(steps: Tensor, length: Tensor) -> Tensor:
    """Each series read backwards within its own length, its padding left behind it, [B, T, C] -> [B, T, C]."""
    position = _position(steps)
    back = length[:, None, None] - 1 - position
    return steps.gather(1, torch.where(back >= 0, back, position).expand_as(steps))


def _position(steps: Tensor) -> Tensor:
    return torch.arange(steps.shape[1], device=steps.device)[None, :, None]
