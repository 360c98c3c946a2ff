"""Galaxies of a magnitude-limited survey: ugriz magnitudes, their errors, and the redshift to be guessed from them.

Three spectral types (elliptical, spiral, irregular) are drawn from a Schechter luminosity function in comoving volume;
each is a power law with a smoothed 4000 Angstrom break, seen through five Gaussian bands. The break, moving from g into
r, is what a photometric redshift reads.
Default sky, difficulty 1: RMS of the redshift 0.043 by a linear model of magnitudes and colours, 0.020 by gradient
boosting; at difficulty 4, 0.056 and 0.043.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.table import Table

from starbolt.simulate.noise import measured

BANDS = "ugriz"
WAVELENGTH = np.array([3550.0, 4770.0, 6230.0, 7620.0, 9130.0])  # Angstrom; SDSS, York et al. 2000, AJ 120, 1579
WIDTH = np.array([570.0, 1370.0, 1370.0, 1530.0, 950.0])  # Angstrom FWHM; the same paper
DEPTH = np.array([23.5, 23.7, 23.5, 23.0, 21.9])  # mag at 5 sigma; chosen: deeper than one SDSS scan
LIMIT = 20.0  # r mag, the survey's limit on the true magnitude; chosen
NEAR, FAR = 0.02, 0.7  # redshift range; chosen
HUBBLE, MATTER = 70.0, 0.3  # km/s/Mpc and matter density of a flat universe; chosen, round
LIGHT = 299792.458  # km/s
M_STAR = -20.44 + 5 * np.log10(0.7)  # r mag; Blanton et al. 2003, ApJ 592, 819 (-20.44 + 5 log h)
BREAK, SOFTENING = 4200.0, 350.0  # Angstrom; chosen, to hold the 4000 A break and the metal lines redward of it
MISSING = 0.02  # fraction of u-band measurements lost to bad columns and bright neighbours; chosen
UNDETECTED = 0.5  # mag; a u-band magnitude less certain than this is not published; chosen


class SpectralType(NamedTuple):
    """slope: f_lambda ~ lambda^slope redward of the break; depth: fraction of the flux lost blueward of it;
    share: of the luminosity function at M*; faint: its faint-end slope. All chosen: the colours at z = 0 are then near
    those of galaxies (g - r about 0.7, 0.5 and 0.25), and faint galaxies are blue."""

    slope: float
    depth: float
    share: float
    faint: float


TYPES = (
    SpectralType(slope=-0.4, depth=0.8, share=0.40, faint=-0.6),  # elliptical
    SpectralType(slope=-0.9, depth=0.58, share=0.40, faint=-1.05),  # spiral
    SpectralType(slope=-1.5, depth=0.32, share=0.20, faint=-1.3),  # irregular
)
SLOPE_SCATTER, DEPTH_SCATTER = 0.15, 0.035  # from galaxy to galaxy within a type; chosen


def write_catalogue(file: Path, count: int, rng: np.random.Generator, difficulty: float = 1.0) -> None:
    """Write `count` galaxies as a FITS table: objid, ra and dec [deg], u to z and e_u to e_z [AB mag], redshift."""
    redshift, kind, r = draw_galaxies(count, rng)
    true = r[:, None] + template_colours(redshift, *scattered(kind, rng))
    mag, error = measured(true, DEPTH, rng, difficulty)
    lost = (error[:, 0] > UNDETECTED * difficulty) | (rng.random(count) < MISSING)
    mag[lost, 0] = error[lost, 0] = np.nan
    table = Table({"objid": [f"G{i:06d}" for i in range(1, count + 1)]}, meta={"MAGSYS": "AB"})
    table["ra"], table["dec"] = sky_positions(count, rng)
    for i, band in enumerate(BANDS):
        table[band], table[f"e_{band}"] = mag[:, i].astype(np.float32), error[:, i].astype(np.float32)
    table["redshift"] = redshift.astype(np.float32)
    for name in table.colnames[1:-1]:
        table[name].unit = "deg" if name in ("ra", "dec") else "mag"
    table.write(file, format="fits")


def draw_galaxies(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Redshift, spectral type (0, 1, 2) and true r [mag] of `count` galaxies brighter than the limit, each [count]."""
    found: list[np.ndarray] = []
    while sum(part.shape[1] for part in found) < count:
        redshift, kind = _by_volume(20000, rng), rng.choice(len(TYPES), 20000, p=[t.share for t in TYPES])
        r = _absolute_magnitudes(kind, rng) + distance_modulus(redshift) + _k_correction(redshift, kind)
        found.append(np.stack([redshift, kind, r])[:, r < LIMIT])
    redshift, kind, r = np.concatenate(found, axis=1)[:, :count]
    return redshift, kind.astype(int), r


def template_colours(redshift: np.ndarray, slope: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Magnitudes relative to r [N, 5] of galaxies at `redshift` with spectra of `slope` and break `depth`, each [N]."""
    mag = np.stack([-2.5 * np.log10(_band_flux(i, redshift, slope, depth)) for i in range(len(BANDS))], axis=1)
    return mag - mag[:, 2:3]


def scattered(kind: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Slope and break depth [N] of galaxies of spectral type `kind`, each a little unlike its type."""
    slope, depth = (np.array([getattr(t, name) for t in TYPES])[kind] for name in ("slope", "depth"))
    depth = depth + DEPTH_SCATTER * rng.standard_normal(len(kind))
    return slope + SLOPE_SCATTER * rng.standard_normal(len(kind)), np.clip(depth, 0.05, 0.9)


def distance_modulus(redshift: np.ndarray) -> np.ndarray:
    """m - M [mag] without K correction, in the flat universe above; any shape."""
    return 5 * np.log10((1 + redshift) * np.interp(redshift, *_comoving())) + 25


def sky_positions(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination [deg], each [count], even over a field of 20 by 20 deg about (150, +2)."""
    south, north = np.sin(np.radians([-8.0, 12.0]))
    return rng.uniform(140, 160, count), np.degrees(np.arcsin(rng.uniform(south, north, count)))


def _band_flux(band: int, redshift: np.ndarray, slope: np.ndarray, depth: np.ndarray) -> np.ndarray:
    steps = np.linspace(-1.2, 1.2, 15)
    seen = WAVELENGTH[band] + WIDTH[band] * steps
    rest = seen / (1 + redshift[:, None])
    blue = 1 / (1 + np.exp((rest - BREAK) / SOFTENING))
    spectrum = (rest / 5500) ** slope[:, None] * (1 - depth[:, None] * blue)  # f_lambda; photons weigh by lambda
    photons = np.exp(-4 * np.log(2) * steps**2) * seen
    return (spectrum * photons).sum(axis=1) / (photons / seen**2).sum() / (1 + redshift)  # AB: against flat f_nu


def _k_correction(redshift: np.ndarray, kind: np.ndarray) -> np.ndarray:
    slope, depth = (np.array([getattr(t, name) for t in TYPES])[kind] for name in ("slope", "depth"))
    here = _band_flux(2, np.zeros_like(redshift), slope, depth)
    return -2.5 * np.log10(_band_flux(2, redshift, slope, depth) / here)


def _absolute_magnitudes(kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    relative = np.linspace(-2.5, 4.5, 400)  # mag fainter than M*
    luminosity = 10 ** (-0.4 * relative)
    mag = np.empty(len(kind))
    for i, shape in enumerate(TYPES):
        density = luminosity ** (shape.faint + 1) * np.exp(-luminosity)  # Schechter 1976, ApJ 203, 297
        chosen = kind == i
        mag[chosen] = M_STAR + _draw(relative, density, chosen.sum(), rng)
    return mag


def _by_volume(count: int, rng: np.random.Generator) -> np.ndarray:
    grid, distance = _comoving()
    inside = grid >= NEAR
    return _draw(grid[inside], distance[inside] ** 2 * np.gradient(distance, grid)[inside], count, rng)


def _comoving() -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(0, FAR, 701)
    rate = LIGHT / HUBBLE / np.sqrt(MATTER * (1 + grid) ** 3 + 1 - MATTER)
    return grid, np.concatenate([[0], np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(grid))])  # Mpc


def _draw(grid: np.ndarray, density: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    cumulative = np.cumsum(density)
    return np.interp(rng.random(count) * cumulative[-1], cumulative, grid)
