"""Alerts of a transient survey: science, template and difference stamps, real or bogus.

Real alerts are supernovae on galaxies and stars that brightened: a positive point source on the difference. Bogus ones
are what a subtraction also finds: dipoles of misregistered sources, cosmic rays, hot columns and peaks of the noise.
Both are put in with the same range of brightness, so that a network has to look at shapes.
docs/sky.md tells each constant and its source, and how hard the task is.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits

from starbolt.simulate.catalogue import sky_positions

PLANES = ("science", "template", "difference")
SIZE = 33  # pixels a side; chosen: half of ZTF's, and a quarter of the work
PIXEL = 1.01  # arcsec; ZTF, Bellm et al. 2019, PASP 131, 018002
ZERO = 26.2  # mag of 1 adu; median of 8448 ZTF alerts, Duev et al. 2019, MNRAS 489, 3582 (their public table)
GAIN = 5.8  # electrons per adu; Bellm et al. 2019, table 1
READ_NOISE = 10.0  # electrons; Dekany et al. 2020, PASP 132, 038001
FAINTEST = 20.6  # mag: 5 sigma of a point source in r, ZTF's median; Masci et al. 2019, PASP 131, 018003
SKY = 501.0  # adu per pixel: what makes FAINTEST 5 sigma in the median seeing. Subtracted; its photon noise stays
BRIGHTEST = 17.0  # mag of the transients and artefacts; chosen
SEEING = (1.6, 2.4)  # arcsec, FWHM of the science image about the median of 2.0 in r (Bellm et al. 2019); range chosen
TEMPLATE_SEEING = 1.7  # arcsec; chosen
BETA = 3.5  # exponent of the Moffat profile; several thousand images, Dey & Valdes 2014, PASP 126, 296
REGISTRATION = 0.064  # pixels per axis, sigma; 45 to 85 mas, Masci et al. 2019
MISREGISTRATION = (0.25, 0.9)  # pixels in a dipole; chosen
MISMATCH = 0.02  # relative error of the width to which the template is matched; chosen
DEEPER = 15.0  # science exposures in a template; the least of ZTF's reference images
KINDS = {"real": 0.5, "dipole": 0.15, "cosmic ray": 0.13, "hot column": 0.08, "noise peak": 0.14}  # chosen
EDGE = 0.03  # fraction of stamps cut by the edge of the detector, NaN beyond it; chosen
GALAXY = (15.5, 19.0)  # mag; chosen
HALF_LIGHT = 2.1  # arcsec at 17 mag, 0.3 scatter of its logarithm: late types, Shen et al. 2003, MNRAS 343, 978
THICKNESS = 0.21  # of discs, by their diameter; Padilla & Strauss 2008, MNRAS 388, 1321
COSMIC_RAY = 3.0  # pixels, mean length: one to several, Farage & Pimbblet 2005, PASA 22, 249
CHUNK = 250  # stamps drawn at a time

_y, _x = np.mgrid[:SIZE, :SIZE] - SIZE // 2


class Scene(NamedTuple):
    """What stands in N fields, without noise: arrays [N].

    kind: one of KINDS; fwhm [pixels] of the science image; flux [adu] of the transient or artefact; star [adu]: a
    lasting star at the same place (x, y) [pixels from the centre]; galaxy [adu] at (galaxy_x, galaxy_y) with full width
    `radius` [pixels] and axis ratio `axis` at `angle` [rad]; (dx, dy) [pixels] and `width`: how science and matched
    template disagree in place and in relative width; `length` [pixels] and `tilt` [rad] of a cosmic ray or hot column.
    """

    kind: np.ndarray
    fwhm: np.ndarray
    flux: np.ndarray
    star: np.ndarray
    x: np.ndarray
    y: np.ndarray
    galaxy: np.ndarray
    galaxy_x: np.ndarray
    galaxy_y: np.ndarray
    radius: np.ndarray
    axis: np.ndarray
    angle: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    width: np.ndarray
    length: np.ndarray
    tilt: np.ndarray


def write_cutouts(folder: Path, labels: Path, count: int, rng: np.random.Generator, difficulty: float = 1.0) -> None:
    """Write `count` FITS stamps [3, 33, 33] in adu into `folder`, and a row for each to the CSV file `labels`."""
    folder.mkdir()
    ra, dec = sky_positions(count, rng)
    with labels.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("objid", "file", "ra", "dec", "mag", "class"))
        for first in range(0, count, CHUNK):
            scene = draw_scenes(min(CHUNK, count - first), rng)
            stamps = expose(scene, rng, difficulty)
            mag = aperture_magnitude(stamps[:, 2])
            cut_at_edges(stamps, rng)
            for i, stamp in enumerate(stamps):
                at = first + i
                name, label = f"A{at + 1:06d}", "real" if scene.kind[i] == "real" else "bogus"
                fits.PrimaryHDU(stamp, _header(name)).writeto(folder / f"{name}.fits")
                rows.writerow((name, f"{name}.fits", f"{ra[at]:.6f}", f"{dec[at]:.6f}", f"{mag[i]:.3f}", label))


def draw_scenes(count: int, rng: np.random.Generator) -> Scene:
    """`count` fields: half with a transient on a galaxy or a brightened star, half with something bogus."""
    kind = rng.choice(list(KINDS), count, p=list(KINDS.values()))
    real, dipole = kind == "real", kind == "dipole"
    mag = FAINTEST - (FAINTEST - BRIGHTEST) * rng.random(count) ** 1.5
    x, y = rng.uniform(-0.5, 0.5, (2, count))
    on_star = rng.random(count) < np.where(dipole, 0.6, np.where(real, 0.3, 0.0))
    star = np.where(on_star, _flux(rng.uniform(16.0, 19.5, count) - np.where(dipole, 0.5, 0.0)), 0.0)
    hosted = ~on_star & (real | dipole | (rng.random(count) < 0.5))
    brightness = rng.uniform(*GALAXY, count)
    half_light = HALF_LIGHT * 10 ** (-0.2 * (brightness - 17)) * np.exp(0.3 * rng.standard_normal(count))
    radius = half_light / PIXEL / within(0.5)
    axis, angle = np.sqrt(THICKNESS**2 + (1 - THICKNESS**2) * rng.random(count) ** 2), rng.uniform(0, np.pi, count)
    away, where = within(0.95 * rng.random(count)) * radius, rng.uniform(0, 2 * np.pi, count)  # as its light is
    along, across = np.where(dipole, 0, away * np.cos(where)), np.where(dipole, 0, away * axis * np.sin(where))
    moved, towards = rng.uniform(*MISREGISTRATION, count), rng.uniform(0, 2 * np.pi, count)
    dx, dy = REGISTRATION * rng.standard_normal((2, count))
    length = np.where(kind == "hot column", rng.uniform(0, 10, count), rng.exponential(COSMIC_RAY, count))
    return Scene(
        kind=kind, fwhm=rng.uniform(*SEEING, count) / PIXEL, flux=_flux(mag), star=star, x=x, y=y,
        galaxy=np.where(hosted, _flux(brightness), 0.0),
        galaxy_x=x + along * np.cos(angle) - across * np.sin(angle),
        galaxy_y=y + along * np.sin(angle) + across * np.cos(angle),
        radius=radius, axis=axis, angle=angle,
        dx=np.where(dipole, moved * np.cos(towards), dx), dy=np.where(dipole, moved * np.sin(towards), dy),
        width=1 + MISMATCH * rng.standard_normal(count),
        length=length, tilt=rng.uniform(0, np.pi, count),
    )  # fmt: skip


def expose(scene: Scene, rng: np.random.Generator, difficulty: float = 1.0) -> np.ndarray:
    """Science, template and difference float32 [N, 3, 33, 33] in adu, with photon and read noise times `difficulty`."""
    zero = np.zeros_like(scene.fwhm)
    best = np.full_like(scene.fwhm, TEMPLATE_SEEING / PIXEL)
    science = lasting(scene, scene.fwhm, zero, zero) + news(scene)
    template = lasting(scene, best, zero, zero)
    matched = lasting(scene, scene.fwhm * scene.width, scene.dx, scene.dy)
    noise = difficulty * _sigma(science) * _unit_noise(scene.kind, rng)
    deep = difficulty * _sigma(template) / np.sqrt(DEEPER) * rng.standard_normal(template.shape)
    science, template, difference = science + noise, template + deep, science + noise - matched - deep
    return np.stack([science, template, difference], axis=1).astype(np.float32)


def lasting(scene: Scene, fwhm: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Stars and galaxies [N, 33, 33] in adu, under a seeing of `fwhm` [N] pixels, moved by dx, dy [N] pixels."""
    star = scene.star[:, None, None] * moffat(scene.x + dx, scene.y + dy, fwhm, fwhm)
    long, short = np.hypot(fwhm, scene.radius), np.hypot(fwhm, scene.radius * scene.axis)  # quadrature: no convolution
    place = scene.galaxy_x + dx, scene.galaxy_y + dy
    return star + scene.galaxy[:, None, None] * moffat(*place, long, short, scene.angle)


def news(scene: Scene) -> np.ndarray:
    """What only the science image shows [N, 33, 33] in adu: transients, cosmic rays, hot columns."""
    drawn = {
        "real": moffat(scene.x, scene.y, scene.fwhm, scene.fwhm),
        "cosmic ray": _streak(scene.length, scene.tilt),
        "hot column": _column(scene.length, scene.tilt),
    }
    return scene.flux[:, None, None] * sum((scene.kind == kind)[:, None, None] * shape for kind, shape in drawn.items())


def moffat(
    x: np.ndarray, y: np.ndarray, long: np.ndarray, short: np.ndarray, angle: np.ndarray | float = 0.0
) -> np.ndarray:
    """Profiles [N, 33, 33] of unit flux (up to the wings beyond the stamp) at x, y, of full widths `long` and `short`.

    All [N], in pixels; Moffat 1969, A&A 3, 455, with exponent BETA, stretched along `angle` [rad].
    """
    x, y, long, short, angle = (np.broadcast_to(v, x.shape)[:, None, None] for v in (x, y, long, short, angle))
    per_width = 2 * np.sqrt(2 ** (1 / BETA) - 1)  # full width by the scale of the profile
    along = ((_x - x) * np.cos(angle) + (_y - y) * np.sin(angle)) * per_width / long
    across = ((_y - y) * np.cos(angle) - (_x - x) * np.sin(angle)) * per_width / short
    peak = (BETA - 1) / np.pi * per_width**2 / (long * short)
    return peak * (1 + along**2 + across**2) ** -BETA


def within(share: np.ndarray | float) -> np.ndarray | float:
    """Radius [full widths] of the circle that holds `share` of the light of a round Moffat profile."""
    return np.sqrt((1 - share) ** (1 / (1 - BETA)) - 1) / (2 * np.sqrt(2 ** (1 / BETA) - 1))


def aperture_magnitude(difference: np.ndarray) -> np.ndarray:
    """Magnitudes [N] of the absolute flux within 4 pixels of the centres of difference stamps [N, 33, 33] in adu."""
    inside = np.hypot(_x, _y) <= 4
    return ZERO - 2.5 * np.log10(np.abs(difference[:, inside].sum(axis=1)))


def cut_at_edges(stamps: np.ndarray, rng: np.random.Generator) -> None:
    """Set a few pixel rows or columns of about EDGE of the stamps [N, 3, 33, 33] to NaN, in place."""
    for i in np.flatnonzero(rng.random(len(stamps)) < EDGE):
        view = np.rot90(stamps[i], int(rng.integers(4)), axes=(1, 2))
        view[:, : rng.integers(3, 12)] = np.nan


def _flux(mag: np.ndarray) -> np.ndarray:
    return 10 ** (-0.4 * (mag - ZERO))


def _sigma(clean: np.ndarray) -> np.ndarray:
    return np.sqrt((clean + SKY) * GAIN + READ_NOISE**2) / GAIN  # 3000 electrons of sky: Gaussian enough


def _unit_noise(kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal((len(kind), SIZE, SIZE))
    for i in np.flatnonzero(kind == "noise peak"):  # the field is moved so that its highest peak stands at the centre
        smooth = sum(np.roll(noise[i], (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1))
        row, column = np.unravel_index(smooth.argmax(), smooth.shape)
        noise[i] = np.roll(noise[i], (SIZE // 2 - row, SIZE // 2 - column), (0, 1))
    return noise


def _streak(length: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    half, tilt = length[:, None, None] / 2, tilt[:, None, None]
    along = np.clip(_x * np.cos(tilt) + _y * np.sin(tilt), -half, half)
    light = np.clip(1 - np.hypot(_x - along * np.cos(tilt), _y - along * np.sin(tilt)), 0, None)
    return light / light.sum(axis=(1, 2), keepdims=True)


def _column(length: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    ends = _y >= -6 - length[:, None, None]  # some columns begin within the stamp, at the bottom or at the top
    lit = np.where(tilt[:, None, None] < np.pi / 2, ends, ends[:, ::-1])
    return (_x == 0) * lit / 9.0  # nine pixels of it stand in the aperture of `aperture_magnitude`


def _header(name: str) -> fits.Header:
    cards = {"OBJECT": name, "BUNIT": "adu", "MAGZERO": ZERO, "GAIN": GAIN, "PIXSCALE": PIXEL}
    planes = {f"PLANE{i}": plane for i, plane in enumerate(PLANES, start=1)}
    return fits.Header({**cards, **planes})
