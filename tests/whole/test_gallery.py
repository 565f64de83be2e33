"""The gallery: every fragment in every state, at a wide, a middle and a narrow width and in both themes, under axe."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from fragments.cli.scaffold.write import files_of, write
from shell.operations.workbench.states import BenchState, Cell
from tests.support.accessibility import findings
from tests.support.free_ports import free_port
from tests.support.mullion import ROOT
from tests.support.plain_http import get

pytestmark = [pytest.mark.full, pytest.mark.timeout(500)]
SCAFFOLDED = "daily-quiz"
ROOMS = ("wallet", "promotions", "live_dealer", "games")
NAMES = tuple(room.replace("_", "-") for room in ROOMS)
FRAMED = re.compile(r'src="/cells/([^/"]+)/')


@dataclass(frozen=True)
class Gallery:
    """Its address, and the folder of the scaffolded fragment."""

    url: str
    folder: Path


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """A workbench with all fragments of this repository and a newly scaffolded one."""
    folder, port = tmp_path_factory.mktemp("teams"), free_port()
    write(folder / SCAFFOLDED, files_of(SCAFFOLDED, "python"))
    folders = [str(folder / SCAFFOLDED), *(f"fragments/{room}" for room in ROOMS)]
    command = [sys.executable, "manage.py", "fragment", "dev", *folders, "--port", str(port)]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    waiting = len(folders)
    while waiting:
        line = process.stdout.readline()
        assert line, "the workbench ended"
        waiting -= ": ready" in line
    yield Gallery(f"http://127.0.0.1:{port}", folder / SCAFFOLDED)
    process.send_signal(signal.SIGINT)
    process.wait(20)


def test_nothing_is_wrong_with_the_wall_itself(gallery: Gallery, browser: Browser) -> None:
    """The wall shows each fragment in each state, and breaks no rule of WCAG 2.2 AA outside its frames."""
    with quiet(browser) as page:
        page.route("**/cells/**", lambda route: route.fulfill(body=""))
        page.goto(f"{gallery.url}/gallery/")
        assert findings(page) == []
        shown = {(cell.fragment, cell.state) for cell in cells(page.content())}
    assert shown == {(name, state) for name in (*NAMES, SCAFFOLDED) for state in BenchState}


@pytest.mark.parametrize("fragment", [SCAFFOLDED, *NAMES])
def test_nothing_serious_is_wrong_in_any_cell_of_the_wall(gallery: Gallery, browser: Browser, fragment: str) -> None:
    """Dark at 390 px, light at 768 and 1280: no rule of WCAG 2.2 AA is broken, and no page is wider than its window."""
    wall = cells(get(f"{gallery.url}/gallery/").text)
    with quiet(browser) as page:
        broken = [each for cell in wall if cell.fragment == fragment for each in problems(page, gallery.url, cell)]
    assert broken == []


def cells(wall: str) -> list[Cell]:
    return [cell for key in dict.fromkeys(FRAMED.findall(wall)) if (cell := Cell.of(key))]


@contextmanager
def quiet(browser: Browser) -> Iterator[Page]:
    """As on the wall itself no script runs: a slot that heals meanwhile would be in another state."""
    context = browser.new_context()
    context.route("**/*.js", lambda route: route.abort())
    yield context.new_page()
    context.close()


def problems(page: Page, url: str, cell: Cell) -> list[str]:
    found = []
    for width, theme in ((390, "dark"), (768, "light"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{url}/cells/{cell.key}/?theme={theme}")
        over_px = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{cell.key} {width} px: {over_px} px too wide"] if over_px > 0 else []
        found += [f"{cell.key} {theme}: {each}" for each in findings(page)]
    return found


def test_a_cell_is_shown_in_its_own_theme_whatever_the_browser_prefers(gallery: Gallery, browser: Browser) -> None:
    """Both themes are side by side on the wall."""
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    grounds = set()
    for theme in ("dark", "light"):
        page.goto(f"{gallery.url}/cells/{Cell('daily-quiz').key}/?theme={theme}")
        grounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert len(grounds) == 2
    context.close()


def test_page_on_the_bench_reads_itself_again_when_a_file_changes(gallery: Gallery, browser: Browser) -> None:
    """Nobody has to reload it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gallery.url}/?fragment=daily-quiz")
    before = page.locator('meta[name="generation"]').get_attribute("content")
    words = gallery.folder / "daily_quiz" / "templates" / "daily_quiz" / "content.html"
    words.write_text(words.read_text("utf-8").replace("No table is open", "No table waits"), "utf-8")
    page.wait_for_function("before => document.querySelector('meta[name=generation]')?.content !== before", arg=before)
    context.close()
