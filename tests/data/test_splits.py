"""Who trains and who tests: every object once, whatever the order of the rows."""

import numpy as np
import pytest

from starbolt.data.splits import PARTS, Candidates, Column, Hash, KFold, Stratified, hashed, split_fingerprint

SPLITTERS = [Stratified(), Hash(), KFold(), Stratified((0.5, 0.25, 0.25), cal=0.2, seed=3)]


def candidates(n=2000, *, classes=3, groups=0, part=None, column=None, seed=0):
    random = np.random.default_rng(seed)
    group = np.array([f"g{i}" for i in random.integers(0, groups, n)]) if groups else None
    strata = random.choice(classes, n, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    return Candidates(np.array([f"id{i}" for i in range(n)]), strata, group, part, lambda name: column)


def reordered(c, order):
    pick = [None if v is None else v[order] for v in (c.ids, c.strata, c.group, c.part)]
    return Candidates(*pick, lambda name: c.column(name)[order])


def share(parts, name):
    return float((parts == name).mean())


@pytest.mark.parametrize("split", SPLITTERS)
@pytest.mark.parametrize("groups", [0, 300])
def test_every_object_is_in_one_part_and_no_part_is_empty(split, groups):
    parts = split(candidates(groups=groups))
    assert set(parts) == set(PARTS)
    assert len(parts) == 2000


@pytest.mark.parametrize("split", SPLITTERS)
@pytest.mark.parametrize("groups", [0, 300])
def test_the_order_of_the_rows_does_not_matter(split, groups):
    c = candidates(groups=groups)
    if groups:  # the class of a group is that of any member only where they agree
        c = Candidates(c.ids, np.zeros(len(c.ids), int), c.group, None, c.column)
    order = np.random.default_rng(5).permutation(len(c.ids))
    assert np.array_equal(split(reordered(c, order)), split(c)[order])


@pytest.mark.parametrize("split", [*SPLITTERS, Column("p")])
@pytest.mark.parametrize("seed", range(3))
def test_no_group_straddles(split, seed):
    c = candidates(groups=150, seed=seed, column=np.full(2000, "train"))
    parts = split(c)
    for group in np.unique(c.group):
        assert len(set(parts[c.group == group])) == 1


def test_fractions_are_kept_in_each_class():
    c = candidates(classes=4)
    parts = Stratified((0.6, 0.1, 0.3))(c)
    for k in range(4):
        here = parts[c.strata == k]
        assert share(here, "test") == pytest.approx(0.3, abs=0.01)
        assert share(here, "val") == pytest.approx(0.1, abs=0.01)
        assert share(here, "cal") == pytest.approx(0.06, abs=0.01)


@pytest.mark.parametrize("split", [Stratified(), Hash(), KFold(), Column("p")])
def test_a_tenth_of_the_training_part_calibrates(split):
    parts = split(candidates(n=5000, column=np.where(np.arange(5000) % 5, "train", "test")))
    assert (parts == "cal").sum() / np.isin(parts, ["train", "cal"]).sum() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("part", [False, True])
def test_hash_moves_nobody_when_the_catalogue_grows(part):
    given = np.where(np.arange(2000) % 4, "train", "test") if part else None
    c = candidates(part=given)
    few = reordered(c, np.arange(700))
    assert np.array_equal(Hash()(few), Hash()(c)[:700])
    assert not np.array_equal(Stratified()(few), Stratified()(c)[:700])  # so the test above can fail


def test_hash_has_its_fractions():
    parts = Hash((0.6, 0.1, 0.3))(candidates(n=20_000))
    assert [share(parts, p) for p in ("val", "cal", "test")] == pytest.approx([0.1, 0.06, 0.3], abs=0.02)
    given = np.where(np.arange(20_000) % 4, "train", "test")
    parts = Hash((0.6, 0.2, 0.2))(candidates(n=20_000, part=given))
    assert np.array_equal(parts == "test", given == "test")
    assert share(parts[given == "train"], "val") == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("split", [Stratified(), Hash(), Column("p")])
def test_a_test_file_stays_the_test_part(split):
    given = np.where(np.arange(2000) < 300, "test", "train")
    parts = split(candidates(part=given, column=given))
    assert np.array_equal(parts == "test", given == "test")
    assert set(parts) == set(PARTS)


def test_folds_partition_the_catalogue_class_by_class():
    c = candidates(n=1003)
    tests = np.stack([KFold(k=4, fold=f)(c) == "test" for f in range(4)])
    assert (tests.sum(0) == 1).all()
    for k in range(3):
        sizes = tests[:, c.strata == k].sum(1)
        assert sizes.max() - sizes.min() <= 1


def test_seeds_split_differently():
    for make in (Stratified, Hash, KFold):
        assert not np.array_equal(make(seed=0)(candidates()), make(seed=1)(candidates()))


def test_a_column_in_any_spelling_is_followed():
    words = np.array([" Training", "VAL", "test ", "calibration", "validation", "", "train"])
    c = candidates(n=7, column=words)
    assert Column("p")(c).tolist() == ["train", "val", "test", "cal", "val", "", "train"]


def test_a_column_with_an_odd_word_is_refused():
    words = np.array(["train", "hold-out", "test"])
    with pytest.raises(ValueError, match="'p' says 'hold-out'; split=column reads train, val, cal, test"):
        Column("p")(candidates(n=3, column=words))


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.7, 0.2, 0.2), (1.2, -0.1, -0.1)])
@pytest.mark.parametrize("make", [Stratified, Hash])
def test_fractions_that_do_not_add_up_are_refused(make, fractions):
    with pytest.raises(ValueError, match=r"split\.fractions=.*add to 1"):
        make(fractions)(candidates())


def test_folds_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"split\.fold=5 is outside 0 to 4"):
        KFold(fold=5)(candidates())
    with pytest.raises(ValueError, match="leave out the separate test file"):
        KFold()(candidates(part=np.full(2000, "train")))


def test_the_hash_is_the_same_on_every_machine():
    assert hashed(np.array(["a", "b", "a"]), 0).tolist() == pytest.approx([0.50950257, 0.95475595, 0.50950257])
    assert hashed(np.array(["a"]), 0) != hashed(np.array(["a"]), 1)
    many = hashed(np.array([str(i) for i in range(20_000)]), 0)
    assert np.histogram(many, 10, (0, 1))[0].std() < 100  # uniform


def test_the_split_s_name_is_who_is_where():
    ids, parts = np.array(["a", "b", "c"]), np.array(["train", "val", "train"])
    assert split_fingerprint(ids, parts) == split_fingerprint(ids[::-1], parts[::-1])
    assert split_fingerprint(ids, parts) != split_fingerprint(ids, np.array(["val", "train", "train"]))
