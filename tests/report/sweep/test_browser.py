"""The page of a sweep in a browser: nothing is wider than a phone, and a click on a heading sorts."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from starbolt.report.sweep import write_sweep

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
    "--hide-scrollbars", "--virtual-time-budget=20000",
)  # fmt: skip
HARNESS = """<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre>
<iframe id="frame" style="border: 0; width: WIDTHpx; height: 900px"></iframe>
<script>
const frame = document.getElementById("frame");
frame.addEventListener("load", () => {
  const page = frame.contentDocument, table = page.querySelector("#all-trials table");
  const column = i => [...table.tBodies[0].rows].map(row => row.cells[i].textContent);
  const orders = [...table.tHead.rows[0].cells].map((head, i) => {
    const button = head.querySelector("button"), read = () => [column(i), head.getAttribute("aria-sort")];
    button.click();
    const up = read();
    button.click();
    return [up, read()];
  });
  const images = [...page.images].filter(image => image.complete && image.naturalWidth > 0);
  document.getElementById("found").textContent =
    JSON.stringify({ scroll: page.documentElement.scrollWidth, images: images.length, orders });
});
frame.src = "PAGE";
</script>
"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_its_table_sorts_with_what_is_unknown_last(mixed: Path, tmp_path: Path, width: int) -> None:
    harness = tmp_path / "harness.html"
    harness.write_text(HARNESS.replace("WIDTH", str(width)).replace("PAGE", write_sweep(mixed).as_uri()))
    own = [f"--user-data-dir={tmp_path / 'chromium'}", f"--window-size={width + 100},1000", "--dump-dom"]
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, *own, harness.as_uri()]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    text = re.search(r'<pre id="found">(.+?)</pre>', told, re.DOTALL)
    assert text
    found = json.loads(html.unescape(text[1]))
    assert found["scroll"] <= width
    assert found["images"] == 4
    (up, rising), (down, falling) = found["orders"][2]
    assert (rising, falling) == ("ascending", "descending")
    assert up == ["0.1", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45", "0.5", "-", "-"]
    assert down == ["0.5", "0.45", "0.4", "0.35", "0.3", "0.25", "0.2", "0.1", "-", "-"]
    numbers, learning_rates = found["orders"][0][0][0], list(map(float, found["orders"][3][1][0]))
    assert numbers == [str(i) for i in range(10)]
    assert learning_rates == sorted(learning_rates, reverse=True)
