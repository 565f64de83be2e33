"""Finds a Chromium for the check, if one is installed.

Public: `chromium`, `NoBrowser`.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "pip install playwright axe-playwright-python && playwright install chromium"


class NoBrowser(Exception):
    """The message says why, and what to do."""


@contextmanager
def chromium() -> Iterator["Browser"]:
    """`$CHROMIUM`, Playwright's own, or the system's; raises `NoBrowser`."""
    try:
        import axe_playwright_python  # noqa: F401  what judges accessibility in it
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise NoBrowser(f"{error.name} is not installed. Install it: {INSTALL}") from error
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses root, and small machines have a small /dev/shm.
        arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        for path in (os.environ.get("CHROMIUM"), None, *filter(None, map(shutil.which, _NAMES))):
            if path == "":
                continue
            try:
                browser = playwright.chromium.launch(executable_path=path, args=arguments)
            except Error:
                continue
            try:
                yield browser
            finally:
                browser.close()
            return
    raise NoBrowser("no Chromium starts. Install one (playwright install chromium), or set CHROMIUM to the path of one")
