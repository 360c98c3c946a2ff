"""Galaxies of a magnitude-limited survey: ugriz magnitudes, their errors, and the redshift to be guessed from them.

Three spectral types (elliptical, spiral, irregular) are drawn from a Schechter luminosity function in comoving volume;
each is a power law with a smoothed 4000 Angstrom break, seen through five Gaussian bands. The break, moving from g into
r, is what a photometric redshift reads. docs/sky.md tells each constant and its source, and how hard the task is.
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
DEPTH = np.array([22.3, 23.3, 23.1, 22.3, 20.8])  # mag at 5 sigma; the same survey
LIMIT = 19.8  # r mag, the limit on the true magnitude; GAMA, Liske et al. 2015, MNRAS 452, 2087
NEAR, FAR = 0.02, 0.8  # redshift; chosen: nearer, motions count beside the expansion; farther is next to none
MATTER = 0.3  # density of a flat universe; that of M_STAR
HUBBLE = 70.0  # km/s/Mpc; any other would do, since M_STAR goes with it
LIGHT = 299792.458  # km/s
SHIFT = 0.1  # redshift to which the r band of M_STAR is moved
M_STAR = -20.44 + 5 * np.log10(HUBBLE / 100)  # r mag; Blanton et al. 2003, ApJ 592, 819
BRIGHTEST, FAINTEST = -2.5, 4.5  # mag from M*; chosen: the function is cut where next to none is in the survey
BREAK, SOFTENING = 3838.0, 391.0  # Angstrom; fitted, see TYPES
MISSING = 0.02  # fraction of u-band measurements lost to bad columns and bright neighbours; chosen
UNDETECTED = 0.5  # mag; a u-band magnitude less certain than this, near 2 sigma, is not published; chosen


class SpectralType(NamedTuple):
    """slope: f_lambda ~ lambda^slope redward of the break; depth: fraction of the flux lost blueward of it, and how
    both scatter from galaxy to galaxy; share: of the luminosity function at M*; brighter: by how much its M* is [mag];
    faint: its faint-end slope."""

    slope: float
    depth: float
    slope_scatter: float
    depth_scatter: float
    share: float
    brighter: float
    faint: float


# Slopes, depths, BREAK and SOFTENING are fitted to the mean spectra of E, Sbc and Im galaxies of Coleman, Wu & Weedman
# 1980, ApJS 43, 393, by scripts/spectra.py. Scatter of the elliptical: 0.02 mag in its reddest, 0.04 in its bluest
# colours, Cool et al. 2006, AJ 131, 736; of the others chosen, so that the types run into one another.
# Shares: amplitudes of early, intermediate and late types, 3.33 : 3.26 : 1.94, of the ESO-Sculptor survey, de Lapparent
# et al. 2004, A&A 422, 841, table 2. Early types are 0.45 mag brighter: Nakamura et al. 2003, AJ 125, 1682. Faint-end
# slopes: -0.54 (passive) to -1.50 (active), Madgwick et al. 2002, MNRAS 333, 133, and the middle between them.
TYPES = (
    SpectralType(0.10, 0.98, 0.09, 0.016, share=0.39, brighter=0.45, faint=-0.54),  # elliptical
    SpectralType(-0.60, 0.81, 0.30, 0.08, share=0.38, brighter=0.0, faint=-1.02),  # spiral
    SpectralType(-1.37, 0.54, 0.30, 0.08, share=0.23, brighter=0.0, faint=-1.50),  # irregular
)


def write_catalogue(file: Path, count: int, rng: np.random.Generator, difficulty: float = 1.0) -> None:
    """Write `count` galaxies as a FITS table: objid, ra and dec [deg], u to z and e_u to e_z [AB mag], redshift."""
    redshift, kind, r = draw_galaxies(count, rng)
    true = r[:, None] + template_colours(redshift, *scattered(kind, rng))
    mag, error = measured(true, DEPTH, rng, difficulty)
    lost = ~(error[:, 0] < UNDETECTED) | (rng.random(count) < MISSING)
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
    magnitudes = np.linspace(BRIGHTEST, FAINTEST, 400)
    functions = np.stack([one.share * schechter(magnitudes, one.faint) for one in TYPES])
    shares = functions.sum(axis=1) / functions.sum()
    while sum(part.shape[1] for part in found) < count:
        redshift, kind = _by_volume(20000, rng), rng.choice(len(TYPES), 20000, p=shares)
        relative = np.empty(len(kind))
        for i, function in enumerate(functions):
            relative[kind == i] = _draw(magnitudes, function, (kind == i).sum(), rng)
        r = M_STAR - of_type("brighter", kind) + relative + distance_modulus(redshift) + _k_correction(redshift, kind)
        found.append(np.stack([redshift, kind, r])[:, r < LIMIT])
    redshift, kind, r = np.concatenate(found, axis=1)[:, :count]
    return redshift, kind.astype(int), r


def template_colours(redshift: np.ndarray, slope: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Magnitudes relative to r [N, 5] of galaxies at `redshift` with spectra of `slope` and break `depth`, each [N]."""
    mag = np.stack([-2.5 * np.log10(_band_flux(i, redshift, slope, depth)) for i in range(len(BANDS))], axis=1)
    return mag - mag[:, 2:3]


def scattered(kind: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Slope and break depth [N] of galaxies of spectral type `kind`, each a little unlike its type."""
    slope, depth = (
        of_type(name, kind) + of_type(f"{name}_scatter", kind) * rng.standard_normal(len(kind))
        for name in ("slope", "depth")
    )
    return slope, np.clip(depth, 0.05, 0.995)  # some light is always left, and always a break


def of_type(name: str, kind: np.ndarray) -> np.ndarray:
    """The value `name` of the spectral types `kind` (0, 1, 2), [N]."""
    return np.array([getattr(one, name) for one in TYPES])[kind]


def schechter(relative: np.ndarray, faint: float) -> np.ndarray:
    """Galaxies for each magnitude at `relative` [mag] fainter than M*, up to a factor; Schechter 1976, ApJ 203, 297."""
    luminosity = 10 ** (-0.4 * relative)
    return luminosity ** (faint + 1) * np.exp(-luminosity)


def distance_modulus(redshift: np.ndarray) -> np.ndarray:
    """m - M [mag] without K correction, in the flat universe above; any shape."""
    return 5 * np.log10((1 + redshift) * np.interp(redshift, *_comoving())) + 25


def sky_positions(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination [deg], each [count], even over a field of 20 by 20 deg about (150, +2)."""
    south, north = np.sin(np.radians([-8.0, 12.0]))
    return rng.uniform(140, 160, count), np.degrees(np.arcsin(rng.uniform(south, north, count)))


def photons() -> tuple[np.ndarray, np.ndarray]:
    """Wavelengths [band, 15] in Angstrom at which the bands see, and how they weigh f_lambda there: Gaussian bands."""
    steps = np.linspace(-1.2, 1.2, 15)  # widths; the response is 0.02 of its peak at the ends
    seen = WAVELENGTH[:, None] + WIDTH[:, None] * steps
    return seen, np.exp(-4 * np.log(2) * steps**2) * seen


def _band_flux(band: int, redshift: np.ndarray, slope: np.ndarray, depth: np.ndarray) -> np.ndarray:
    seen, weight = (values[band] for values in photons())
    rest = seen / (1 + redshift[:, None])
    blue = 1 / (1 + np.exp((rest - BREAK) / SOFTENING))
    spectrum = (rest / 5500) ** slope[:, None] * (1 - depth[:, None] * blue)  # f_lambda; photons weigh by lambda
    return (spectrum * weight).sum(axis=1) / (weight / seen**2).sum() / (1 + redshift)  # AB: against flat f_nu


def _k_correction(redshift: np.ndarray, kind: np.ndarray) -> np.ndarray:
    slope, depth = of_type("slope", kind), of_type("depth", kind)
    here = _band_flux(2, np.full_like(redshift, SHIFT), slope, depth) / (1 + SHIFT)
    return -2.5 * np.log10(_band_flux(2, redshift, slope, depth) / here)


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
