"""Scores by slice: how well, and how honestly, the network answers along a column of the catalogue."""

from starbolt.report.slices.figures import draw
from starbolt.report.slices.measured import Measured, measure

__all__ = ["Measured", "draw", "measure"]
