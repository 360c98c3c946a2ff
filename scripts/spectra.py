"""The spectral types of the simulated galaxies, fitted to published spectra: `python scripts/spectra.py FOLDER`.

FOLDER holds the mean spectra of local E, Sbc and Im galaxies of Coleman, Wu & Weedman 1980 (ApJS 43, 393) as
CWW_E_ext.sed, CWW_Sbc_ext.sed, CWW_Im_ext.sed: wavelength [Angstrom] and f_lambda. GalSim ships them (share/SEDs).
Prints BREAK, SOFTENING and each type's slope and depth, as they stand in `starbolt.simulate.catalogue`, and how far
the colours of the fit are from those of the spectra.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from starbolt.simulate import catalogue

NAMES = ("E", "Sbc", "Im")
REDSHIFTS = np.linspace(0, 0.5, 11)
DEEPEST = 0.98  # of the flux blueward of the break; a galaxy's own depth scatters about it and stays below 1


def main(folder: Path) -> None:
    spectra = [np.loadtxt(folder / f"CWW_{name}_ext.sed", unpack=True) for name in NAMES]
    published = np.stack([colours(*spectrum) for spectrum in spectra])
    start = [catalogue.BREAK / 1000, catalogue.SOFTENING / 1000]
    start += [value for kind in catalogue.TYPES for value in (kind.slope, kind.depth)]
    bounds = [(3.0, 5.0), (0.1, 1.0)] + [(-4.0, 4.0), (0.0, DEEPEST)] * len(NAMES)
    fit = least_squares(lambda values: (fitted(values) - published).ravel(), start, bounds=np.transpose(bounds))
    print(f"BREAK {1000 * fit.x[0]:.0f} Angstrom, SOFTENING {1000 * fit.x[1]:.0f} Angstrom")
    off = fitted(fit.x) - published
    for i, name in enumerate(NAMES):
        rms = np.sqrt((off[i] ** 2).mean(axis=0))
        print(f"{name}: slope {fit.x[2 + 2 * i]:.2f}, depth {fit.x[3 + 2 * i]:.2f};", end=" ")
        told = zip(catalogue.BANDS, rms, strict=True)
        print("rms of", ", ".join(f"{band} - r {value:.2f}" for band, value in told if band != "r"), "mag")
    print(f"all: rms {np.sqrt((off**2).mean()):.3f} mag, redshifts 0 to {REDSHIFTS[-1]}")


def colours(wavelength: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Magnitudes relative to r [redshift, band] of a spectrum f_lambda, through the bands of the simulated sky."""
    seen, weight = catalogue.photons()
    f_lambda = np.interp(seen / (1 + REDSHIFTS[:, None, None]), wavelength, flux)
    mag = -2.5 * np.log10((f_lambda * weight).sum(axis=-1) / (weight / seen**2).sum(axis=-1))
    return mag - mag[:, 2:3]


def fitted(values: np.ndarray) -> np.ndarray:
    """The same of the simulated types [type, redshift, band], at BREAK, SOFTENING [1000 Angstrom], slopes, depths."""
    catalogue.BREAK, catalogue.SOFTENING = 1000 * values[:2]
    pairs = np.repeat(values[2:].reshape(-1, 1, 2), len(REDSHIFTS), axis=1)
    return np.stack([catalogue.template_colours(REDSHIFTS, *pair.T) for pair in pairs])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
