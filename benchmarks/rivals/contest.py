"""What every rival script takes and gives: the same words, the same arrays, one line of JSON. NumPy is all it needs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

LR = {"mlp": 3e-3, "cnn": 1e-3, "gru": 3e-3, "ragged": 3e-3}  # of AdamW, in every framework
DECAY = 1e-2  # likewise
WIDTH = 128  # of the MLP's two hidden layers
STATES = 64  # of the GRU
CLASSES = 2


class Part(NamedTuple):
    """Inputs [n, ...] and truths of one part of the split; of series the number of points of each, or None."""

    x: np.ndarray
    y: np.ndarray
    length: np.ndarray | None


def words(description: str | None) -> argparse.ArgumentParser:
    """The words that all rivals know."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("work", choices=["mlp", "cnn", "gru", "ragged"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the arrays")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def part(folder: Path, name: str) -> Part:
    """One part ("train" or "val"), already standardised and in memory."""
    lengths = folder / f"length_{name}.npy"
    length = np.load(lengths) if lengths.exists() else None
    return Part(np.load(folder / f"x_{name}.npy"), np.load(folder / f"y_{name}.npy"), length)


def save(folder: Path, name: str, one: Part) -> None:
    """The part as `part` reads it."""
    np.save(folder / f"x_{name}.npy", one.x)
    np.save(folder / f"y_{name}.npy", one.y)
    if one.length is not None:
        np.save(folder / f"length_{name}.npy", one.length)


def gaps(marks: Sequence[float]) -> list[float]:
    """Seconds from each mark to the next."""
    return [end - start for start, end in pairwise(marks)]


def tell(epochs: list[float], loss: float) -> None:
    """The answer: seconds of each epoch, validation included, and the validation loss after the last."""
    print(json.dumps({"epochs": epochs, "loss": float(loss)}), flush=True)
