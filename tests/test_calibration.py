"""Groups of objects and their codes; a calibration goes through plain values unchanged."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch

from starbolt.calibration import Calibrated, Groups, column_values
from starbolt.tasks.calibration import ClassCalibration, QuantityCalibration

MAG = np.array([15.0, 16.0, 17.0, 18.0, *np.linspace(15, 18.5, 36)])
KIND = np.array(["E", "S"] * 20)


def test_bins_of_numbers_hold_equal_numbers_and_words_are_groups():
    groups = Groups.of({"mag": MAG, "kind": KIND}, bins=4)
    assert len(groups.names) == 8
    assert groups.names[0].startswith("mag < ")
    assert groups.names[1].endswith("kind = S")
    codes = groups.codes({"mag": MAG, "kind": KIND})
    assert torch.bincount(codes // 2).tolist() == [10, 10, 10, 10]
    assert [groups.names[c].endswith("kind = E") for c in codes.tolist()] == [k == "E" for k in KIND]


def test_few_numbers_are_words_only_where_they_are_whole():
    assert Groups.of({"mag": np.array([15.2, 16.1, 17.3, 18.4])}, bins=2).names == ("mag < 16.7", "mag >= 16.7")
    assert Groups.of({"field": np.array([1.0, 3.0, 1.0])}, bins=2).names == ("field = 1.0", "field = 3.0")


def test_unknown_and_new_values_are_of_no_group():
    groups = Groups.of({"mag": MAG, "kind": KIND}, bins=2)
    codes = groups.codes({"mag": np.array([np.nan, 99.0, 15.0]), "kind": np.array(["E", "E", "Im"])})
    assert codes.tolist() == [-1, 2, -1]
    assert Groups.of({}, bins=4).codes({}) is None


@pytest.mark.parametrize("fit", [
    ClassCalibration(1.3, 0.9, ((0.1, 0.2), (float("-inf"), 0.3)), (40, 2), 0.9, (0.5, 0.4)),
    QuantityCalibration(((0.1, 1.2, 0.0, 1.0),), ((-1.6,), (-1.7,)), ((1.6,), (float("inf"),)), (300,), 0.9),
])  # fmt: skip
def test_plain_values_and_back(fit, tmp_path):
    made = Calibrated(fit, Groups({"mag": (16.0, 17.5)}, {"kind": ("E", "S")}))
    assert Calibrated.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    torch.save(made.to_dict(), tmp_path / "x.ckpt")
    assert Calibrated.from_dict(torch.load(tmp_path / "x.ckpt", weights_only=True)) == made
    assert Calibrated.from_dict(None) is None


def test_a_column_that_is_not_there_is_told():
    table = pa.table({"mag": [1.0, 2.0], "kind": ["a", "b"]})
    assert column_values(table, ["kind"], np.array([1]))["kind"].tolist() == ["b"]
    with pytest.raises(ValueError, match=r"no column 'g'.*there are mag, kind"):
        column_values(table, ["g"], np.array([0]))
