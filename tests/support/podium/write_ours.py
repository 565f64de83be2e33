"""Writes the table of our own fragments in a layout into the book: `python -m tests.support.podium.write_ours`."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support import chromium
from tests.support.podium import ours
from tests.support.podium.rig import Podium
from tests.support.podium.table import BOOK
from tests.support.slow_house import SlowHouse


def main() -> None:
    """Run both sides, and leave their pictures in a folder that is printed."""
    pictures = Path(tempfile.mkdtemp(prefix="ours-"))
    with (
        Podium() as podium,
        tempfile.TemporaryDirectory() as folder,
        SlowHouse(Path(folder)) as shell,
        ours.ours_running() as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(**chromium.find().launch_options())  # type: ignore[arg-type]
        seen = ours.both_sides(podium, shell, browser, running)
        written = ours.table(ours.rows(browser.new_page(), seen))
        browser.close()
    for each, there, here in seen:
        for side, found in (("there", there), ("here", here)):
            for width, picture in zip(ours.WIDTHS, found.pictures, strict=True):
                (pictures / f"{each.room}-{width}-{side}.png").write_bytes(picture)
    before, _, rest = BOOK.read_text("utf-8").partition(ours.MARKS[0])
    after = rest.partition(ours.MARKS[1])[2]
    BOOK.write_text(before + ours.MARKS[0] + written + ours.MARKS[1] + after, "utf-8")
    print(written, pictures, sep="\n")


if __name__ == "__main__":
    main()
