"""What the network looks at, in figures: told truly, with their numbers, small enough for a page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from starbolt.report import explained
from starbolt.report.explained import places, tiles
from starbolt.report.explained.curves import _runs
from starbolt.report.explained.latent import _together
from starbolt.report.results import Results
from starbolt.report.style import Drawing, house_style, inline, save

MOST = 1.5e6  # bytes that the section may take in the page


def common(rows: np.ndarray, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """What explain.npz always holds: `rows` are of the shown part, `count` of them with maps and curves."""
    random = np.random.default_rng(seed)
    return {
        "row": rows[:count],
        "id": rows[:count].astype(str),
        "wrong": np.arange(count) < count // 2,
        "code": np.zeros(count, int),
        "reasons": np.array(["image: its encoder has no convolution"]),
        "latent_row": rows,
        "latent_xy": random.normal(size=(len(rows), 2)).astype("f4"),
        "latent_score": random.gamma(5, 0.2, len(rows)).astype("f4"),
        "latent_train_row": np.arange(2000),
        "latent_train_xy": random.normal(size=(2000, 2)).astype("f4"),
        "latent_trained": np.array(5000),
        "latent_share": np.array([0.5, 0.3, 0.2]),
        "unusual": rows[-16:],
    }


def of_image(name: str, count: int, channels: tuple[str, ...], side: int = 32, filters: int = 64) -> dict:
    random = np.random.default_rng(1)
    c = len(channels)
    y, x = np.mgrid[-1 : 1 : 1j * side, -1 : 1 : 1j * side]
    blob = 30 + 170 * np.exp(-4 * (x**2 + 2 * y**2))
    picture = random.normal(blob, 6, (count, c, side, side)).clip(0, 255).astype("f4")
    picture[:, 0, :3, :3] = np.nan
    arrays = {
        "filters": random.normal(size=(filters, c, 9, 9)).astype("f4"),
        "channels": np.array(channels),
        "maps": random.normal(size=(count, 6, min(side, 32), min(side, 32))).astype("f4"),
        "maps_filter": np.arange(6) + 3,
        "channel_share": np.linspace(0.1, 0.9, c),
        "cam": random.normal(size=(count, 7, 7)).astype("f4"),
        "picture": picture,
    }
    return {f"{key}_{name}": value for key, value in arrays.items()}


def of_series(count: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    time = np.sort(random.uniform(0, 300, (count, 60)), 1).astype("f4")
    x = random.normal(18, 0.3, (count, 2, 60)).astype("f4")
    ends = time.reshape(count, 20, 3)
    change = random.normal(0, 0.1, (count, 20)).astype("f4")
    change[0, 5:] = np.nan
    arrays = {"time": time, "x": x, "err": np.full_like(x, 0.05), "first": ends[:, :, 0], "last": ends[:, :, 2]}
    arrays |= {"change": change, "answer": np.full(count, 0.8)}
    return {f"{key}_series": value for key, value in arrays.items()}


def of_table(names: tuple[str, ...]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    mean = np.linspace(0, 1, len(names))
    arrays = {
        "rise": mean + 0.02 * random.normal(size=(5, len(names))),
        "channels": np.array(names),
        "loss": np.array(0.3),
        "rows": np.array(1234),
        "rho": np.array([0.95, 0.95, *[0.1] * (len(names) - 2)]),
        "partner": np.array([1, 0, *[0] * (len(names) - 2)]),
    }
    return {f"{key}_table": value for key, value in arrays.items()}


def drawn(folder: Path, arrays: dict, **more) -> tuple[dict[str, Drawing], Results]:
    """The figures of a run folder with such an explain.npz."""
    np.savez_compressed(folder / "explain.npz", **arrays | more)
    results = Results.read(folder)
    with house_style():
        drawings = explained.draw(results)
    assert len({drawing.name for drawing in drawings}) == len(drawings)
    for drawing in drawings:
        assert len(pa.table(dict(drawing.numbers))) > 0
        assert drawing.figure.get_figwidth() == pytest.approx(4.8)
    return {drawing.name: drawing for drawing in drawings}, results


@pytest.fixture
def image_arrays() -> dict[str, np.ndarray]:
    """Of `image_run`, with as many and as large maps as a run keeps."""
    rows = np.arange(300)
    images = of_image("image", 8, ("R", "G", "B"), 96) | of_image("infrared", 8, ("J", "K", "mask"))
    images["picture_infrared"] = images["picture_infrared"][:, :2]
    images["channel_share_infrared"] = np.array([0.2, 0.8])
    return common(rows, 8) | images


def test_a_run_without_the_file_has_no_figures(image_run: Path) -> None:
    results = Results.read(image_run)
    assert explained.draw(results) == []
    assert explained.reasons(results) == []


def test_cutouts(image_run: Path, image_arrays: dict) -> None:
    figures, results = drawn(image_run, image_arrays)
    ofs = [f"{kind}_{name}" for name in ("image", "infrared") for kind in ("cam", "filters", "maps")]
    assert list(figures) == [*ofs, "latent"]
    assert explained.reasons(results) == ["image: its encoder has no convolution"]
    assert "Of 2 channels the cut-outs show K" in figures["cam_infrared"].caption
    assert "the cut-outs show" not in figures["cam_image"].caption
    assert "doi:10.1109/ICCV.2017.74" in figures["cam_image"].caption
    assert "The 32 strongest of 64 filters" in figures["filters_image"].caption
    assert "The 16 strongest of 64 filters" in figures["filters_infrared"].caption
    assert len(figures["cam_image"].numbers["value"]) == 8 * 49
    with house_style():
        for drawing in figures.values():
            save(drawing, image_run / "figures")
        sizes = {name: len(inline(drawing.figure, drawing.title)) for name, drawing in figures.items()}
    assert sum(size for name, size in sizes.items() if "infrared" not in name) < MOST, sizes
    assert len(list((image_run / "figures").glob("*.csv"))) == len(figures)


def words_of(drawing: Drawing) -> str:
    return "\n".join(text.get_text() for text in drawing.figure.texts)


def overlays(folder: Path, arrays: dict, **more) -> Drawing:
    """The figure of the maps alone."""
    np.savez(folder / "explain.npz", **arrays | more)
    with house_style():
        return places.draw(Results.read(folder), "image")[0]


def test_objects_stand_with_truth_prediction_and_what_the_map_is_of(image_run: Path, image_arrays: dict) -> None:
    results = Results.read(image_run)
    given = [results.classes.index(name) for name in results.predictions["prediction"].to_pylist()[:8]]
    told = words_of(overlays(image_run, image_arrays, code=np.array(given)))
    assert "map of" not in told
    assert f"true {results.predictions['target'][0]}\npredicted {results.predictions['prediction'][0]} (" in told
    other = np.array([(given[0] + 1) % 3, *given[1:]])
    drawing = overlays(image_run, image_arrays, code=other)
    assert words_of(drawing).count("map of") == 1
    assert drawing.numbers["subject"][0] == results.classes[other[0]]


def test_a_map_without_anything_for_the_answer_says_so(image_run: Path, image_arrays: dict) -> None:
    cam = image_arrays["cam_image"].copy()
    cam[0] = -1
    axes = overlays(image_run, image_arrays, cam_image=cam).figure.axes
    assert sum("nothing" in text.get_text() for ax in axes for text in ax.texts) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_few_objects_are_drawn_too(image_run: Path, count: int) -> None:
    rows = np.arange(3)
    figures, _ = drawn(image_run, common(rows, count) | of_image("image", count, ("R", "G", "B"), 12, 9))
    assert set(figures) == {"cam_image", "filters_image", "maps_image", "latent"}


def test_light_curves(series_run: Path) -> None:
    figures, results = drawn(series_run, common(np.arange(400), 8) | of_series(8), code=np.arange(8) % 6)
    assert set(figures) == {"occlusion_series", "latent"}
    numbers = figures["occlusion_series"].numbers
    assert len(numbers["change"]) == 7 * 20 + 5
    assert numbers["window"][:6].tolist() == [1, 2, 3, 4, 5, 1]
    assert numbers["subject"][5] == results.classes[1]
    titles = [ax.get_title(loc="right") for ax in figures["occlusion_series"].figure.axes]
    assert f"P({results.classes[0]}) = 0.80" in titles


def test_a_bar_leaves_out_the_gap_between_seasons() -> None:
    time = np.array([0.0, 1, 2, 300, 301])
    assert _runs(time, 20.0) == [(0.0, 2.0), (300.0, 301.0)]
    assert _runs(time, 1000.0) == [(0.0, 301.0)]


def test_tables_tell_of_columns_that_share_what_they_know(table_run: Callable[..., Path]) -> None:
    figures, _ = drawn(table_run(), common(np.arange(500), 8) | of_table(("u", "g", "r")))
    assert set(figures) == {"importance_table", "latent"}
    drawing = figures["importance_table"]
    assert "2 of 3 columns have a rank correlation of 0.8 or more with another (u and g)" in drawing.caption
    assert "1,234 validation objects" in drawing.caption
    assert drawing.numbers["closest"].tolist() == ["g", "u", "u"]
    assert [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()] == ["r", "g", "u"]


def test_of_many_columns_the_largest_are_shown_and_all_are_in_the_numbers(table_run: Callable[..., Path]) -> None:
    names = tuple(f"column_{i}" for i in range(40))
    figures, _ = drawn(table_run(), common(np.arange(500), 8) | of_table(names))
    assert "The 20 largest of 40 are shown" in figures["importance_table"].caption
    assert len(figures["importance_table"].numbers["rise"]) == 40


def test_the_latent_map_of_many_objects_is_small_and_names_the_strangest(table_run: Callable[..., Path]) -> None:
    arrays = common(np.arange(5000), 8)
    figures, _ = drawn(table_run(20_000), arrays)
    drawing = figures["latent"]
    assert len(inline(drawing.figure, "")) < 6e5
    assert "5,000 of the 20,000 test objects" in drawing.caption
    assert "1 4984 (" in drawing.caption  # the id of the first of the unusual rows
    numbers = drawing.numbers
    ringed = np.flatnonzero(numbers["ring"])
    assert numbers["row"][ringed].tolist() == arrays["unusual"][:12].tolist()
    assert numbers["part"].tolist().count("train") == 2000
    assert "component 1 (50% of the variance)" in [ax.get_xlabel() for ax in drawing.figure.axes]


def test_numbers_of_rings_that_lie_together_stand_together() -> None:
    places = np.array([[0.1, 0.1], [0.9, 0.9], [0.11, 0.1]])
    assert _together(places) == [[0, 2], [1]]


def test_large_pictures_are_averaged_and_small_ones_left() -> None:
    image = np.random.default_rng(0).uniform(size=(300, 450, 3))
    small = tiles.smaller(image, 1.0)
    assert small.shape == (75, 112, 3)
    np.testing.assert_allclose(small[0, 0], image[:4, :4].mean((0, 1)))
    assert tiles.smaller(image[:100, :100], 1.0).shape == (100, 100, 3)


def test_enlarged_maps_keep_the_values_at_the_middles_of_their_cells() -> None:
    cam = np.arange(6.0).reshape(2, 3)
    fine = places.enlarged(cam, 6, 9)
    np.testing.assert_allclose(fine[1::3, 1::3], cam)
    assert fine.min() == 0
    assert fine.max() == 5


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
def test_runs_are_explained_from_their_folders_alone(trained: Callable, tmp_path: Path, model: str) -> None:
    from omegaconf import OmegaConf

    from starbolt import build, loading
    from starbolt.explain import explain, write_explanation

    folder = shutil.copytree(trained(model), tmp_path / model)
    data = build.data(OmegaConf.load(folder / "config.yaml"))
    learner = loading.load_learner(folder)
    data.open(learner.task.target)
    arrays = explain(learner, data, data.parts["test"][:4], data.parts["test"], device=torch.device("cpu"))
    write_explanation(folder, arrays)
    results = Results.read(folder)
    with house_style():
        names = {drawing.name for drawing in explained.draw(results)}
    kinds = {"mlp": {"importance_table"}, "cnn": {"cam_image", "filters_image", "maps_image"}}
    assert names == {"latent"} | kinds.get(model, {"occlusion_series"})
