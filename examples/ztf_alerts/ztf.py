"""ZTF alerts as images, table and light curve at once: an archive of one's own, read straight from Parquet.

Each alert (Bellm et al. 2019, doi:10.1088/1538-3873/aaecbe) is a row with three gzipped FITS stamps, a struct of
measurements and the object's history of the last 30 days.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives import Archive, Sample
from starbolt.archives.reading.columns import column
from starbolt.archives.reading.files import read_table
from starbolt.archives.stamps.cutouts import resized
from starbolt.archives.stamps.pixels import read_image

STAMPS = ("cutoutScience", "cutoutTemplate", "cutoutDifference")
FIELDS = ("magpsf", "sigmapsf", "magdiff", "fwhm", "elong", "distnr", "magnr", "sgscore1", "distpsnr1", "ndethist")
BANDS = {1: "g", 2: "r"}  # the filter number `fid`
PIXELS = 63


class AlertArchive(Archive):
    """A folder of Parquet files with enriched ZTF alerts; the score `rb` (0 bogus to 1 real) is in the catalogue."""

    id = "candid"
    channels = {"image": ("science", "template", "difference"), "table": FIELDS, "series": tuple(BANDS.values())}  # noqa: RUF012
    units = {"image": ("adu",) * 3, "table": ("mag",) * 3 + ("",) * 7, "series": ("mag",) * 2}  # noqa: RUF012

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> pa.Table:
        table = read_table(self.path)
        for name in ("rb", "drb", "ra", "dec"):
            table = table.append_column(name, column(table, f"candidate.{name}"))
        return table.select([*STAMPS, "candidate", "prv_candidates", "candid", "objectId", "rb", "drb", "ra", "dec"])

    def load(self, row: dict[str, Any]) -> dict[str, Sample]:
        stamps = [resized(read_image(row[name]["stampData"]), PIXELS)[0] for name in STAMPS]
        fields = np.array([row["candidate"][name] for name in FIELDS], np.float32)
        points = [
            p
            for p in [*(row["prv_candidates"] or []), row["candidate"]]
            if p["magpsf"] is not None and p["fid"] in BANDS
        ]
        magnitude = np.full((2, len(points)), np.nan, np.float32)
        error = magnitude.copy()
        for step, point in enumerate(points):
            magnitude[point["fid"] - 1, step], error[point["fid"] - 1, step] = point["magpsf"], point["sigmapsf"]
        history = Sample(magnitude, error, time=np.array([point["jd"] for point in points]))
        return {"image": Sample(np.stack(stamps)), "table": Sample(fields), "series": history}
