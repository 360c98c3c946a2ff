"""A trained network as one file that needs no Starbolt: ONNX, or a program of torch.export."""

from starbolt.export.checking import batches_of, check, random_batches, runner, told
from starbolt.export.program import Exported, about, write

__all__ = ["Exported", "about", "batches_of", "check", "random_batches", "runner", "told", "write"]
