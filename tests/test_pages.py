"""Each error points to a page that is there: to the part of Starbolt that noticed it, and to a heading of the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import starbolt
from starbolt.compose import UserError, compose
from starbolt.data.audit import Audit, Audited, AuditError, Finding
from starbolt.pages import PAGES, SITE, page_of

SOURCE = Path(starbolt.__file__).parent
DOCS = Path(__file__).parents[1] / "docs"


def headings(page: Path) -> set[str]:
    """Of a page, as GitHub and the site name them in links."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("address", sorted(set(PAGES.values())))
def test_the_page_and_its_heading_are_there(address):
    file, _, heading = address.partition("#")
    assert (DOCS / file).is_file()
    assert not heading or heading in headings(DOCS / file)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_each_name_is_a_part_of_starbolt(name):
    place = SOURCE / name.replace(".", "/")
    assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def test_the_site_is_the_folder_of_the_pages():
    assert SITE.endswith("/docs")


def raised(kind: type[Exception], made) -> BaseException:
    with pytest.raises(kind) as caught:
        made()
    return caught.value


def test_the_part_that_noticed_an_error_names_the_page():
    found = Audited(findings=(Finding("ids", "one id stands in two parts", 1, "drop it"),))
    assert page_of(raised(AuditError, found.refuse)).endswith("/splits.md#the-audit")
    assert page_of(raised(ValueError, lambda: Audit(waive="nothing"))).endswith("/splits.md#the-audit")
    assert page_of(raised(UserError, lambda: compose(["data=table"]))).endswith("/words.md")


def test_an_error_from_elsewhere_has_a_page_too():
    assert page_of(raised(ZeroDivisionError, lambda: 1 / 0)).endswith("/howto.md")
    assert page_of(ValueError("never raised")).endswith("/howto.md")
