"""Measurements of many objects over time or wavelength: found, matched, cleaned, merged, folded."""
