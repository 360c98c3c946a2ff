"""Identical or nearly identical images on two sides of a split, turned and mirrored copies among them.

A signature of block means finds candidates; the pixels decide. Two exposures of one field differ in their noise, so a
copy is known by its fine structure: what remains after each pixel's 3 x 3 neighbourhood is taken out, clipped at twice
its own scatter so that no bright star rules it. Images without noise (sparse radio stamps) have no such fingerprint,
and must be equal to half a per cent of their scatter. Blank images are no copies of one another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from starbolt.archives import Dense
from starbolt.data.audit.copies import places_of
from starbolt.data.audit.findings import FIRST, Finding
from starbolt.data.audit.sides import Sides
from starbolt.data.sources import Source

GRID, WIDTH = 9, 16  # blocks a side; numbers in a signature
RADIUS = 0.15  # of signatures, in units of the scatter of an image's block means
COARSE, FINE, CLEAN = 0.3, 0.6, 0.005  # largest difference of copies, as a fraction of scatter: see `copied`
BLOCK = 4_000_000  # pixels looked at together [16 MB]
MOST = 3_000  # candidates whose pixels are compared, the likeliest first


def images(sides: Sides, name: str, source: Source) -> Finding | None:
    """Images of a modality in two parts that are copies of one another."""
    data = source.modality.data
    assert isinstance(data, Dense)
    places = places_of(source, sides.rows)
    inside, places = sides.only(places >= 0), places[places >= 0]
    views, blank = signatures(data.x, places)
    inside, places, views = inside.only(~blank), places[~blank], views[~blank]
    candidates, turns = inside.near(views[:, 0], views, RADIUS, slack=1.0)
    candidates, turns = candidates[:MOST], turns[:MOST]
    same = [
        copied(data.x[places[a]], turned(data.x[places[b]], turn))
        for (a, b), turn in zip(candidates, turns, strict=True)
    ]
    pairs = candidates[np.array(same, bool)]
    if not len(pairs):
        return None
    return Finding(
        "images",
        f"{len(pairs):,} pair{'s' * (len(pairs) > 1)} of objects in two parts of the split have (nearly) the same "
        f"{name!r}, perhaps turned or mirrored",
        len(pairs),
        "drop the copies, or keep them on one side with data.group=COLUMN",
        inside.pairs(pairs, FIRST),
    )


def signatures(x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signatures [n, V, D] of images [N, C, H, W] at the given rows in each orientation, and which are blank."""
    count = len(orientations(x.shape[2:]))
    views, blank = np.empty((len(rows), count, WIDTH + 1), np.float32), np.empty(len(rows), bool)
    start = 0
    for block in _blocks(x, rows):
        here = slice(start, start := start + len(block))
        views[here], blank[here] = _signatures(block)
    return views, blank


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """An image [..., H, W] in orientation number `turn`."""
    quarter, mirrored = orientations(image.shape[-2:])[turn]
    image = np.rot90(image, quarter, axes=(-2, -1))
    return image[..., ::-1] if mirrored else image


def orientations(shape: tuple[int, ...]) -> list[tuple[int, bool]]:
    """Quarter turns and mirroring that keep the shape (H, W): eight of a square, four of any other image."""
    quarters = range(4) if shape[-2] == shape[-1] else (0, 2)
    return [(quarter, mirrored) for mirrored in (False, True) for quarter in quarters]


def copied(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two images [C, H, W] are copies: equal within `COARSE` of their scatter, their noise within `FINE`.

    The noise is compared in the fainter half of the pixels. Where most of these have none, the images must be equal
    within `CLEAN`.
    """
    a, b = a.astype(np.float32), b.astype(np.float32)
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 0.9 * max(int(np.isfinite(a).sum()), int(np.isfinite(b).sum())):
        return False
    apart = _rms((a - b)[both]) / max(float(np.std(a[both])), float(np.finfo(np.float32).tiny))
    if apart >= COARSE:
        return False
    faint = both & (_above(a) <= np.median(_above(a)[both]))
    fine_a, fine_b = fine_structure(a)[faint], fine_structure(b)[faint]
    if np.mean((fine_a != 0) & (fine_b != 0)) < 0.5:
        return apart <= CLEAN
    return bool(_rms(fine_a - fine_b) < FINE * np.hypot(_rms(fine_a), _rms(fine_b)) / 2**0.5)


def fine_structure(image: np.ndarray) -> np.ndarray:
    """What each pixel has above its 3 x 3 neighbourhood, in units of its scatter, clipped at two; 0 without noise."""
    known = np.isfinite(image)
    filled = np.where(known, image, 0)
    fine = np.where(known, filled - _smooth(filled) / np.maximum(_smooth(known.astype(np.float32)), 1e-6), 0)
    fine[np.abs(fine) < 1e-3 * np.std(filled)] = 0
    there = np.abs(fine[fine != 0])
    return np.clip(fine / (1.4826 * np.median(there)), -2, 2) if len(there) else fine


def _blocks(x: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    step = max(1, BLOCK // int(np.prod(x.shape[1:])))
    for start in range(0, len(rows), step):
        yield x[rows[start : start + step]].astype(np.float32, copy=False)


def _signatures(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projections of the scaled block means in every orientation, with the logarithm of their scatter."""
    means = block_means(block)
    scatter = means.std((2, 3), keepdims=True)
    scaled = (means - means.mean((2, 3), keepdims=True)) / np.where(scatter > 0, scatter, 1)
    level = np.log(np.maximum(scatter.max((1, 2, 3)), np.finfo(np.float32).tiny))
    cells = means[0].size
    directions = np.random.default_rng(0).normal(size=(cells, WIDTH)).astype(np.float32) / np.sqrt(cells)
    count = len(orientations(block.shape[2:]))
    flat = np.stack([_turned_grid(scaled, turn, block.shape[2:]).reshape(len(block), -1) for turn in range(count)], 1)
    levels = np.broadcast_to(level[:, None, None], (len(block), count, 1))
    return np.concatenate([flat @ directions, levels], 2), (scatter <= 0).all((1, 2, 3))


def _turned_grid(means: np.ndarray, turn: int, shape: tuple[int, ...]) -> np.ndarray:
    quarter, mirrored = orientations(shape)[turn]
    means = np.rot90(means, quarter, axes=(-2, -1))
    return means[..., ::-1] if mirrored else means


def block_means(block: np.ndarray) -> np.ndarray:
    """Means of the measured pixels in a grid of blocks [n, C, g, g]; the image's mean where a block has none."""
    down, across = _averaging(block.shape[2]), _averaging(block.shape[3])
    known = np.isfinite(block)
    if known.all():
        return down @ (block @ across.T)
    share = down @ (known.astype(np.float32) @ across.T)
    total = down @ (np.where(known, block, 0) @ across.T)
    whole = total.mean((2, 3), keepdims=True) / np.maximum(share.mean((2, 3), keepdims=True), 1e-6)
    return np.where(share > 1e-3, total / np.maximum(share, 1e-3), whole)


def _averaging(pixels: int) -> np.ndarray:
    """The matrix [g, pixels] that averages blocks; an odd number of blocks lies alike when an image is turned."""
    blocks = min(GRID, pixels - (1 - pixels % 2))
    edges = np.rint(np.arange(blocks + 1) * pixels / blocks).astype(int)
    inside = (np.arange(pixels) >= edges[:-1, None]) & (np.arange(pixels) < edges[1:, None])
    return (inside / inside.sum(1, keepdims=True)).astype(np.float32)


def _smooth(image: np.ndarray) -> np.ndarray:
    """Means over 3 x 3 pixels, borders repeated."""
    wide = np.pad(image, [(0, 0)] * (image.ndim - 2) + [(1, 1), (1, 1)], mode="edge")
    rows = wide[..., :-2, :] + wide[..., 1:-1, :] + wide[..., 2:, :]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9


def _above(image: np.ndarray) -> np.ndarray:
    """How far each neighbourhood is from the image's median."""
    filled = np.where(np.isfinite(image), image, np.nanmedian(image))
    return np.abs(_smooth(filled) - np.median(filled))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
