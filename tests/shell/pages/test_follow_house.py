"""A running shell serves changes of its pages table and pages that are published."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.shell.test_ship_alone import command, second_shell
from tests.support.lobby import wait_for
from tests.support.slow_house import PAGES, SlowHouse

MORE = """
[pages.more]
route = "/more/{kind}/"
template = "lobby.html"
[pages.more.slots]
wallet = { fragment = "origin", pathname = "/one" }
tables = { fragment = "origin", pathname = "/two" }
promotions = { fragment = "origin", pathname = "/three" }
"""


def status(slow: SlowHouse, path: str) -> int:
    try:
        with urllib.request.urlopen(slow.url + path, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_page_that_is_added_is_served_without_a_restart_and_a_mistake_takes_none_away(slow: SlowHouse) -> None:
    """It is served within seconds; while the file is broken all pages stay."""
    assert status(slow, "/more/x/") == 404
    slow.pages.write_text(PAGES + MORE)
    wait_for(lambda: status(slow, "/more/x/") == 200)
    slow.pages.write_text(PAGES + MORE.replace("lobby.html", "none.html"))
    wait_for(lambda: "pages_refused" in slow.mullion.output())
    assert status(slow, "/more/x/") == 200
    slow.pages.write_text(PAGES)
    wait_for(lambda: status(slow, "/more/x/") == 404)
    assert status(slow, "/") == 200


@pytest.mark.full
def test_page_that_is_published_is_shown_by_every_shell_and_gone_after_a_rollback(
    slow: SlowHouse, tmp_path: Path
) -> None:
    """Two processes follow without a restart, and both serve the stylesheet of its layout."""
    file = tmp_path / "news.json"
    layout = {"order": ["heading", "news"], "slots": {"news": {"skeleton": "list"}}}
    page = {"page": "news", "route": "/news/", "title": "News", "heading": "All news", "layout": layout}
    file.write_text(json.dumps({**page, "slots": {"news": {"fragment": "origin", "pathname": "/one"}}}))
    with second_shell(slow) as other:
        urls = (slow.url, other)
        assert "published news: revision 1" in command(slow, "publish", str(file), verb="page")
        for url in urls:
            wait_for(lambda url=url: _text(f"{url}/news/").count("All news</h1>") == 1)  # type: ignore[misc]
            style = _text(f"{url}/news/").partition('shadowrootmode="open"><link rel="stylesheet" href="')[2]
            assert "--height" in _text(url + style.partition('"')[0])
        command(slow, "rollback", "news", "--reason", "drill", verb="page")
        for url in urls:
            wait_for(lambda url=url: _text(f"{url}/news/") == "")  # type: ignore[misc]


def _text(url: str) -> str:
    """The file's text; empty where there is no file."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError:
        return ""
