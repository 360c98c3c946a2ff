"""Whoever agrees on all that a catalogue depends on works on the same one, and nobody else does."""

from dataclasses import replace

import numpy as np
import pytest

from starbolt.catalogue.plan import Plan

OTHERS = {
    "model": "n" * 64,
    "data": "e" * 16,
    "objects": 24,
    "partition": 6,
    "words": {"data.batch_size": "9"},
    "version": "0",
}


def test_partitions_are_all_rows_once_in_order(plan):
    assert len(plan) == 5
    assert np.array_equal(np.concatenate([plan.rows(i) for i in range(len(plan))]), np.arange(23))
    assert [len(plan.rows(i)) for i in range(len(plan))] == [5, 5, 5, 5, 3]
    assert [len(replace(plan, partition=n)) for n in (1, 22, 23, 24)] == [23, 2, 1, 1]


@pytest.mark.parametrize("word", OTHERS)
def test_whatever_changes_an_answer_makes_another_plan(plan, word):
    other = replace(plan, **{word: OTHERS[word]})
    assert other != plan
    assert other.name != plan.name
    here, there = plan.difference(other)
    assert here != there
    assert str(OTHERS[word])[:16] in there.replace("data.batch_size=9", "{'data.batch_siz")


def test_where_the_checkpoint_lies_does_not(plan):
    moved = replace(plan, about={"checkpoint": "/elsewhere"})
    assert moved == plan
    assert moved.name == plan.name


def test_it_comes_back_from_its_file(plan, tmp_path):
    plan.write(tmp_path)
    back = Plan.read(tmp_path)
    assert back == plan
    assert (back.about, back.metadata) == (plan.about, plan.metadata)
    assert [path.name for path in tmp_path.iterdir()] == ["_plan.json"]


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '{"model": 1, "what": 2}'])
def test_a_file_that_is_no_plan_is_none(tmp_path, content):
    assert Plan.read(tmp_path) is None
    (tmp_path / "_plan.json").write_text(content)
    assert Plan.read(tmp_path) is None
