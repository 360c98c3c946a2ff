"""Who trains and who tests: every object once, whatever the order of the rows and however the catalogue grows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starbolt.data.splits import PARTS, Candidates, Column, Hash, KFold, Sky, Stratified, Time
from starbolt.data.splits.earlier import split_table, write_split
from starbolt.data.splits.sky import directions

SPLITTERS = [Stratified(), Hash(), KFold(), Stratified((0.5, 0.25, 0.25), cal=0.2, seed=3)]


def candidates(n=2000, *, classes=3, groups=0, part=None, column=None, seed=0, time=None, sky=None, note=None):
    random = np.random.default_rng(seed)
    group = np.array([f"g{i}" for i in random.integers(0, groups, n)]) if groups else None
    strata = random.choice(classes, n, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    ids = np.array([f"id{i}" for i in range(n)])
    return Candidates(
        ids, strata, group, part, lambda name: column, lambda name: time, sky, note or (lambda said: None)
    )


def reordered(c, order):
    ids, strata, group, part, sky = (None if v is None else v[order] for v in (c.ids, c.strata, c.group, c.part, c.sky))
    return Candidates(
        ids, strata, group, part, lambda name: c.column(name)[order], lambda name: c.time(name)[order], sky
    )


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
        c = replace(c, strata=np.zeros(len(c.ids), int))
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


def somewhere(n, seed, *, groups=0):
    """Candidates with everything a splitter may want: places in a small field, times, words of a column."""
    random = np.random.default_rng(seed)
    sky = np.stack([random.uniform(0, 6, n), random.uniform(-3, 3, n)], axis=1)
    words = np.array(["train", "train", "test", "val"])[random.integers(0, 4, n)]
    return candidates(n, groups=groups, seed=seed, time=random.uniform(57000, 58000, n), sky=sky, column=words)


EVERY = [
    Stratified(),
    Hash(),
    KFold(k=3),
    Column("p"),
    Sky(cell=0.5, radius=200),
    Sky(cell=2, radius=0),
    Time(),
    Time(dates=[57800]),
    Time(dates=[57500, "2017-03-01"]),
]
GROWING = [Hash(), Column("p"), Sky(cell=0.5, radius=300), Time(dates=[57800]), Time(dates=[57500, 57800])]
few = settings(max_examples=15, deadline=None, database=None)
numbers = {"seed": st.integers(0, 2**32 - 1), "n": st.integers(40, 300)}


@pytest.mark.parametrize("split", EVERY)
@few
@given(**numbers, groups=st.sampled_from([0, 20, 100]))
def test_every_object_is_in_one_part_or_left_out_for_a_reason(split, n, seed, groups):
    said = []
    c = replace(somewhere(n, seed, groups=groups), note=said.append)
    parts = split(c)
    assert set(parts) <= {*PARTS, ""}
    assert sum(int(note.split()[3]) for note in said if "leaves out" in note) == (parts == "").sum()
    if isinstance(split, Stratified | Hash | KFold | Column):
        assert (parts != "").all()


@pytest.mark.parametrize("split", [s for s in EVERY if not isinstance(s, Column)])
@few
@given(**numbers)
def test_rows_of_a_group_are_never_on_two_sides(split, n, seed):
    c = somewhere(n, seed, groups=30)
    parts = split(c)
    for group in np.unique(c.group):
        assert len(set(parts[c.group == group]) - {""}) <= 1


@pytest.mark.parametrize("split", EVERY)
@few
@given(**numbers)
def test_no_splitter_looks_at_the_order_of_the_rows(split, n, seed):
    c = somewhere(n, seed)
    order = np.random.default_rng(seed).permutation(n)
    assert np.array_equal(split(reordered(c, order)), split(c)[order])


@pytest.mark.parametrize("split", GROWING)
@few
@given(**numbers, groups=st.sampled_from([0, 30]))
def test_growth_moves_nothing_between_train_and_test(split, n, seed, groups):
    """Objects may be left out for a new neighbour, or be carved otherwise, but never change sides."""
    c = somewhere(n, seed, groups=0 if isinstance(split, Column) else groups)
    few_rows = np.random.default_rng(seed).random(n) < 0.6
    if len(set(c.time("t")[few_rows] >= 57800)) < 2:
        return
    before, after = split(reordered(c, few_rows)), split(c)[few_rows]
    assert not ((before == "test") & ~np.isin(after, ["test", ""])).any()
    assert not ((before != "test") & (before != "") & (after == "test")).any()
    if not groups and isinstance(split, Hash | Time):
        assert np.array_equal(before == "test", after == "test")


@few
@given(**numbers, k=st.integers(2, 7), groups=st.sampled_from([0, 50]))
def test_folds_partition_the_objects(n, seed, k, groups):
    c = somewhere(n, seed, groups=groups)
    tests = np.stack([KFold(k=k, fold=fold)(c) == "test" for fold in range(k)])
    assert (tests.sum(0) == 1).all()
    assert np.array_equal(tests.argmax(0), KFold(k=k).folds(c))


def stored(folder, c, parts, folds=None):
    write_split(folder / "split.parquet", split_table(c.ids, parts, folds), run=folder)
    return str(folder)


@pytest.mark.parametrize("split", EVERY)
@pytest.mark.parametrize("groups", [0, 60])
def test_like_keeps_every_object_where_it_was(split, groups, tmp_path):
    """Half the catalogue was split before; of the whole, this half stays as it was, up to new close neighbours."""
    c = somewhere(600, 1, groups=0 if isinstance(split, Column) else groups)
    if groups:  # a group is known as a whole, or not at all
        first = np.arange(600) // 10 * 10
        time = c.time("t")[first]
        c = replace(c, group=first.astype(str), sky=c.sky[first], time=lambda name: time)
    half = np.arange(600) < 300
    early = reordered(c, half)
    before = split(early)
    folds = split.folds(early) if isinstance(split, KFold) else None
    like = replace(split, like=stored(tmp_path, early, before, folds))
    after = like(c)[:300]
    same = (after == before) | (before == "") | (after == "")
    assert same.all()
    assert np.mean(after == before) > 0.85
    assert np.array_equal(like(early)[before != ""], before[before != ""])
    if isinstance(split, Stratified | KFold):
        assert not np.array_equal(split(c)[:300], before)  # so that the test above can fail


@pytest.mark.parametrize("split", EVERY)
@pytest.mark.parametrize("groups", [0, 80])
def test_a_split_like_itself_is_itself(split, groups, tmp_path):
    """Objects that were left out stay so: a run's checkpoint finds its own parts again."""
    c = somewhere(500, 9, groups=groups)
    parts = split(c)
    folds = split.folds(c) if isinstance(split, KFold) else None
    assert np.array_equal(replace(split, like=stored(tmp_path, c, parts, folds))(c), parts)


def test_like_fills_up_so_that_fractions_hold(tmp_path):
    c = somewhere(2000, 3)
    early = reordered(c, np.arange(500))
    parts = replace(Stratified(seed=4), like=stored(tmp_path, early, Stratified((0.9, 0.05, 0.05))(early)))(c)
    for kind in range(3):
        assert share(parts[c.strata == kind], "test") == pytest.approx(0.15, abs=0.005)
        assert share(parts[c.strata == kind], "val") == pytest.approx(0.15, abs=0.005)


def test_all_folds_like_one_of_them_partition_the_grown_catalogue(tmp_path):
    c = somewhere(900, 5)
    early = reordered(c, np.arange(500))
    one = KFold(k=4, fold=2)
    like = stored(tmp_path, early, one(early), one.folds(early))
    tests = np.stack([KFold(k=4, fold=fold, like=like)(c) == "test" for fold in range(4)])
    assert (tests.sum(0) == 1).all()
    assert np.array_equal(tests.argmax(0)[:500], one.folds(early))
    assert tests.sum(1).max() - tests.sum(1).min() <= 6
    with pytest.raises(ValueError, match=r"has 4 folds, not 5; say split\.k=4"):
        KFold(like=like)(c)
    with pytest.raises(ValueError, match="holds no folds; it was not split by split=kfold"):
        KFold(like=stored(tmp_path, early, Stratified()(early)))(c)


def test_what_a_test_file_or_a_column_says_goes_before_like(tmp_path):
    c = somewhere(300, 7)
    like = stored(tmp_path, c, Stratified()(c))
    part = np.where(np.arange(300) % 3, "train", "test")
    for split in (Stratified(like=like), Hash(like=like), Sky(cell=0.5, radius=0, like=like)):
        assert np.array_equal(split(replace(c, part=part)) == "test", part == "test")
    assert np.array_equal(Column("p", like=like)(c) == "test", c.column("p") == "test")


@few
@given(**numbers, radius=st.floats(1, 2000))
def test_nothing_within_the_radius_is_on_another_side(n, seed, radius):
    c = somewhere(n, seed)
    parts = Sky(cell=1, radius=radius)(c)
    there = np.flatnonzero(parts != "")
    point = directions(c.sky[there])
    apart = 2 * np.degrees(np.arcsin(np.linalg.norm(point[:, None] - point[None], axis=-1) / 2)) * 3600
    assert apart[parts[there][:, None] != parts[there][None]].min(initial=np.inf) > radius * (1 - 1e-6)


def test_cells_of_the_sky_are_whole():
    sky = np.random.default_rng(0).uniform((0, -90), (360, 90), (4000, 2))
    c = candidates(4000, sky=sky)
    parts = Sky(cell=15, radius=0)(c)
    assert share(parts, "test") == pytest.approx(0.15, abs=0.08)
    close = np.arange(4000)
    near = replace(c, sky=sky + 1e-9)
    assert np.mean(Sky(cell=15, radius=0)(near)[close] == parts) > 0.999


def test_objects_without_a_position_are_left_out_and_counted():
    said = []
    c = somewhere(400, 2)
    sky = c.sky.copy()
    sky[:7, 1] = np.nan
    parts = Sky(cell=0.5, radius=0)(replace(c, sky=sky, note=said.append))
    assert (parts == "").nonzero()[0].tolist() == list(range(7))
    assert said == ["split=sky leaves out 7 objects without a position"]


def test_few_cells_are_told():
    said = []
    Sky(cell=10, radius=0)(replace(somewhere(100, 2), note=said.append))
    assert "fractions are rough, see split.cell" in said[0]


def test_the_past_trains_and_the_future_tests():
    c = somewhere(1000, 3)
    time = c.time("t")
    parts = Time(dates=[57500, 57800])(c)
    assert np.array_equal(parts == "test", time >= 57800)
    assert np.array_equal(parts == "val", (time >= 57500) & (time < 57800))
    parts = Time(fractions=(0.6, 0.2, 0.2))(c)
    assert [share(parts, part) for part in ("val", "test")] == [0.2, 0.2]
    assert time[parts == "val"].max() < time[parts == "test"].min()
    assert time[np.isin(parts, ["train", "cal"])].max() < time[parts == "val"].min()
    assert share(Time(dates=[57800])(c)[time < 57800], "val") == pytest.approx(0.15, abs=0.01)


def test_training_rows_of_a_group_that_tests_are_left_out():
    said = []
    time = np.tile([1.0, 2.0, 3.0, 9.0], 100)
    group = np.array([f"g{i // 8}" if i < 80 else f"h{i}" for i in range(400)])
    parts = Time(dates=[5])(replace(candidates(400, time=time, note=said.append), group=group))
    assert np.array_equal(parts == "test", time > 5)
    assert (parts[:80] == "").sum() == 60
    assert said == ["split=time leaves out 60 objects of a group with later rows"]


def test_objects_without_a_time_are_left_out_and_counted():
    said = []
    time = np.where(np.arange(100) < 5, np.nan, np.arange(100.0))
    parts = Time("when", dates=[80])(candidates(100, time=time, note=said.append))
    assert (parts[:5] == "").all()
    assert (parts == "").sum() == 5
    assert said == ["split=time leaves out 5 objects without a time in column 'when'"]


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (Time(dates=[99999]), r"leaves no object for test; column 'mjd' runs from 57"),
        (Time(dates=["1990-01-01"]), r"leaves no object for train"),
        (Time(dates=[57800, 57500]), "must be one date .* or two in order"),
        (Time(dates=[1, 2, 3]), "must be one date .* or two in order"),
        (Time(dates=["spring"]), "'spring', which is neither a number nor an ISO date"),
        (Sky(cell=0), "split.cell=0 is no size"),
        (Stratified(like="nowhere"), "split.like=nowhere is neither a run folder"),
    ],
)
def test_what_cannot_be_is_refused(split, sentence):
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        split(somewhere(300, 1))
    with pytest.raises(ValueError, match=r"say data\.ra=COLUMN data\.dec=COLUMN"):
        Sky()(candidates(50))
    with pytest.raises(ValueError, match="leave out the separate test file"):
        Time()(candidates(50, part=np.full(50, "train")))
