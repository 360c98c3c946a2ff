"""A cut-out from a mosaic is astropy's Cutout2D, pixel for pixel, and what lies beyond the edge is unmeasured."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

from starbolt.archives.images import ImageArchive

RNG = np.random.default_rng(0)
SCALE = 0.4  # [arcsec]
SHAPE = (60, 80)


def wcs(ra=150.0, frame=("RA---TAN", "DEC--TAN"), dec=2.0):
    about = WCS(naxis=2)
    about.wcs.ctype, about.wcs.crval, about.wcs.crpix = frame, [ra, dec], [40, 30]
    angle = np.radians(20)
    turn = np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    about.wcs.cd = turn * SCALE / 3600
    return about


def write(path, data, about, **planes):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(data, about.to_header(), name="SCI")]
    hdus += [fits.ImageHDU(plane, name=name) for name, plane in planes.items()]
    fits.HDUList(hdus).writeto(path)


def at(about, *pixels):
    """A catalogue of positions, by their pixels (x, y)."""
    sky = about.pixel_to_world([x for x, _ in pixels], [y for _, y in pixels]).icrs
    return pa.table({"id": [f"o{i}" for i in range(len(pixels))], "ra": sky.ra.deg, "dec": sky.dec.deg})


def cut(catalogue, mosaic, size=9, **words):
    archive = ImageArchive(catalogue, mosaic=mosaic, ra="ra", dec="dec", size=size, **words)
    return archive, archive.load_rows(archive.read())["image"]


def reference(data, about, catalogue, size):
    sky = SkyCoord(catalogue["ra"].to_numpy(), catalogue["dec"].to_numpy(), unit="deg")
    options = {"mode": "partial", "fill_value": np.nan, "wcs": about}
    return np.stack([Cutout2D(data.astype("f4"), one, size, **options).data for one in sky])


PIXELS = [(40, 30), (0.2, 59.1), (78.6, 3.3), (20.5, 20.49)]


@pytest.mark.parametrize("frame", [("RA---TAN", "DEC--TAN"), ("GLON-TAN", "GLAT-TAN")])
@pytest.mark.parametrize("size", [1, 8, 9, 200])
def test_a_cut_out_is_that_of_astropy(tmp_path, size, frame):
    data, about = RNG.normal(size=SHAPE).astype("f4"), wcs(frame=frame)
    write(tmp_path / "m.fits", data, about)
    catalogue = at(about, *PIXELS)
    archive, image = cut(catalogue, str(tmp_path / "m.fits"), size)
    np.testing.assert_array_equal(image.x[:, 0], reference(data, about, catalogue, size))
    assert image.x.shape == (4, 1, size, size)
    assert archive.channels == ("SCI",)
    assert archive.pixel_scale == pytest.approx(SCALE, rel=1e-4)
    assert archive.sources(catalogue) == ["", "", str(tmp_path / "m.fits")]


@pytest.mark.parametrize("kind", ["fz", "gz", "unsigned", "cube"])
def test_compressed_integer_and_cube_mosaics(tmp_path, kind):
    data, about, path = RNG.integers(0, 900, SHAPE).astype("i2"), wcs(), str(tmp_path / f"m.fits.{kind}")
    if kind == "fz":
        hdus = [fits.PrimaryHDU(), fits.CompImageHDU(data, about.to_header(), tile_shape=(16, 16))]
        fits.HDUList(hdus).writeto(path)
    elif kind == "gz":
        write(tmp_path / "m.fits", data, about)
        Path(path).write_bytes(gzip.compress((tmp_path / "m.fits").read_bytes()))
    else:
        write(path, np.stack([data, data + 1]) if kind == "cube" else data.astype("u2"), about)
    catalogue = at(about, *PIXELS)
    image = cut(catalogue, path)[1]
    np.testing.assert_array_equal(image.x[:, 0], reference(data, about, catalogue, 9))
    assert image.x.dtype == np.float32
    assert image.x.shape[1] == (2 if kind == "cube" else 1)


def test_the_tile_that_holds_it_best_is_cut_by_pattern_by_column_and_by_band(tmp_path):
    tiles = {}
    for i, ra in enumerate([150.0, 150.0 - 50 * SCALE / 3600]):  # they overlap
        for band in "gr":
            tiles[band, i] = RNG.normal(size=SHAPE).astype("f4")
            write(tmp_path / f"t{i}_{band}.fits", tiles[band, i], wcs(ra))
    catalogue = at(wcs(), (40, 30), (75, 12)).append_column("field", pa.array(["t0", "t1"]))
    edges = [150.0, 150.0 - 50 * SCALE / 3600]
    best = np.concatenate([reference(tiles["r", i], wcs(edges[i]), catalogue.slice(i, 1), 9) for i in (0, 1)])
    for mosaic, words in (("t*_r.fits", {"root": str(tmp_path)}), (str(tmp_path / "{field}_r.fits"), {})):
        np.testing.assert_array_equal(cut(catalogue, mosaic, **words)[1].x[:, 0], best)
    archive, image = cut(catalogue, ["*_g.fits", "*_r.fits"], root=str(tmp_path))
    np.testing.assert_array_equal(image.x[:, 1], best)
    assert archive.channels == ("g", "r")


def test_masks_and_errors_come_along(tmp_path):
    data, about = np.ones(SHAPE, "f4"), wcs()
    mask, variance = np.zeros(SHAPE, "i2"), np.full(SHAPE, 4.0, "f4")
    mask[30, 40], mask[31, 41], variance[28, 40] = 4, 1, 0
    write(tmp_path / "m.fits", data, about, DQ=mask, VAR=variance)
    words = {"mask_hdu": "DQ", "mask_bits": [2], "variance_hdu": "VAR"}
    image = cut(at(about, (40, 30), (0, 30)), str(tmp_path / "m.fits"), 5, **words)[1]
    assert np.argwhere(np.isnan(image.x[0, 0])).tolist() == [[0, 2], [2, 2]]
    assert np.nanmax(image.err) == np.nanmin(image.err) == 2
    assert np.isnan(image.err[1, 0, :, :2]).all()
    assert np.isnan(image.x[1, 0, :, :2]).all()


def test_planes_of_another_shape_are_refused(tmp_path):
    write(tmp_path / "m.fits", np.ones(SHAPE, "f4"), wcs(), DQ=np.zeros((20, 20), "i2"))
    with pytest.raises(ValueError, match=r"m\.fits: HDU 'DQ' is 20x20, the image 60x80"):
        cut(at(wcs(), (40, 30)), str(tmp_path / "m.fits"), mask_hdu="DQ")


def test_a_size_on_the_sky_is_in_pixels_of_the_mosaic(tmp_path):
    write(tmp_path / "m.fits", np.ones(SHAPE, "f4"), wcs())
    assert cut(at(wcs(), (40, 30)), str(tmp_path / "m.fits"), "4 arcsec")[1].x.shape == (1, 1, 10, 10)
    assert cut(at(wcs(), (40, 30)), str(tmp_path / "m.fits"), "0.1 arcmin")[1].x.shape == (1, 1, 15, 15)
    with pytest.raises(ValueError, match=r"data.size='4 pc' is neither a number of pixels nor an angle"):
        cut(at(wcs(), (40, 30)), str(tmp_path / "m.fits"), "4 pc")


def test_positions_outside_are_left_out_and_counted(tmp_path):
    write(tmp_path / "m.fits", np.ones(SHAPE, "f4"), wcs())
    catalogue = at(wcs(), (40, 30), (200, 30), (-1, 30))
    archive = ImageArchive(catalogue, mosaic=str(tmp_path / "m.fits"), ra="ra", dec="dec", size=8)
    assert archive.read().to_pylist() == catalogue.slice(0, 1).to_pylist()
    assert archive.tally == {"objects left out because they lie in no mosaic": 2}


def test_positions_all_outside_are_a_sentence(tmp_path):
    write(tmp_path / "m.fits", np.ones(SHAPE, "f4"), wcs())
    with pytest.raises(
        ValueError, match=r"row 0 \(ra=149.98.*, dec=2.* deg\) lies in no mosaic .* 2 of 2 objects.*where"
    ):
        cut(at(wcs(), (200, 30), (-1, 30)), str(tmp_path / "m.fits"))
    opposite = pa.table({"ra": [330.0, None], "dec": [-2.0, 2.0]})
    with pytest.raises(ValueError, match=r"2 of 2 objects"):
        cut(opposite, str(tmp_path / "m.fits"))


def test_what_cannot_be_cut_from_is_a_sentence(tmp_path):
    catalogue, path = at(wcs(), (40, 30)), str(tmp_path / "m.fits")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*m\.fits"):
        cut(catalogue, path)
    with pytest.raises(FileNotFoundError, match=r"no mosaic matches 'n\*.fits'"):
        cut(catalogue, "n*.fits")
    with pytest.raises(ValueError, match="no column 'tile'"):
        cut(catalogue, "tile")
    with pytest.raises(ValueError, match=r"needs data.ra=COLUMN data.dec=COLUMN"):
        ImageArchive(catalogue, mosaic=path, size=9)
    fits.PrimaryHDU(np.ones(SHAPE)).writeto(path)
    with pytest.raises(ValueError, match=r"m\.fits has no celestial coordinates"):
        cut(catalogue, path)
    write(tmp_path / "n.fits", np.ones(SHAPE, "f4"), wcs())
    (tmp_path / "n.fits").write_bytes((tmp_path / "n.fits").read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"n\.fits is truncated or damaged"):
        cut(catalogue, str(tmp_path / "n.fits"))


def test_only_the_part_needed_is_read(tmp_path):
    about, path = wcs(), tmp_path / "big.fits"
    hdu = fits.PrimaryHDU(np.zeros((2, 2), "f4"), about.to_header())
    hdu.header.update({"NAXIS1": 40_000, "NAXIS2": 40_000})
    header = hdu.header.tostring(endcard=True, padding=True).encode()
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + -(-6_400_000_000 // 2880) * 2880)  # 6.4 GB of holes
    image = cut(at(about, (20_000, 30_000)), str(path))[1]
    np.testing.assert_array_equal(image.x, np.zeros((1, 1, 9, 9)))


def test_a_mosaic_with_an_absurd_header_is_told_at_once(tmp_path):
    """Astropy would look for a hundred million axes."""
    write(tmp_path / "m.fits", np.ones(SHAPE, "f4"), wcs())
    content = (tmp_path / "m.fits").read_bytes()
    harmed = content.replace(b"NAXIS   =                    2", b"NAXIS   =             99999999", 1)
    assert harmed != content
    (tmp_path / "m.fits").write_bytes(harmed)
    with pytest.raises(ValueError, match=r"^\S*m\.fits is damaged: HDU 1 says NAXIS = 99999999"):
        cut(at(wcs(), (40, 30)), str(tmp_path / "m.fits"))
