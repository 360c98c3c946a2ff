"""Encoders: modules built as Encoder(shape, **knobs), with .out_dim and forward(block) -> [B, out_dim]."""

from starbolt.models.backbone import Backbone
from starbolt.models.cnn import CNN
from starbolt.models.fusion import Fusion
from starbolt.models.gru import GRU
from starbolt.models.mlp import MLP

__all__ = ["CNN", "GRU", "MLP", "Backbone", "Fusion"]
