"""Starbolt: neural networks for astronomers, from the measured file to an answer that a referee believes."""

__version__ = "0.1.0"
