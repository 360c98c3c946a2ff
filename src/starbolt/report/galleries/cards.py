"""A card per object: its cut-outs with their scale, its light curves with error bars, and what was said of it."""

from __future__ import annotations

from html import escape

from starbolt.report import cutouts
from starbolt.report.galleries import objects, scale
from starbolt.report.galleries.kinds import Gallery
from starbolt.report.lightcurves import COLOURS, SYMBOLS, plot_series
from starbolt.report.results import Results
from starbolt.report.style import bare, inline


def cards(results: Results, gallery: Gallery) -> str:
    """HTML; empty where the gallery file holds neither cut-outs nor light curves."""
    if not (objects.images(results) or objects.series(results)):
        return ""
    places = objects.places_in_file(results, gallery)
    made = [_card(results, objects.lines(results, gallery, k), place) for k, place in enumerate(places)]
    return f'<div class="gallery">{"".join(made)}</div>'


def legend(results: Results) -> str:
    """HTML: which symbol is which band, and how large the cut-outs are."""
    told = [_bands(results, name) for name in objects.series(results)[:1]]
    told += [f"<p>{escape(_size(results, name))}.</p>" for name in objects.images(results)]
    return "".join(told)


def _size(results: Results, name: str) -> str:
    about = results.spec.inputs[name]
    several = f"{name} ({', '.join(about.channels)})" if len(objects.images(results)) > 1 else "Cut-outs"
    return f"{several}: {scale.in_words(about)}"


def _bands(results: Results, name: str) -> str:
    bands = results.spec.inputs[name].channels[1:]
    return '<p class="legend">' + " ".join(
        f'<span><i style="color:{COLOURS[v % len(COLOURS)]}">{SYMBOLS[v % len(SYMBOLS)]}</i> {escape(band)}</span>'
        for v, band in enumerate(bands)
    ) + "</p>"  # fmt: skip


def _card(results: Results, lines: list[str], place: int) -> str:
    words = [escape(line) for line in lines]
    shown = [_stamp(results, name, place, lines[0]) for name in objects.images(results)]
    for name in objects.series(results):
        figure = bare(3.3, 2.4)
        figure.subplots_adjust(left=0.2, right=0.97, bottom=0.2, top=0.97)
        ax = figure.subplots()
        plot_series(ax, *objects.curve(results, name, place))
        for artist in ax.get_children():
            artist.set_rasterized(artist in (*ax.lines, *ax.collections))  # hundreds of points, dozens of objects
        shown.append(inline(figure, f"{name} of {lines[0]}"))
    caption = f"<figcaption><b>{words[0]}</b><br>{'<br>'.join(words[1:])}</figcaption>"
    return f'<figure class="object">{"".join(shown)}{caption}</figure>'


def _stamp(results: Results, name: str, place: int, id_: str) -> str:
    """A cut-out, with its scale where it is known."""
    image, about = results.gallery[name][place], results.spec.inputs[name]
    shown = cutouts.as_img(image, about, f"{name} of {id_}")
    bar = scale.bar(about, cutouts.is_colour(image, about.channels))
    line = f'<span class="bar" style="width:{100 * bar.share:.1f}%">{bar.label}</span>' if bar else ""
    return f'<div class="stamp">{shown}{line}</div>'
