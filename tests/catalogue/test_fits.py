"""A FITS table that is streamed is the one that astropy would have read and written, down to its checksums."""

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.units import Unit

from starbolt.archives.fits.checksums import ONES, ones_sum, verify
from starbolt.archives.reading.files import read_table
from starbolt.catalogue.fits import encoded, write_fits
from starbolt.catalogue.partitions import Parts
from starbolt.catalogue.plan import Plan
from starbolt.catalogue.writing import described
from starbolt.compose import UserError

pytestmark = pytest.mark.filterwarnings("ignore:'no such unit' did not parse")


@pytest.fixture
def file(parts, tmp_path):
    write_fits(parts, tmp_path / "out.fits")
    return tmp_path / "out.fits"


def test_astropy_reads_the_columns_as_they_were(file, whole):
    table = Table.read(file)
    assert table.colnames == whole.column_names
    for name in ("row", "flux", "mag", "count", "set_E"):
        assert table[name].dtype.newbyteorder("=") == np.asarray(whole[name]).dtype
        assert np.array_equal(table[name], np.asarray(whole[name]), equal_nan=name == "mag")
    for name in ("id", "prediction", "outside"):
        found = table[name].filled("") if hasattr(table[name], "filled") else table[name]
        assert [str(word) for word in found] == whole[name].to_pylist()
    assert table["density"].shape == (23, 4)
    assert np.array_equal(table["density"], np.array(whole["density"].to_pylist(), np.float32))
    assert np.array_equal(table["only"], np.arange(23.0)), "one number is no vector to FITS"


def test_units_and_origin_stand_in_it(file, plan):
    table = Table.read(file)
    assert table["flux"].unit == Unit("uJy")
    assert table["density"].unit == Unit("1/Mpc")
    assert table["id"].unit is None
    assert str(table["mag"].unit) == "no such unit"
    header = fits.getheader(file, 1)
    assert (header["SB_MODEL"], header["SB_DATA"]) == (plan.model, plan.data)
    assert header["SB_CKPT"] == plan.about["checkpoint"]
    assert header["TUNIT3"] == "uJy"


def test_it_is_whole_blocks_and_its_sums_are_right(file):
    assert file.stat().st_size % 2880 == 0
    with fits.open(file, checksum=True) as hdus:  # a wrong sum is a warning, and warnings are errors
        hdus.verify("exception")
        assert "CHECKSUM" in hdus[1].header
    content = bytearray(file.read_bytes())
    verify(content, "out.fits")
    content[-2880] ^= 1
    with pytest.raises(ValueError, match="DATASUM"):
        verify(content, "out.fits")


def test_we_read_it_ourselves(file, whole):
    table = read_table(str(file))
    assert np.array_equal(np.asarray(table["flux"]), np.asarray(whole["flux"]))
    assert table["prediction"].to_pylist() == whole["prediction"].to_pylist()
    assert table.schema.field("flux").metadata == {b"unit": b"uJy"}


def test_letters_that_fits_does_not_know_are_told(tmp_path):
    plan = Plan("m", "d", 2, 2)
    parts = Parts(tmp_path / "parts", plan)
    parts.begin()
    parts.write(0, described(pa.table({"id": ["a", "Ångström"]}), {}, plan.metadata))
    with pytest.raises(UserError, match=r"column 'id' has 'Ångström'; say output=FILE.parquet"):
        write_fits(parts, tmp_path / "out.fits")


def test_the_letters_of_a_checksum_are_letters_and_sum_to_it():
    zeros = ones_sum(b"0" * 16, 0, 16)
    for value in (0, 1, ONES, 0x3A3B5B60, *np.random.default_rng(0).integers(0, ONES, 300).tolist()):
        word = encoded(value)
        assert len(word) == 16
        assert word.isalnum()
        turned = word[1:] + word[:1]  # as it lies on words of four bytes in the header
        assert (ones_sum(turned.encode(), 0, 16) - zeros - value) % ONES == 0


def test_the_example_of_the_standard():
    assert encoded(ONES - 868229149) == "hcHjjc9ghcEghc9g"  # FITS standard 4.0, appendix J.3
