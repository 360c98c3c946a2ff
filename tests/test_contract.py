"""The spec survives the trip through a checkpoint, and batches take their parts by name."""

import json
import math

from starbolt.contract import InputSpec, Spec, TargetSpec

ONE = (1.0, 2.0)
SPEC = Spec(
    {
        "image": InputSpec("image", ("g", "r"), ("", "Jy"), (2, 8, 8), ("linear", "asinh"), ONE, ONE, ONE, ONE),
        "series": InputSpec("series", ("time", "b"), ("d", ""), (2, 9), ("linear",) * 2, *(ONE,) * 6, "both"),
    },
    TargetSpec(("type",), ("",), ("E", "S"), (10, 20)),
    "data0123",
    "split456",
    {"train": 30, "test": 7},
)


def test_a_spec_comes_back_from_plain_values():
    assert Spec.from_dict(SPEC.to_dict()) == SPEC


def test_and_from_json_where_tuples_are_lists():
    back = Spec.from_dict(json.loads(json.dumps(SPEC.to_dict())))
    assert back == SPEC
    assert isinstance(back.inputs["image"].shape, tuple)
    assert back.inputs["series"].scaling == "both"


def test_a_spec_with_an_unknown_number_equals_itself():
    """NaN equals nothing, and JSON does not know it."""
    targets = [TargetSpec(("z",), ("",), log_mean=(float("nan"), v), log_spread=(1.0, 1.0)) for v in (1.0, 1.0, 2.0)]
    one, same, other = (Spec(SPEC.inputs, target) for target in targets)
    back = Spec.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False)))
    assert one == same == back
    assert one != other
    assert math.isnan(back.target.log_mean[0])


def test_a_spec_of_an_earlier_version_has_the_defaults():
    state = SPEC.to_dict()
    for about in state["inputs"].values():
        for word in ("stretch", "zero", "axis", "pixel_scale", "zero_point", "summaries", "low", "high", "measured"):
            del about[word]
    assert Spec.from_dict(state) == SPEC


def test_plain_values_are_nothing_but_plain():
    def plain(value):
        if isinstance(value, dict):
            return all(isinstance(k, str) and plain(v) for k, v in value.items())
        return (
            all(map(plain, value))
            if isinstance(value, tuple | list)
            else type(value) in (str, int, float, bool, type(None))
        )

    assert plain(SPEC.to_dict())
