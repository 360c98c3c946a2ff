"""What the network looks at: filters, maps, columns, stretches of time, and where in its own space objects lie."""

from starbolt.explain.whole import explain, write_explanation

__all__ = ["explain", "write_explanation"]
