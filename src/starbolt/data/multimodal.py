"""Several data as one, joined by the id of the object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
        sources = {}
        for name, objects in fetched.items():
            rows = places_of(first, objects)
            if not (rows >= 0).any():
                raise ValueError(f"no id of {name!r} is among those of the first data; look at the id columns")
            for inner, source in objects.sources.items():
                sources[_joined(name, inner, self.modules[name])] = replace(source, rows=rows)
        prints = "-".join(objects.fingerprint for objects in fetched.values())
        notes = tuple(note for objects in fetched.values() for note in objects.notes)
        return Objects(first.catalogue, sources, prints, notes)


def places_of(first: Objects, others: Objects) -> np.ndarray:
    """The row among the others, int64 [N], of each of the first's objects, -1 where its id is not there."""
    found = pc.index_in(first.names(None), value_set=others.names(None))
    return np.array(pc.fill_null(found.cast(pa.int64()), -1))  # a copy: torch warns of what it may not write


def _joined(name: str, inner: str, module: ObjectDataModule) -> str:
    return f"{name}_{inner}" if inner == "context" else name
