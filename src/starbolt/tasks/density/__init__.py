"""Predicted distributions: Gaussians and their mixtures, histograms, and what calibration makes of them."""

from starbolt.tasks.density.base import Density, Judged, judged, ndtr
from starbolt.tasks.density.histogram import Histogram
from starbolt.tasks.density.made import Logarithmic, Warped, warped, warped_alike
from starbolt.tasks.density.mixture import Mixture

__all__ = [
    "Density",
    "Histogram",
    "Judged",
    "Logarithmic",
    "Mixture",
    "Warped",
    "judged",
    "ndtr",
    "warped",
    "warped_alike",
]
