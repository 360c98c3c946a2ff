"""Hashes and names of splits: the same on every machine, in every row order and in every version."""

import hashlib
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starbolt.data.splits.dealing import Candidates, Units, deal, distinct, hashed, one_side, split_fingerprint

words = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=1, max_size=30)
few = settings(max_examples=50, deadline=None, database=None)


def test_the_hash_is_the_same_on_every_machine():
    assert hashed(np.array(["a", "b", "a"]), 0).tolist() == pytest.approx([0.50950257, 0.95475595, 0.50950257])
    assert hashed(np.array(["a"]), 0) != hashed(np.array(["a"]), 1)
    many = hashed(np.array([str(i) for i in range(20_000)]), 0)
    assert np.histogram(many, 10, (0, 1))[0].std() < 100  # uniform


def test_the_split_s_name_is_who_is_where():
    ids, parts = np.array(["a", "b", "c"]), np.array(["train", "val", "train"])
    assert split_fingerprint(ids, parts) == split_fingerprint(ids[::-1], parts[::-1])
    assert split_fingerprint(ids, parts) != split_fingerprint(ids, np.array(["val", "train", "train"]))


@few
@given(words, st.integers(0, 5))
def test_a_hash_is_blake2b_of_the_word_with_the_seed_as_key(keys, seed):
    plain = [hashlib.blake2b(key.encode(), digest_size=8, key=str(seed).encode()).digest() for key in keys]
    assert hashed(np.array(keys, dtype=str), seed).tolist() == [int.from_bytes(d, "big") / 2**64 for d in plain]


@few
@given(words)
def test_a_split_s_name_is_a_hash_of_sorted_lines(ids):
    parts = np.resize(["train", "test", "val"], len(ids))
    lines = "\n".join(sorted(f"{name} {part}" for name, part in zip(ids, parts, strict=True)))
    assert split_fingerprint(np.array(ids, dtype=str), parts) == hashlib.sha256(lines.encode()).hexdigest()[:16]


@few
@given(words)
def test_distinct_words_give_back_the_words(keys):
    keys = np.array(keys, dtype=str)
    names, of = distinct(keys)
    assert len(set(names)) == len(names)
    assert np.array_equal(names[of], keys)


@few
@given(st.integers(1, 200), st.integers(0, 999), st.floats(0, 0.5), st.floats(0, 0.5))
def test_what_is_kept_stays_and_the_rest_fills_up(n, seed, first, second):
    random = np.random.default_rng(seed)
    units = Units(random.random(n), random.integers(0, 3, n), np.arange(n))
    fresh = deal(units, {"test": first, "val": second})
    for part, fraction in (("test", first), ("val", second)):
        for kind in range(3):
            here = fresh[units.strata == kind]
            assert abs((here == part).sum() - fraction * len(here)) <= 1
    kept = np.where(random.random(n) < 0.5, fresh, "")
    again = deal(units, {"test": first, "val": second}, kept)
    assert np.array_equal(again[kept != ""], fresh[kept != ""])
    assert np.array_equal(np.sort(again), np.sort(fresh))


def test_the_stricter_part_of_a_group_wins():
    units = Units(np.zeros(3), np.zeros(3, int), np.array([0, 0, 0, 1, 1, 2]))
    parts = np.array(["train", "test", "val", "train", "", "cal"])
    assert one_side(parts, units).tolist() == ["", "test", "", "train", "", "cal"]


def test_a_hundred_thousand_objects_are_dealt_at_once():
    """A million take about a second; ten times less here, with room for a busy machine."""
    ids = np.array([f"J{i:012d}" for i in range(100_000)])
    c = Candidates(ids, np.zeros(len(ids), int), None, None, lambda name: ids, lambda name: ids)
    began = time.process_time()
    parts = deal(Units.made(c, 0), {"test": 0.2})
    split_fingerprint(ids, parts)
    assert time.process_time() - began < 1.0
