"""FITS itself: where headers and data lie, checksums, plain images read fast and all others by astropy."""
