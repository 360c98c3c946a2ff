"""Is one setting better than another? Paired, on the objects that all scored, over their seeds and folds."""

from starbolt.report.compare.differences import Compared, compare

__all__ = ["Compared", "compare"]
