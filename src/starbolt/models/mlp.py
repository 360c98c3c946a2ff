"""A multilayer perceptron: columns of a catalogue in, features out."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from starbolt.contract import Block


class MLP(nn.Module):
    """Dense layers with SiLU, [B, C] -> [B, out_dim].

    width, depth: units in each hidden layer, number of hidden layers.
    dropout: after each hidden layer.
    norm: layer normalisation (Ba et al. 2016, arXiv:1607.06450) before each activation. It treats every object by
        itself, so that a batch may hold a single one, and for photometric redshifts it beat batch normalisation.
    residual: each layer after the first adds to its input, which keeps deep networks trainable.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 128,
        depth: int = 2,
        dropout: float = 0.0,
        norm: bool = True,
        residual: bool = False,
    ):
        super().__init__()
        if len(shape) != 1:
            fitting = "gru" if len(shape) == 2 else "cnn"
            raise ValueError(f"MLP takes tables [C], not inputs of shape {tuple(shape)}: choose model={fitting}")
        widths = [shape[0]] + [width] * depth
        self.layers = nn.ModuleList(_layer(a, b, dropout, norm) for a, b in pairwise(widths))
        self.residual = residual
        self.out_dim = widths[-1]

    def forward(self, block: Block) -> Tensor:
        z = block.x
        for number, layer in enumerate(self.layers):
            z = z + layer(z) if self.residual and number else layer(z)
        return z


def _layer(before: int, after: int, dropout: float, norm: bool) -> nn.Sequential:
    normalise = [nn.LayerNorm(after)] if norm else []
    drop = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(nn.Linear(before, after), *normalise, nn.SiLU(), *drop)
