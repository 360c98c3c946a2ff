"""A trained network as one file that needs no Starbolt: ONNX, or a program of torch.export."""

from starbolt.export.checking import TOLERANCE, check, runner
from starbolt.export.objects import random_batches
from starbolt.export.program import Exported, about, write
from starbolt.export.tensors import plain

__all__ = ["TOLERANCE", "Exported", "about", "check", "plain", "random_batches", "runner", "write"]
