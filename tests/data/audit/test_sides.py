"""Objects that are one and stand on two sides: by keys, and by nearness in any number of dimensions."""

from __future__ import annotations

import numpy as np

from starbolt.data.audit.sides import Sides, hashed_rows, hashed_words


def sides(part):
    part = np.asarray(part, np.int8)
    return Sides(np.arange(len(part)), part, ("train", "val", "test"), np.arange(len(part)).astype(str))


def test_a_key_within_one_part_is_not_shared_and_each_shared_key_is_one_pair():
    pairs = sides([0, 0, 1, 2, 2, 1]).shared(np.array([5, 5, 7, 7, 7, 9], np.uint64))
    assert pairs.tolist() == [[2, 3]]
    assert sides([0, 1, 2]).shared(np.array([4, 4, 4], np.uint64)).tolist() == [[0, 1]]


def test_near_pairs_are_those_of_brute_force():
    random = np.random.default_rng(0)
    points, part = random.uniform(size=(300, 3)), random.integers(0, 3, 300)
    pairs, _ = sides(part).near(points, points[:, None], 0.03)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    first, second = np.nonzero((apart < 0.03) & (part[:, None] != part))
    assert {frozenset(pair) for pair in pairs.tolist()} == {frozenset(p) for p in zip(first, second, strict=True)}
    distances = apart[pairs[:, 0], pairs[:, 1]]
    assert (np.diff(distances) >= 0).all()


def test_near_tells_which_view_came_near():
    points = np.array([[0.0, 0], [5, 5]])
    views = np.array([[[0.0, 0], [9, 9]], [[5, 5], [0, 0.1]]])
    pairs, view = sides([0, 1]).near(points, views, 1.0)
    assert pairs.tolist() == [[0, 1]]
    assert view.tolist() == [1]


def test_hashes_tell_rows_apart_and_know_one_nan_and_one_zero():
    x = np.array([[0.0, 1], [-0.0, 1], [1, 0], [np.nan, 1], [-np.nan, 1], [np.nan, 2]])
    keys = hashed_rows(x)
    assert keys[0] == keys[1]
    assert keys[3] == keys[4]
    assert len(np.unique(keys)) == 4
    assert len(np.unique(hashed_rows(np.random.default_rng(0).normal(size=(100_000, 2)).astype(np.float32)))) == 100_000
    assert len(np.unique(hashed_rows(np.arange(100_000).reshape(-1, 1)))) == 100_000


def test_words_are_hashed_whole():
    words = np.array(["a", "b", "ab", "ba", "a" * 30, "a" * 31, "é", "a"])
    assert len(np.unique(hashed_words(words))) == 7
