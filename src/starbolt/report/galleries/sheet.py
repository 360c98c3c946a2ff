"""A gallery as one figure, for the figures folder and for papers."""

from __future__ import annotations

from matplotlib.axes import Axes

from starbolt.report import cutouts
from starbolt.report.galleries import objects, scale
from starbolt.report.galleries.kinds import Gallery
from starbolt.report.lightcurves import plot_series
from starbolt.report.results import Results
from starbolt.report.style import Drawing, bare, plain

HEIGHT = 3.3  # of a row [inches]


def draw(results: Results, gallery: Gallery) -> Drawing | None:
    """Four objects in a row; None where the gallery file holds neither cut-outs nor light curves."""
    if not (objects.images(results) or objects.series(results)):
        return None
    places = objects.places_in_file(results, gallery)
    rows = -(-len(places) // 4)
    figure = bare(10, HEIGHT * rows + 0.4)
    low, high = 0.5 / figure.get_figheight(), 1 - 1.1 / figure.get_figheight()
    figure.subplots_adjust(left=0.07, right=0.985, bottom=low, top=high, wspace=0.28, hspace=0.7)
    axes = figure.subplots(rows, 4, squeeze=False).ravel()
    for ax in axes[len(places) :]:
        ax.set_axis_off()
    for k, (ax, place) in enumerate(zip(axes, places, strict=False)):
        ax.set_title(plain("\n".join(objects.lines(results, gallery, k))), fontsize=8)
        _plot(ax, results, place)
    if not objects.images(results):
        figure.legend(*axes[0].get_legend_handles_labels(), loc="upper center", ncols=8)
    picked = results.predictions.take(gallery.places)
    numbers = {name: picked[name].combine_chunks() for name in ("row", *objects.columns(results))}
    return Drawing(f"gallery_{gallery.name}", gallery.title, "", figure, numbers)


def _plot(ax: Axes, results: Results, place: int) -> None:
    if not (shown := objects.images(results)):
        plot_series(ax, *objects.curve(results, objects.series(results)[0], place))
        return
    image, about = results.gallery[shown[0]][place], results.spec.inputs[shown[0]]
    picture = cutouts.picture(image, about.channels)
    ax.imshow(picture)
    ax.set_axis_off()
    if bar := scale.bar(about, cutouts.is_colour(image, about.channels)):
        left, low = 0.06 * about.shape[2], 0.92 * about.shape[1]
        ax.plot([left, left + bar.pixels], [low, low], color="white", lw=2, solid_capstyle="butt")
        ax.text(left, low - 0.03 * about.shape[1], bar.label, color="white", fontsize=8, va="bottom")
