"""The audit: each planted fault is found and told, a clean set trips nothing, and a waiver is kept on record."""

from __future__ import annotations

import json

import numpy as np
import pytest

from starbolt.data import ImageDataModule, SeriesDataModule, SpectraDataModule, TableDataModule
from starbolt.data.audit import CHECKS, Audit
from starbolt.data.audit.findings import AuditError
from starbolt.data.measure import measure_input
from starbolt.data.splits import Column


def catalogue(n=400, seed=0):
    """n stars all over the sky with four measurements, of which `a` is a good feature, and a split of their own."""
    random = np.random.default_rng(seed)
    kind = np.where(random.random(n) < 0.5, "star", "galaxy")
    table = {name: random.normal(size=n) for name in "abcd"}
    table["a"] += 2.66 * (kind == "star")  # an AUC of 0.97
    return table | {
        "name": [f"o{i}" for i in range(n)],
        "kind": kind,
        "z": table["b"] + 0.3 * random.normal(size=n),
        "ra": random.uniform(0, 360, n),
        "dec": np.degrees(np.arcsin(random.uniform(-1, 1, n))),
        "field": [f"f{i // 4}" for i in range(n)],
        "part": np.array(["train", "val", "cal", "test"])[np.arange(n) // 4 * 7 % 4],
    }


def opened(tmp_path, source, made=TableDataModule, aim="class", **options):
    words = {"id": "name", "target": "kind" if aim == "class" else "z", "cache": str(tmp_path / "cache")}
    if made is TableDataModule:
        words |= {"features": list("abcd"), "group": "field", "ra": "ra", "dec": "dec"}
    data = made(source, split=Column("part"), **words | options)
    data.open(aim)
    return data


def found(data, **options):
    return {finding.name: finding for finding in Audit(**options)(data).findings}


@pytest.mark.parametrize("aim", ["class", "quantity"])
def test_a_clean_catalogue_trips_nothing_though_one_feature_is_good(tmp_path, aim):
    audited = Audit()(opened(tmp_path, catalogue(), aim=aim))
    assert audited.findings == ()
    audited.refuse()
    assert list(audited.looked) == list(CHECKS)
    assert audited.looked["images"] == ""
    assert audited.looked["ids"] == "400 objects"


def test_an_id_in_two_files_is_found(tmp_path):
    train, test = catalogue(), catalogue(60, seed=1)
    test["name"] = ["o2", *(f"t{i}" for i in range(59))]
    test["field"], test["part"] = [f"g{i}" for i in range(60)], np.full(60, "test")
    finding = found(opened(tmp_path, train, test_path=test))["ids"]
    assert finding.count == 1
    assert {name.split(" ")[0] for name in finding.offenders[0]} == {"o2"}
    assert finding.offenders[0][1] == "o2 (test)"


def test_a_group_on_two_sides_is_found_and_objects_without_one_are_alone(tmp_path):
    source = catalogue()
    source["field"][:4] = [None] * 4
    source["field"][8] = source["field"][9] = source["field"][399]  # 8 and 9 are in another part than 399
    assert source["part"][8] != source["part"][399]
    finding = found(opened(tmp_path, source))["groups"]
    assert finding.count == 1
    assert "'field'" in finding.sentence
    assert {name.split(" ")[0] for name in finding.offenders[0]} <= {"o8", "o9", *(f"o{i}" for i in range(396, 400))}


@pytest.mark.parametrize("dec", [-89.9, 0.0, 60.0])
def test_neighbours_on_the_sky_are_found_within_the_radius_alone(tmp_path, dec):
    source = catalogue()
    far = next(i for i in range(400) if source["part"][i] != source["part"][0])
    source["ra"][0], source["dec"][0] = 359.99999, dec
    source["ra"][far] = 359.99999 + 0.9 / 3600 / np.cos(np.radians(dec)) - 360
    source["dec"][far] = dec
    source["ra"][1:4] = np.nan
    finding = found(opened(tmp_path, source))["positions"]
    assert finding.count == 1
    assert {name.split(" ")[0] for name in finding.offenders[0]} == {"o0", f"o{far}"}
    assert not found(opened(tmp_path, source), radius=0.85)


def test_unknown_positions_of_a_whole_part_are_passed_over(tmp_path):
    source = catalogue()
    source["ra"][source["part"] == "test"] = np.nan
    assert not found(opened(tmp_path, source))
    source["ra"][:] = np.nan
    assert not found(opened(tmp_path, source))


def test_positions_shared_by_thousands_cost_no_more(tmp_path):
    source = catalogue(20_000)
    source["ra"][:], source["dec"][:] = 0.0, 0.0
    assert found(opened(tmp_path, source))["positions"].count >= 5000


@pytest.mark.parametrize("aim", ["class", "quantity"])
def test_the_target_among_the_features_is_found(tmp_path, aim):
    source = catalogue()
    told = source["z"] if aim == "quantity" else (source["kind"] == "star") * 1.0
    source["copy"] = -3 * np.exp(told)
    finding = found(opened(tmp_path, source, aim=aim, features=[*"abcd", "copy"]))["target"]
    assert finding.count == 1
    assert finding.offenders[0][0].startswith("table: copy (")
    assert "data.exclude=[copy]" in finding.way_out


def test_a_code_of_the_classes_in_any_order_is_found_but_not_a_feature_that_picks_out_one(tmp_path):
    source = catalogue()
    kinds = np.arange(400) % 5
    source["kind"] = np.array(list("vwxyz"))[kinds]
    source["code"] = np.array([3.0, 1, 5, 2, 4])[kinds]
    source["flag"] = (kinds == 2) * 1.0
    finding = found(opened(tmp_path, source, features=[*"abcd", "code", "flag"]))["target"]
    assert [offender[0].split(" (")[0] for offender in finding.offenders] == ["table: code"]


def test_a_feature_missing_in_one_class_alone_is_found(tmp_path):
    source = catalogue()
    source["b"][source["kind"] == "star"] = np.nan
    source["c"][::3] = np.nan
    findings = found(opened(tmp_path, source))
    assert list(findings) == ["missing"]
    assert findings["missing"].offenders[0][0].startswith("table: b (")


def test_too_few_objects_prove_nothing(tmp_path):
    source = catalogue(24)
    source["e"] = (source["kind"] == "star") * 1.0
    assert not found(opened(tmp_path, source, features=[*"abcd", "e"], group=None))


class Careless(TableDataModule):
    """Measures all rows."""

    def _measure(self, source):
        return measure_input(source.modality, np.arange(len(self.ids)))


def test_statistics_of_other_rows_are_found(tmp_path):
    findings = found(opened(tmp_path, catalogue(), Careless, features=list("abcd")))
    assert findings["statistics"].offenders == (("table",),)


def test_a_target_measured_on_other_rows_is_found(tmp_path):
    data = opened(tmp_path, catalogue(), aim="quantity")
    data.parts["train"] = data.parts["train"][:-1]
    assert found(data)["statistics"].offenders == (("table",), ("target",))


def test_a_waiver_lets_the_run_go_on_and_is_kept(tmp_path):
    source = catalogue()
    source["c"] = (source["kind"] == "star") * 1.0
    data = opened(tmp_path, source)
    with pytest.raises(AuditError, match=r"(?s)1 fault .*- target: .*table: c .*audit.waive=\[target\]"):
        Audit()(data).refuse()
    audited = Audit(waive=["target"])(data)
    audited.refuse()
    kept = json.loads(json.dumps(audited.to_dict()))
    assert kept["findings"][0]["name"] == "target"
    assert kept["findings"][0]["waived"] is True


def test_a_waiver_of_nothing_known_is_refused():
    for waive in (["image"], "image"):
        with pytest.raises(ValueError, match="names 'image', which is no check; did you mean 'images'"):
            Audit(waive=waive)


def light_curves(n=80, points=12, seed=0):
    random = np.random.default_rng(seed)
    return {
        "name": np.repeat([f"o{i}" for i in range(n)], points),
        "mjd": np.tile(np.arange(points) * 1.0, n) + np.repeat(random.uniform(0, 1, n), points),
        "mag": random.normal(18, 1, n * points).round(3),
    }


def test_series_copied_under_other_times_are_found_and_flat_ones_are_not(tmp_path):
    source, points = catalogue(80), light_curves()
    objects = {key: source[key] for key in ("name", "kind", "part")}
    points["mag"][:240] = 20.0  # twenty objects never seen, at the limit
    words = {"objects": objects, "time": "mjd", "value": "mag", "made": SeriesDataModule}
    assert not found(opened(tmp_path, points, **words))
    far = next(i for i in range(20, 80) if objects["part"][i] != objects["part"][20])
    points["mag"][far * 12 : far * 12 + 12] = points["mag"][240:252]
    finding = found(opened(tmp_path, points, **words))["series"]
    assert finding.count == 1
    assert {name.split(" ")[0] for name in finding.offenders[0]} == {"o20", f"o{far}"}


def test_images_copied_are_found(tmp_path):
    random = np.random.default_rng(0)
    stack, source = random.normal(size=(80, 2, 21, 21)).astype(np.float32), catalogue(80)
    source["number"] = np.arange(80)
    words = {"stack": str(tmp_path / "stack.npy"), "file": "number", "made": ImageDataModule}
    np.save(tmp_path / "stack.npy", stack)
    assert not found(opened(tmp_path, source, **words))
    far = next(i for i in range(80) if source["part"][i] != source["part"][0])
    stack[far] = np.rot90(stack[0], axes=(1, 2))
    np.save(tmp_path / "stack.npy", stack)
    finding = found(opened(tmp_path, source, **words))["images"]
    assert {name.split(" ")[0] for name in finding.offenders[0]} == {"o0", f"o{far}"}


def observed(tmp_path, keep, n=160, **options):
    """n objects of two kinds without any signal, of which `keep` (kind -> [n, 12]) says which points there are."""
    source, points = catalogue(n), light_curves(n)
    objects = {key: source[key] for key in ("name", "kind", "part", "z")}
    kept = {key: np.asarray(values)[keep(np.array(source["kind"])).ravel()] for key, values in points.items()}
    return opened(tmp_path, kept, objects=objects, time="mjd", value="mag", made=SeriesDataModule, **options)


def rarely(kind):
    """Galaxies are observed half as often."""
    return (kind == "star")[:, None] | (np.arange(12) % 2 == 0)


def test_a_cadence_that_tells_the_class_is_noted_and_stops_nothing(tmp_path):
    data = observed(tmp_path, rarely)
    audited = Audit()(data)
    (finding,) = audited.findings
    assert finding.name == "cadence"
    assert finding.offenders[0][0].startswith("the number of points tells ")
    assert "(AUC 1.00)" in finding.offenders[0][0]
    assert data.notes.count(audited.notes[0]) == 1
    audited.refuse()
    Audit()(data)
    assert data.notes.count(audited.notes[0]) == 1
    waived = Audit(waive="cadence")(observed(tmp_path, rarely))
    assert waived.findings[0].waived
    assert not waived.notes


def test_one_cadence_for_all_is_no_finding(tmp_path):
    some = np.random.default_rng(1).random((160, 12)) < 0.7  # by lot
    assert not Audit()(observed(tmp_path, lambda kind: some)).findings


def test_of_few_objects_and_of_what_is_no_time_no_cadence_is_told(tmp_path):
    assert not Audit()(observed(tmp_path, rarely, n=80)).findings
    source, points = catalogue(160), light_curves(160)
    kept = {key: np.asarray(values)[rarely(source["kind"]).ravel()] for key, values in points.items()}
    objects = {key: source[key] for key in ("name", "kind", "part")}
    words = {"spectra": kept, "wavelength": "mjd", "flux": "mag", "made": SpectraDataModule}
    spectra = Audit()(opened(tmp_path, objects, **words))
    assert not spectra.looked["cadence"]
    assert not spectra.findings


def test_a_cadence_that_tells_a_quantity_is_noted(tmp_path):
    order = np.argsort(np.argsort(catalogue(160)["z"]))
    audited = Audit()(observed(tmp_path, lambda kind: np.arange(12) < 2 + order[:, None] // 16, aim="quantity"))
    assert [finding.name for finding in audited.findings] == ["cadence"]


def test_where_rows_are_copied_the_target_is_to_be_looked_at_again_without_them(tmp_path):
    random, rare = np.random.default_rng(0), np.repeat(np.arange(20), 40)  # each rare object stands forty times
    source = {name: np.concatenate([random.normal(size=800), random.normal(size=20)[rare]]) for name in "abcdefgh"}
    source |= {"name": [f"o{i}" for i in range(1600)], "kind": ["star"] * 800 + ["quasar"] * 800}
    source["part"] = np.array(["train", "val", "cal", "test"])[np.arange(1600) % 4]
    data = opened(tmp_path, source, features=list("abcdefgh"), group=None, ra=None, dec=None)
    faults = found(data)
    assert {"rows", "target"} <= set(faults)
    assert "drop the copies first" in faults["target"].way_out
