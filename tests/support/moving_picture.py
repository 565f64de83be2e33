"""Makes the moving picture of the README: a slot dies, says so, and heals, while the rest of the page goes on.

    uv run --with pillow python -m tests.support.moving_picture static/readme/heals.webp

It starts a Mullion of its own, ends the process behind one slot, starts it again, and photographs the browser
meanwhile; nothing is drawn but the line that says what happens. Pillow joins the photographs.
"""

import argparse
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.support import chromium
from tests.support.mullion import Mullion

VIEW = {"width": 1120, "height": 700}
SHOWN_WIDTH = 840
QUALITY = 62
STEP_MS = 250
HEALS_MS_MAX = 20_000
FALLS_BACK_MS_MAX = 60_000
STALE = 'fragment-slot[slot="tables"][data-state="stale"]'
FALLBACK = 'fragment-slot[slot="tables"][data-state="fallback"]'
WELL = 'fragment-slot[slot="tables"][data-state="fresh"]'
CAPTION = """words => {
  const fresh = () => document.documentElement.appendChild(document.createElement("div"));
  const line = document.getElementById("caption") ?? fresh();
  line.id = "caption";
  line.textContent = words;
  Object.assign(line.style, {
    position: "fixed", insetInline: "0", bottom: "0", padding: "14px 24px", zIndex: "9",
    font: "600 17px ui-monospace, monospace", color: "#1c1403", background: "#f2b84b",
  });
}"""


@dataclass
class Film:
    """Photographs, and how long each is shown."""

    page: Page
    frames: list[Image.Image] = field(default_factory=list)
    shown_ms: list[int] = field(default_factory=list)

    def take(self, words: str, shown_ms: int) -> None:
        self.page.evaluate(CAPTION, words)
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        height = round(picture.height * SHOWN_WIDTH / picture.width)
        self.frames.append(picture.resize((SHOWN_WIDTH, height), Image.Resampling.LANCZOS))
        self.shown_ms.append(shown_ms)

    def save(self, path: Path) -> None:
        first, *rest = self.frames
        options: dict[str, Any] = {"quality": QUALITY, "method": 6}
        first.save(path, "WEBP", save_all=True, append_images=rest, duration=self.shown_ms, loop=0, **options)


def play(film: Film, house: Mullion) -> None:
    page = film.page
    page.goto(house.url)
    page.wait_for_selector(WELL, state="attached")
    page.wait_for_timeout(1500)
    film.take("Three applications, one page.", 2200)
    house.disable("live-dealer")
    page.reload()
    page.wait_for_selector(STALE, state="attached")
    page.wait_for_timeout(500)
    film.take("kill -9 live-dealer  →  its last good copy, and how old it is. The rest goes on.", 3200)
    page.wait_for_selector(FALLBACK, state="attached", timeout=FALLS_BACK_MS_MAX)
    page.wait_for_timeout(500)
    film.take("Half a minute later: its own fallback, as it was published.", 2800)
    film.take("live-dealer starts again. Nobody reloads …", 900)
    house.enable("live-dealer")
    for waited_ms in range(0, HEALS_MS_MAX, STEP_MS):
        if page.query_selector(WELL):
            break
        page.wait_for_timeout(STEP_MS)
        if waited_ms % 1000 == 0:
            film.take("live-dealer starts again. Nobody reloads …", 500)
    page.wait_for_selector(WELL, state="attached")
    page.wait_for_timeout(1200)
    film.take("… and the slot heals by itself.", 3000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="where the picture goes, an animated WebP")
    path = parser.parse_args().file
    found = chromium.find(say=print)
    with Mullion() as house, sync_playwright() as driver:
        browser = driver.chromium.launch(**found.launch_options())
        film = Film(browser.new_page(viewport=VIEW, color_scheme="dark"))
        play(film, house)
        browser.close()
    film.save(path)
    print(f"{path}: {len(film.frames)} pictures, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
