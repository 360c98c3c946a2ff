"""Several data as one, joined by the id of the object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from starbolt.data.module import ObjectDataModule, scaling_of
from starbolt.data.objects import Objects


class MultimodalDataModule(ObjectDataModule):
    """Several data modules joined by object id; the first one's catalogue, target and roles count.

    modules: name -> data module. An object that a later module lacks is unmeasured there. common: words of all
    data, see ObjectDataModule; those of the joined modules do not count.
    """

    def __init__(
        self,
        modules: Mapping[str, ObjectDataModule],
        *,
        per_object: bool | str = False,
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.scaling = scaling_of(per_object)
        for name, module in modules.items():
            self.augment |= {_joined(name, inner, module): change for inner, change in module.augment.items()}
        self.modules = dict(modules)

    def fetch(self) -> Objects:
        fetched = {name: module.objects for name, module in self.modules.items()}
        first = next(iter(fetched.values()))
        place = {key: row for row, key in enumerate(first.ids)}
        sources = {}
        for name, objects in fetched.items():
            rows = np.full(len(first.ids), -1, np.int64)
            for row, key in enumerate(objects.ids):
                if key in place:
                    rows[place[key]] = row
            if not (rows >= 0).any():
                raise ValueError(f"no id of {name!r} is among those of the first data; look at the id columns")
            for inner, source in objects.sources.items():
                sources[_joined(name, inner, self.modules[name])] = replace(source, rows=rows)
        prints = "-".join(objects.fingerprint for objects in fetched.values())
        notes = tuple(note for objects in fetched.values() for note in objects.notes)
        return Objects(first.catalogue, first.ids, sources, prints, notes)


def _joined(name: str, inner: str, module: ObjectDataModule) -> str:
    return f"{name}_{inner}" if inner == "context" else name
