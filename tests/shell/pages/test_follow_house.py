"""A shell that runs takes up what is written into its pages table."""

import urllib.error
import urllib.request

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
        with urllib.request.urlopen(slow.url + path, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_page_that_is_added_is_served_without_a_restart_and_a_mistake_takes_none_away(slow: SlowHouse) -> None:
    """Within seconds; while the file is wrong everything that was there stays."""
    assert status(slow, "/more/x/") == 404
    slow.pages.write_text(PAGES + MORE)
    wait_for(lambda: status(slow, "/more/x/") == 200, 10)
    slow.pages.write_text(PAGES + MORE.replace("lobby.html", "none.html"))
    wait_for(lambda: "pages_refused" in slow.mullion.output(), 10)
    assert status(slow, "/more/x/") == 200
    slow.pages.write_text(PAGES)
    wait_for(lambda: status(slow, "/more/x/") == 404, 10)
    assert status(slow, "/") == 200
