"""A running shell reads its pages table again when the file changes."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shell.composition.compiler import Compiled, Compiler
from shell.composition.release import Snapshot
from shell.pages.follow import PagesFollower
from shell.pages.published import LivePages
from shell.pages.table import read_pages

pytestmark = pytest.mark.quick

PAGES = """
[fragments.wallet]
[pages.cashier]
route = "/{route}/"
template = "sign.html"
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    written(tmp_path, "money")
    return tmp_path


def written(folder: Path, route: str) -> None:
    path = folder / "pages.toml"
    moment = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(PAGES.replace("{route}", route).replace("sign.html", "404.html"))
    # Two changes within one tick of the file system's clock are two.
    os.utime(path, ns=(moment + 10**9, moment + 10**9))


def test_changed_table_is_taken_up_and_a_wrong_one_leaves_the_old(files: Path) -> None:
    """The same table object serves the new pages; a broken file is one line in the log and takes no page away."""
    pages = LivePages(read_pages(files / "pages.toml"))
    follower = PagesFollower(files / "pages.toml", pages, templates=files)
    assert follower.look() is None
    written(files, "cash")
    table = follower.look()
    assert table is not None
    pages.take_file(table)
    assert pages.match("/money/") is None
    assert pages.match("/cash/") is not None
    assert pages.by_key("cashier") is not None
    for wrong in ('"', 'x/"\ntemplate = "404.html', 'x/"\nslots = {}\nnoise = "'):
        written(files, wrong)
        with capture_logs() as logged:
            assert follower.look() is None
            assert follower.look() is None
        [line] = [line for line in logged if line["event"] == "pages_refused"]
        assert "The pages stay as they were." in line["why"]
        assert pages.match("/cash/") is not None
    for template in ("none.html", "no/where.html"):
        (files / "pages.toml").write_text(PAGES.replace("{route}", "x").replace("sign.html", template))
        with capture_logs() as logged:
            assert follower.look() is None
        assert [line["event"] for line in logged] == ["pages_refused"]
    (files / "pages.toml").unlink()
    assert follower.look() is None
    written(files, "back")
    assert follower.look() is not None


def test_page_of_the_same_name_is_compiled_anew(files: Path) -> None:
    """A visitor gets the page that the table has by now, not the one that had its name before."""
    compiler, before = Compiler(), read_pages(files / "pages.toml").pages[0]
    after = read_pages(files / "pages.toml").pages[0]

    def compiled(page: object) -> Compiled:
        return compiler.compiled(page, language="en", signed_in=False, snapshot=Snapshot())  # type: ignore[arg-type]

    first = compiled(before)
    assert compiled(before) is first
    assert compiled(after) is not first
