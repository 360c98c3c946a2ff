"""A catalogue with a column of every kind, in partitions, without any network."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.catalogue.partitions import Parts
from starbolt.catalogue.plan import Plan
from starbolt.catalogue.writing import described

UNITS = {"flux": "uJy", "density": "1/Mpc", "mag": "no such unit"}


def answers(rows: np.ndarray) -> pa.Table:
    """What a task might say of these catalogue rows; the words get longer and longer."""
    random = [np.random.default_rng(int(row)) for row in rows]
    words = ("", "u", "median of g")
    return pa.table(
        {
            "id": [f"obj {row}, 'a' \"b\"" if row % 3 else "" for row in rows],
            "row": rows,
            "flux": np.array([r.normal() for r in random], np.float32),
            "mag": np.array([np.nan if row % 5 == 0 else float(row) for row in rows]),
            "prediction": ["E" if row % 2 else "S0/a" for row in rows],
            "set_E": rows % 2 == 0,
            "count": rows.astype(np.int16),
            "outside": pa.DictionaryArray.from_arrays((rows % 3).astype(np.int32), words),
            "density": pa.FixedSizeListArray.from_arrays(
                pa.array(np.concatenate([r.random(4, np.float32) for r in random])), 4
            ),
            "only": pa.FixedSizeListArray.from_arrays(pa.array(rows.astype(np.float64)), 1),
        }
    )


@pytest.fixture
def plan():
    return Plan("m" * 64, "d" * 16, 23, 5, {"data.batch_size": "8"}, about={"checkpoint": "runs/of a long name" * 8})


@pytest.fixture
def parts(tmp_path, plan):
    """Five partitions, the last with three objects."""
    made = Parts(tmp_path / "parts", plan)
    made.begin()
    for number in range(len(plan)):
        own = {"starbolt_outside": f'{{"u": [{number}, 0.0, 1.0]}}'}
        made.write(number, described(answers(plan.rows(number)), UNITS, plan.metadata | own))
    return made


@pytest.fixture
def whole(plan):
    """All of it, as one table in memory."""
    return answers(np.arange(plan.objects))
