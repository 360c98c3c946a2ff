"""Variable stars as a two-band survey sees them: seasons and gaps, clouds, errors that grow with magnitude.

Four classes: RR Lyrae, Cepheids, eclipsing binaries and Miras. Their brightness, and largely their amplitudes and
colours, overlap; what tells them apart is how fast, how steeply and how differently in g and r they change.
docs/sky.md tells each constant and its source, and how hard the task is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from starbolt.simulate.catalogue import sky_positions
from starbolt.simulate.noise import measured
from starbolt.simulate.supernovae import BLUE_FALL, draw_supernovae, fading

BANDS = ("g", "r")
DEPTH = np.array([20.8, 20.6])  # mag at 5 sigma of g and r; ZTF, Masci et al. 2019, PASP 131, 018003
CLASSES = {"rr_lyrae": 0.35, "cepheid": 0.2, "eclipsing": 0.3, "mira": 0.15}  # shares; chosen, unlike the sky's
SEASONS, SEASON, YEAR = 2, 110, 365.25  # count; length and spacing [d]; chosen
START = 58200.0  # MJD of the first night; ZTF began in March 2018, Bellm et al. 2019, PASP 131, 018002
NIGHTS = (38, 83)  # nights a star is observed in all its seasons; every third night of 220 are 73
BETWEEN = 0.042  # d from the g to the r exposure of a night: an hour, as ZTF's public survey is scheduled
CLOUDED = 0.1  # fraction of exposures lost; chosen
MEAN = (15.0, 18.8)  # mag, range of mean r, the same for all classes; chosen
REDDENING = 0.4  # mag, mean of an exponential E(B-V); chosen: most variables of ZTF are near the Galactic plane
DUST = 3.303 - 2.285  # E(g-r) / E(B-V) in SDSS bands; Schlafly & Finkbeiner 2011, ApJ 737, 103, table 6


class Stars(NamedTuple):
    """N stars: arrays [N] unless said.

    kind: a name of CLASSES; mean [mag] in r, of eclipsing stars outside the eclipses; colour: mean g - r [mag],
    reddened; period [d]; phase at START; amplitude [N, 2]: peak to peak, or depth of the first eclipse [mag], in g and
    r; shape: 0 to 1, how steep a pulsator rises, how wide an eclipse is.
    """

    kind: np.ndarray
    mean: np.ndarray
    colour: np.ndarray
    period: np.ndarray
    phase: np.ndarray
    amplitude: np.ndarray
    shape: np.ndarray


class Seen(NamedTuple):
    """N objects as observed: kind, ra and dec [deg], each [N]; of P points the rest, each [P].

    star: the number of the object; mjd [d]; band: 0 g, 1 r; mag and its error [mag].
    """

    kind: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    star: np.ndarray
    mjd: np.ndarray
    band: np.ndarray
    mag: np.ndarray
    error: np.ndarray


def write_stars(
    photometry: Path, stars: Path, count: int, rng: np.random.Generator, difficulty: float = 1.0, supernovae: int = 0
) -> None:
    """Write `count` stars and some supernovae to `stars`, their measurements, a row each, to `photometry`: Parquet."""
    parts = {"S": seen_stars(count, rng, difficulty)}
    if supernovae:
        parts["N"] = seen_supernovae(supernovae, rng.spawn(1)[0], difficulty)
    heads, points = [], []
    for letter, seen in parts.items():
        names = np.array([f"{letter}{i:06d}" for i in range(1, len(seen.kind) + 1)])
        total, counts = (np.bincount(seen.star, weight, len(names)) for weight in (seen.mag, None))
        mean_mag = np.where(counts > 0, total / np.maximum(counts, 1), np.nan).astype(np.float32)
        heads.append({"objid": names, "ra": seen.ra, "dec": seen.dec, "mean_mag": mean_mag, "class": seen.kind})
        mag, error = seen.mag.astype(np.float32), seen.error.astype(np.float32)
        band = np.array(BANDS)[seen.band]
        points.append({"objid": names[seen.star], "mjd": seen.mjd, "band": band, "mag": mag, "mag_err": error})
    pq.write_table(_with_units(_joined(heads), ra="deg", dec="deg", mean_mag="mag"), stars)
    pq.write_table(_with_units(_joined(points), mjd="d", mag="mag", mag_err="mag"), photometry)


def seen_stars(count: int, rng: np.random.Generator, difficulty: float) -> Seen:
    """`count` stars of the four classes as observed."""
    drawn = draw_stars(count, rng)
    star, mjd, band = observe(count, rng)
    points = _found(magnitude(drawn, star, mjd, band), star, mjd, band, rng, difficulty)
    return Seen(drawn.kind, *sky_positions(count, rng), *points)


def seen_supernovae(count: int, rng: np.random.Generator, difficulty: float) -> Seen:
    """`count` supernovae as observed; each is at its peak in one of the exposures in r, so that all are seen."""
    drawn = draw_supernovae(count, rng)
    star, mjd, band = observe(count, rng)
    in_r = rng.permutation(np.flatnonzero(band == 1))
    peak = mjd[in_r[np.unique(star[in_r], return_index=True)[1]]]  # of each the first in this order
    reddened = drawn["colour"] + DUST * rng.exponential(REDDENING, count)
    fall = drawn["fall"][star] * np.where(band == 0, BLUE_FALL, 1.0)
    below = fading(mjd - peak[star], drawn["rise"][star], fall)
    true = drawn["peak"][star] + np.where(band == 0, reddened[star], 0.0) + below
    points = _found(true, star, mjd, band, rng, difficulty)
    return Seen(np.full(count, "supernova"), *sky_positions(count, rng), *points)


def _found(
    true: np.ndarray, star: np.ndarray, mjd: np.ndarray, band: np.ndarray, rng: np.random.Generator, difficulty: float
) -> tuple[np.ndarray, ...]:
    mag, error = measured(true, DEPTH[band], rng, difficulty)
    found = mag < DEPTH[band]  # False too where there was no positive flux
    return tuple(values[found] for values in (star, mjd, band, mag, error))


def _joined(tables: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def draw_stars(count: int, rng: np.random.Generator) -> Stars:
    """`count` stars of the four classes, without the times at which they are observed."""
    kind = rng.choice(list(CLASSES), count, p=list(CLASSES.values()))
    drawn = {name: np.stack(draw(count, rng)) for name, draw in _DRAW.items()}
    period, amplitude, ratio, colour, shape = sum((kind == name) * values for name, values in drawn.items())
    return Stars(
        kind, rng.uniform(*MEAN, count), colour + DUST * rng.exponential(REDDENING, count), period, rng.random(count),
        np.stack([amplitude, amplitude * ratio], axis=1), shape,
    )  # fmt: skip


def observe(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of the star, MJD [d] and band (0 g, 1 r) of each point of `count` stars, [P], by star, then time."""
    nights = rng.integers(*NIGHTS, count, endpoint=True)
    star = np.repeat(np.arange(count), nights)
    season, day = np.divmod(np.concatenate([rng.permutation(SEASONS * SEASON)[:n] for n in nights]), SEASON)
    night = START + np.floor(YEAR * season) + day + rng.normal(0.3, 0.08, len(star))
    star, band = np.repeat(star, 2), np.tile([0, 1], len(star))
    mjd = np.repeat(night, 2) + BETWEEN * band
    seen = rng.random(len(mjd)) > CLOUDED
    order = np.lexsort((mjd[seen], star[seen]))
    return star[seen][order], mjd[seen][order], band[seen][order]


def magnitude(stars: Stars, star: np.ndarray, mjd: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Magnitudes [P] without noise of star number `star` at `mjd` [d] in `band` (0 g, 1 r), each [P]."""
    phase = (mjd - START) / stars.period[star] + stars.phase[star]
    kind, shape, amplitude = stars.kind[star], stars.shape[star], stars.amplitude[star, band]
    curve = np.where(kind == "eclipsing", eclipses(phase, shape), pulse(phase, shape))
    return stars.mean[star] + np.where(band == 0, stars.colour[star], 0.0) + amplitude * curve


def pulse(phase: np.ndarray, steepness: np.ndarray) -> np.ndarray:
    """A pulsation of unit height, peak to peak, and mean 0: a sine at steepness 0, fast rise and slow decline at 1."""
    grid, height = _heights()
    return _harmonics(phase, steepness) / np.interp(steepness, grid, height)


def _harmonics(phase: np.ndarray, steepness: np.ndarray) -> np.ndarray:
    angle = -2 * np.pi * phase  # backwards, since magnitudes fall where the light rises
    return sum((steepness ** (k - 1) * np.sin(k * angle) / k for k in (2, 3, 4)), np.sin(angle))


@cache
def _heights() -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(0, 1, 101)
    return grid, np.ptp(_harmonics(np.linspace(0, 1, 1001), grid[:, None]), axis=1)


def eclipses(phase: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Two dips an orbit, 1 and 0.3 to 0.9 deep: narrow and unequal at `width` 0, touching and alike at 1."""
    sigma = 0.025 + 0.09 * width
    apart = np.abs(phase % 1 - 0.5)  # 0.5 at the primary eclipse
    return np.exp(-0.5 * ((apart - 0.5) / sigma) ** 2) + (0.3 + 0.6 * width) * np.exp(-0.5 * (apart / sigma) ** 2)


# Per star: period [d], amplitude in g [mag], amplitude r / g, g - r [mag], shape. Chosen where no source is named.
# Sesar: Sesar et al. 2010, ApJ 708, 717, table 2, of which the first 54 stars were read.


def _rr_lyrae(count: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """First-overtone pulsators (RRc) are 91 of 407 in Watkins et al. 2009, MNRAS 398, 1757. Mean periods: Soszynski et
    al. 2009, Acta Astronomica 59, 1; their scatter, amplitudes, ratios and colours: Sesar."""
    first = rng.random(count) < 0.22
    period = np.where(first, rng.normal(0.337, 0.045, count), rng.normal(0.576, 0.08, count))
    amplitude = np.where(first, rng.uniform(0.35, 0.6, count), rng.uniform(0.4, 1.4, count))
    colour = np.where(first, rng.normal(0.06, 0.04, count), rng.normal(0.12, 0.06, count))
    steep = np.where(first, rng.uniform(0.0, 0.3, count), rng.uniform(0.7, 1.0, count))
    return period, amplitude, rng.normal(0.72, 0.04, count), colour, steep


def _cepheid(count: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Fundamental mode alone. Logarithms of the periods: two sigma are the range 0.4 to 1.6 of 321 stars of the Galaxy,
    Tammann et al. 2003, A&A 404, 423."""
    period = 10 ** rng.normal(1.0, 0.3, count)
    steep = rng.uniform(0.4, 0.9, count)
    return period, rng.uniform(0.3, 1.2, count), rng.normal(0.65, 0.04, count), rng.normal(0.45, 0.12, count), steep


def _eclipsing(count: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Close binaries touch and turn fast: at width 1 near 0.40 d, the commonest period (Pietrukowicz et al. 2013, Acta
    Astronomica 63, 115), within the 0.235 to 0.990 d of contact binaries (Hong et al. 2022, AJ 163, 157)."""
    width = rng.uniform(0, 1, count)
    period = 10 ** rng.normal(0.5 - 0.9 * width, 0.3 - 0.15 * width, count)
    amplitude = rng.uniform(0.3, 1.5 - 0.75 * width, count)
    return period, amplitude, rng.normal(0.97, 0.03, count), rng.normal(0.4, 0.25, count), width


def _mira(count: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Of the periods of 80 to 1000 d in the General Catalogue of Variable Stars, those that two seasons can show. Most
    are semiregular, as in the Large Magellanic Cloud (Soszynski et al. 2009, Acta Astronomica 59, 239). Redder than
    most red giants, 0.29 to 1.33 mag (Karaali & Yaz Gokce 2013, arXiv:1306.3665)."""
    period = rng.uniform(100, 450, count)
    amplitude = 0.4 + rng.exponential(1.2, count)
    return period, amplitude, rng.normal(0.75, 0.06, count), rng.normal(1.1, 0.25, count), rng.uniform(0, 0.4, count)


_DRAW = {"rr_lyrae": _rr_lyrae, "cepheid": _cepheid, "eclipsing": _eclipsing, "mira": _mira}


def _with_units(columns: dict[str, np.ndarray], **units: str) -> pa.Table:
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    fields = [f.with_metadata({"unit": units[f.name]}) if f.name in units else f for f in table.schema]
    return table.cast(pa.schema(fields))
