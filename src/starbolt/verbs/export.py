"""`starbolt export`: a trained network as a file for other programs, compared with its checkpoint on the spot."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starbolt import looks
from starbolt.compose import UserError
from starbolt.export import Exported, about, batches_of, check, random_batches, write
from starbolt.export.tensors import Tensors, names
from starbolt.messages import say
from starbolt.predict import Network
from starbolt.verbs.applying import network_of, opened, own_words, saved_words, trusted

ENDINGS = (".onnx", ".pt2")
NEEDED = ("onnx", "onnxscript", "onnxruntime")


def main(words: list[str]) -> None:
    """Write output=FILE, checked; the last line is the file."""
    own, rest = own_words(words, ("checkpoint", "output"))
    output = Path(own.get("output", ""))
    if output.suffix not in ENDINGS:
        raise UserError(f"say output=FILE ending in .onnx or .pt2, not {own.get('output', 'nothing')!r}")
    refuse_without_packages(output)
    trust, others = trusted(rest)
    if others:
        raise UserError(f"{others[0]}: export takes checkpoint=, output= and trust= alone")
    network, folder = network_of(own, trust)
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = output.with_name(f".{output.stem}.part{output.suffix}")
    batches, origin = examples(network, folder)
    try:
        write(Exported(network), batches[0], aside, about(network, checkpoint=digest(own["checkpoint"])))
        worst = check(aside, network, batches)
        aside.rename(output)
    finally:
        aside.unlink(missing_ok=True)
    if network.calibration and network.calibration.groups.columns:
        say("note: the thresholds of calibration.by are not in the file: it answers with those of all objects")
    say(f"inputs: {', '.join(names(network.spec))}")
    say(f"compared with the checkpoint on {origin}: largest difference {worst:.1e}")
    say(str(output))


def examples(network: Network, folder: Path) -> tuple[list[Tensors], str]:
    """Objects to compare on, and whose they are: of the validation part where the training data are there."""
    try:
        data = opened(saved_words(network), network, folder)
        if len(data.parts["val"]) >= 2:
            return batches_of(data, data.parts["val"]), "objects of the validation part"
    except (OSError, ValueError):
        pass  # the data may be gone, or were given in Python
    return random_batches(network.spec), "objects made at random"


def digest(named: str) -> str:
    """Stands for the file of a checkpoint; empty for several."""
    from starbolt.verbs.applying import members

    paths, _ = members(named)
    return looks.digest(paths[0]) if len(paths) == 1 else ""


def refuse_without_packages(output: Path) -> None:
    """ModuleNotFoundError where ONNX cannot be written here."""
    lacking: list[Any] = [name for name in NEEDED if find_spec(name) is None] if output.suffix == ".onnx" else []
    if lacking:
        raise ModuleNotFoundError(f"ONNX needs {', '.join(lacking)}: pip install 'starbolt[onnx]'")
