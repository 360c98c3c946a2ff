"""The packed store: every object decoded once into memory-mapped Arrow, named by the fingerprint of its sources."""

from starbolt.store.pack import pack
from starbolt.store.store import Store

__all__ = ["Store", "pack"]
