"""A condition comes apart at its outer & and nowhere else."""

from __future__ import annotations

import pytest

from starbolt.archives.reading.conditions import terms


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        (None, []),
        ("a < 1", ["a < 1"]),
        ("a < 1 & b == 'x & y' && c", ["a < 1", "b == 'x & y'", "c"]),
        ("a < 1 and (b > 2 & c | d)", ["a < 1", "(b > 2 & c | d)"]),
        ("a < 1 & b | c", ["a < 1 & b | c"]),
        ("a < 1 & b ? 2", ["a < 1 & b ? 2"]),
    ],
)
def test_parts(expression, parts):
    assert [term.text for term in terms(expression)] == parts


def test_the_columns_of_each_part_are_named():
    assert [term.names for term in terms("a.b < 1 & `odd-name` == 'text' & not c")] == [("a.b",), ("odd-name",), ("c",)]
