"""The report in a browser: on a phone and on a screen, light and dark, every figure drawn and nothing to complain of.

Chromium loads a page that holds the report in a frame of the given width, looks into the frame, and writes what it
found into its own document, which Chromium prints: no driver is needed.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from starbolt.report import write

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
    "--hide-scrollbars", "--enable-logging=stderr", "--virtual-time-budget=20000",
)  # fmt: skip
HARNESS = """<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre>
<iframe id="frame" style="border: 0; width: WIDTHpx; height: 900px"></iframe>
<script>
const frame = document.getElementById("frame");
frame.addEventListener("load", () => { // by when every image is loaded, or has failed
  const page = frame.contentDocument, root = page.documentElement, images = [...page.images];
  const drawn = images.filter(image => image.complete && image.naturalWidth > 0 && image.naturalHeight > 0);
  page.querySelectorAll("details").forEach(details => { details.open = true; });
  const wide = [...page.querySelectorAll("main *")].filter(part =>
    !part.closest(".scroll") && part.getBoundingClientRect().right > root.clientWidth + 1);
  document.getElementById("found").textContent = JSON.stringify({
    width: root.clientWidth, scroll: root.scrollWidth, images: images.length, drawn: drawn.length,
    faults: images.filter(image => !drawn.includes(image)).map(image => image.alt),
    loaded: frame.contentWindow.performance.getEntriesByType("resource").map(entry => entry.name),
    ground: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
    wide: wide.map(part => part.tagName + " " + part.className),
  });
});
frame.src = "PAGE";
</script>
"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")]


@dataclass(frozen=True)
class Seen:
    """What was found in the frame, and what the browser said to its console."""

    found: dict
    console: list[str]


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Seen]:
    """Open a page in a frame so many pixels wide."""

    def open_page(page: Path, width: int, *, dark: bool = False) -> Seen:
        harness = tmp_path / f"harness_{width}.html"
        harness.write_text(HARNESS.replace("WIDTH", str(width)).replace("PAGE", page.as_uri()))
        own = [f"--user-data-dir={tmp_path / f'chromium_{width}_{dark}'}", f"--window-size={width + 100},1000"]
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        assert CHROMIUM is not None
        command = [CHROMIUM, *FLAGS, *own, scheme, "--dump-dom", harness.as_uri()]
        told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        text = re.search(r'<pre id="found">(.+?)</pre>', told.stdout, re.DOTALL)
        assert text, told.stderr
        return Seen(
            json.loads(html.unescape(text[1])), [line for line in told.stderr.splitlines() if "CONSOLE" in line]
        )

    return open_page


@pytest.fixture(params=["image_run", "series_run", "table_run"])
def page(request: pytest.FixtureRequest) -> Path:
    made = request.getfixturevalue(request.param)
    return write(made if isinstance(made, Path) else made(500))


@pytest.mark.parametrize("width", [390, 1280])
def test_every_figure_is_drawn_and_nothing_is_wider_than_the_page(
    page: Path, look: Callable[..., Seen], width: int
) -> None:
    seen = look(page, width)
    assert seen.console == []
    assert seen.found["width"] == width
    assert seen.found["scroll"] <= width
    assert seen.found["wide"] == []
    assert seen.found["faults"] == []
    assert seen.found["drawn"] == seen.found["images"] > 5
    assert [name for name in seen.found["loaded"] if not name.startswith("data:")] == []


def test_the_page_is_dark_where_the_reader_wants_it(series_run: Path, look: Callable[..., Seen]) -> None:
    made = write(series_run)
    light, dark = (look(made, 390, dark=dark).found["ground"] for dark in (False, True))
    assert sum(map(int, re.findall(r"\d+", light))) > 600 > 200 > sum(map(int, re.findall(r"\d+", dark)))


def test_the_look_itself_finds_faults(tmp_path: Path, look: Callable[..., Seen]) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<!DOCTYPE html><meta name="viewport" content="width=device-width"><main><img alt="gone" src="gone.png">'
        '<p style="width: 900px">wide</p></main><script>nothing()</script>'
    )
    seen = look(bad, 390)
    assert seen.console
    assert seen.found["scroll"] > 390
    assert "P " in seen.found["wide"]
    assert (seen.found["drawn"], seen.found["faults"]) == (0, ["gone"])
