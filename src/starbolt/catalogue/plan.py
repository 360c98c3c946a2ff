"""The plan of a catalogue: all that its bytes depend on, so that only processes that agree on it share the work."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from starbolt import __version__
from starbolt.catalogue.writing import aside

FILE = "_plan.json"  # readers of a folder of Parquet files pass over names that begin with _
PLAN = "starbolt_plan"  # where the files' metadata have the plan's name
TOLD = {
    "version": "by starbolt {}",
    "model": "of the network {:.16}",
    "data": "of the data {}",
    "objects": "of {} objects",
    "partition": "in partitions of {} objects",
    "words": "with {}",
}


@dataclass(frozen=True)
class Plan:
    """What a catalogue is made of.

    model: SHA-256 of the checkpoint. data: fingerprint of the objects. objects: how many. partition: objects of each
    partition, the last of which may have fewer. words: what else changes an answer, such as the batch size. about:
    what the files say besides, of which nothing depends; those who join take it from the one who began.
    """

    model: str
    data: str
    objects: int
    partition: int
    words: dict[str, str] = field(default_factory=dict)
    version: str = __version__
    about: dict[str, str] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return -(-self.objects // self.partition)

    def rows(self, number: int) -> np.ndarray:
        """Catalogue rows of a partition, int64 [n]."""
        return np.arange(number * self.partition, min((number + 1) * self.partition, self.objects))

    @property
    def name(self) -> str:
        """16 hexadecimal digits that stand for the plan."""
        told = {key: value for key, value in asdict(self).items() if key != "about"}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def metadata(self) -> dict[str, str]:
        """What the files say of where they come from."""
        own = {"starbolt": self.version, "starbolt_model": self.model, "starbolt_data": self.data, PLAN: self.name}
        return own | self.about

    def difference(self, other: Plan) -> tuple[str, str]:
        """In words, the first thing that the two do not have in common, as it is here and there."""
        here, there = asdict(self), asdict(other)
        word = next(word for word in TOLD if here[word] != there[word])
        told = [TOLD[word].format(_plain(each[word])) for each in (here, there)]
        return told[0], told[1]

    def write(self, folder: Path) -> None:
        """Write the plan into a folder, aside and renamed."""
        with aside(folder / FILE) as path:
            path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, folder: Path) -> Plan | None:
        """The plan that a folder holds; None where there is none, or none of this kind."""
        try:
            return cls(**json.loads((folder / FILE).read_text()))
        except (OSError, ValueError, TypeError):
            return None


def _plain(value: object) -> object:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
