"""Splits: which objects train, validate, calibrate and test, and how earlier splits are kept."""

from starbolt.data.splits.dealing import PARTS, Candidates, split_fingerprint
from starbolt.data.splits.splitters import Column, Hash, KFold, Sky, Splitter, Stratified, Time

__all__ = [
    "PARTS",
    "Candidates",
    "Column",
    "Hash",
    "KFold",
    "Sky",
    "Splitter",
    "Stratified",
    "Time",
    "split_fingerprint",
]
