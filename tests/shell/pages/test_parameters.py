"""Parameters in the addresses of pages and slots, in any script."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shell import visits
from shell.composition.include import Include
from shell.composition.page import Page, PageTable, Slot, Visit
from shell.visits import QUERY_VALUE_CHARS_MAX, Incoming, visit_of

pytestmark = pytest.mark.quick

SLOT = Slot("tables", "live", "/grid/{kind}", query=("search", "page"))
KIND = Page("kind", "/live/{kind}/", "tables.html", (SLOT,))
PAGES = PageTable([Page("lobby", "/", "lobby.html"), KIND])
WORDS = ["рулетка", "блэк джек", "rl:7", "a~b", "x~7E", "三张牌", "d'or (VIP), №1", "नमस्ते", "می\u200cخواهم"]


@pytest.fixture(autouse=True)
def _nothing_logged_yet() -> None:
    visits._log_left_out.cache_clear()


def visit(query: str) -> Visit:
    incoming = Incoming.of({"headers": [], "query_string": query.encode(), "path": "/live/x/", "method": "GET"})
    return visit_of(incoming, KIND, {"kind": "x"}, None)


@pytest.mark.parametrize("word", WORDS)
def test_word_in_any_script_is_a_page_and_its_slots_have_addresses(word: str) -> None:
    """The page is found, its fragment is requested with the word, and a slot's address leads back to it,
    percent-encoded or not.
    """
    found = PAGES.match(f"/live/{word}/")
    assert found == (KIND, {"kind": word})
    assert unquote(KIND.path({"kind": word})) == f"/live/{word}/"
    assert SLOT.path({"kind": word}) == f"/grid/{quote(word, safe='')}"
    key = KIND.key({"kind": word})
    assert key.isascii()
    assert unquote(key) == key == quote(key, safe=":")
    assert PAGES.by_key(key) == found


@given(st.text(max_size=70))
def test_address_of_a_slot_leads_back_to_whatever_page_was_found(word: str) -> None:
    """Page and slot accept the same words and refuse the same words."""
    found = PAGES.match(f"/live/{word}/")
    if found is not None:
        assert PAGES.by_key(KIND.key({"kind": word})) == found
        assert KIND.key({"kind": word}).isascii()


@pytest.mark.parametrize(
    "word",
    [
        "",
        " x",
        ".",
        "..",
        "-x",
        "a/b",
        "a\\b",
        "a?b",
        "a#b",
        "a%2fb",
        "a\tb",
        "a\u202eb",
        "a\u200bb",
        "a\ufffdb",
        "x" * 65,
    ],
)
def test_what_divides_addresses_or_is_not_seen_is_no_page(word: str) -> None:
    """Separators, invisible characters and lookalikes of another word are refused."""
    assert PAGES.match(f"/live/{word}/") is None


@pytest.mark.parametrize("value", ["black jack", "блэкджек", "12:30", "a+b&c=d", "<b>", "100 %", ""])
def test_query_of_the_page_reaches_the_slot_unchanged(value: str) -> None:
    """The query is also in the slot's own address, so that a refetch requests the same."""
    visited = visit(f"tables.search={quote(value, safe='')}&tables.other=1&else=2")
    include = Include(SLOT, visited, None)
    assert include.query == ({"search": value} if value else {})
    assert include.refetch_query.isascii()
    assert Include(SLOT, visit(include.refetch_query), None).query == include.query


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a%00b", "control"),
        ("a%0Ab", "control"),
        ("%ff", "UTF-8"),
        ("x" * (QUERY_VALUE_CHARS_MAX + 1), "more than 128"),
    ],
)
def test_what_is_no_plain_text_is_left_out_and_the_log_says_so_once(value: str, why: str) -> None:
    """The log line has the page, the name of the parameter and the reason."""
    with capture_logs() as logged:
        for _ in range(3):
            assert Include(SLOT, visit(f"tables.search={value}&tables.page=2"), None).query == {"page": "2"}
    [line] = logged
    assert (line["event"], line["page"], line["name"]) == ("query_left_out", "kind", "tables.search")
    assert why in line["why"]
