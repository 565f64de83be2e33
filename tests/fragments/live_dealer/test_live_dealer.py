"""The live tables as a real process, with a fake BFF whose replies a test sets."""

import re
import time
from typing import Any

import msgspec
import pytest

from bff.contracts.page_head import read_page_head
from bff.contracts.tables import TableData, TablesData
from tests.support.fragments_fake_bff import FakeBff, Reply, problem, reply, view
from tests.support.fragments_house import Fragment, bearer
from tests.support.fragments_samples import table, tables
from tests.support.lobby import wait_for

ROOM = "live_dealer"
AS_OF_TEXT = "2026-03-14T20:14:03.000Z"
SHARED = {"podium_currency": "EUR", "podium_locale": "en-GB"}


def replies() -> dict[str, Reply]:
    return {"/views/tables": reply(view(TablesData(tables())))}


def test_grid_shows_tables_and_leads_to_each(live: Fragment, bff: FakeBff) -> None:
    """A card has name, game, dealer, limits, seats, last results and a link to its table."""
    answer = live.get("/grid", **SHARED)
    card = next(part for part in answer.text.split('<li class="card table') if "Blackjack Ash" in part)
    words = re.sub(r"<[^>]+>", " ", card)
    for words_shown in ("Open", "Blackjack with", "€0.50 – €5,000", "of 7 seats", "Dealer Bust"):
        assert words_shown in " ".join(words.split()), words_shown
    assert 'href="/tables/301/"' in card
    assert 'data-live="tables.301#seats_taken"' in card


def test_shared_answer_may_be_kept_a_second(live: Fragment, bff: FakeBff) -> None:
    """A fresh grid has a max-age, and its request to the BFF has no bearer."""
    answer = live.get("/grid", **SHARED, authorization=bearer("live-dealer"))
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert "authorization" not in bff.requests[0].headers


def test_two_players_get_the_same_bytes(live: Fragment, bff: FakeBff) -> None:
    """A shared body does not depend on who asks."""
    amber = live.get("/grid", **SHARED, authorization=bearer("live-dealer", player="pl_amber"))
    birch = live.get("/grid", **SHARED, authorization=bearer("live-dealer", player="pl_birch"))
    assert amber.text == birch.text


def test_limits_are_asked_for_in_the_players_currency(live: Fragment, bff: FakeBff) -> None:
    """The currency of the include decides the limits; a broken one falls back to the default."""
    bff.replies["/views/tables"] = reply(view(TablesData(tables("JPY"))))
    assert "JP¥75 – JP¥750,000" in live.get("/grid", podium_currency="JPY", podium_locale="en-GB").text
    live.get("/grid", podium_currency="e&x=1")
    assert [request.query for request in bff.requests] == ["currency=JPY", "currency=EUR"]


def test_kind_is_a_pathname(live: Fragment, bff: FakeBff) -> None:
    """`/grid/<kind>` shows that kind and marks it; the filter links to the shell's pages."""
    answer = live.get("/grid/blackjack", **SHARED)
    assert "Blackjack Elm" in answer.text
    assert "Harbour Roulette" not in answer.text
    assert '<a href="/live/blackjack/" aria-current="page">' in answer.text
    assert len(re.findall('<li class="card table', live.get("/grid/all", **SHARED).text)) == 15


def test_closed_table_says_when_it_opens(live: Fragment, bff: FakeBff) -> None:
    """A table that is closed shows its opening time."""
    answer = live.get("/grid/roulette", **SHARED)
    assert 'Opens <time datetime="2026-03-14T21:30:03.000Z">21:30 UTC</time>' in answer.text


@pytest.mark.parametrize("path", ["/table/zzz", "/table/a%2Fb", "/table/" + "x" * 80, "/grid/poker", "/table/%00"])
def test_unknown_table_or_kind_is_404_with_a_page(live: Fragment, bff: FakeBff, path: str) -> None:
    """The 404 is a whole slot with a link back."""
    answer = live.get(path, **SHARED)
    assert answer.status == 404
    assert '<a class="button" href="/">Go to the lobby</a>' in answer.text


def test_table_page_shows_its_results(live: Fragment, bff: FakeBff) -> None:
    """One table: dealer, limits, seats, the last result large and all of them in a row."""
    one = table("201", "Harbour Roulette", "roulette")
    bff.replies["/views/tables/201"] = reply(view(TableData(one)))
    answer = live.get("/table/201", **SHARED)
    assert answer.status == 200
    assert '<span class="last-value" data-color="black"' in answer.text
    road = answer.text.partition('class="road"')[2]
    assert re.findall(r'<li class="chip" data-color="(\w+)"', road)[:3] == ["black", "red", "green"]
    assert road.count('<li class="chip') == 8
    assert one.dealer in answer.text


@pytest.mark.parametrize(("state", "reason"), [("stale", "feed_stale"), ("down", "feed_down")])
@pytest.mark.parametrize("path", ["/grid", "/table/201"])
def test_late_tables_say_how_late(live: Fragment, bff: FakeBff, path: str, state: Any, reason: str) -> None:
    """Stale tables are shown with their time, and the answer is not cacheable."""
    bff.replies["/views/tables"] = reply(view(TablesData(tables()), state))
    bff.replies["/views/tables/201"] = reply(view(TableData(table("201", "Harbour Roulette", "roulette")), state))
    answer = live.get(path, **SHARED)
    assert (
        answer.headers["fragment-state"]
        == f"degraded; reason={reason}; as-of=2026-03-14T20:14:03.000Z; upstream=tables"
    )
    assert answer.headers["cache-control"] == "private, no-store"
    assert "20:14:03 UTC" in answer.text
    assert answer.text.count('role="status"') == 1
    assert "Harbour Roulette" in answer.text


def test_store_without_data_is_a_feed_that_is_down(live: Fragment, bff: FakeBff) -> None:
    """Without any data the grid shows placeholders and says so."""
    bff.replies["/views/tables"] = reply(view(None, "down", None))
    answer = live.get("/grid", **SHARED | {"podium_currency": "CHF"})
    assert answer.headers["fragment-state"] == "degraded; reason=feed_down; upstream=tables"
    assert "quiet" in answer.text


def test_link_of_the_last_list_leads_to_its_table(live: Fragment, bff: FakeBff) -> None:
    """While the BFF is away a table's page has the name and results of the last list, with their age."""
    live.get("/grid", **SHARED)
    bff.replies["/views/tables/301"] = problem(503, "store_down")
    answer = live.get("/table/301", **SHARED)
    assert "Blackjack Ash" in answer.text
    assert "No word from the tables since" in answer.text
    assert not re.search("playing|of 7", answer.text)
    state = answer.headers["fragment-state"]
    assert state == f"degraded; reason=store_down; as-of={AS_OF_TEXT}; upstream=query-store"


def test_bff_that_never_answered_leaves_no_table_and_says_so(live: Fragment, bff: FakeBff) -> None:
    """There is no last answer in this currency to show."""
    bff.replies["/views/tables"] = problem(503, "store_down")
    answer = live.get("/grid", **SHARED | {"podium_currency": "SEK"})
    assert "We keep trying." in answer.text
    assert "Harbour" not in answer.text


def test_text_of_a_provider_is_text(live: Fragment, bff: FakeBff) -> None:
    """Markup in names, dealers and results is escaped, and unknown colours are dropped."""
    one = table("201", "<b>T</b>", "roulette")
    result = msgspec.structs.replace(one.results[0], value='<img src="x">', color='red" onclick="x')
    bff.replies["/views/tables/201"] = reply(
        view(TableData(msgspec.structs.replace(one, dealer="<script>", results=[result])))
    )
    html = live.get("/table/201", **SHARED).text
    assert "<b>T" not in html
    assert "<script" not in html
    assert "<img" not in html
    assert "onclick=" not in html.replace("&quot; onclick=", "")


@pytest.mark.parametrize(
    ("answered", "reason", "upstream"),
    [
        (problem(503, "store_down"), "store_down", "query-store"),
        (reply(view(TablesData(tables())), delay_s=0.6), "timeout", "bff-queries"),
        (reply(view(TablesData(tables())), cut=True), "cut", "bff-queries"),
        (Reply(200, b"<html>", "text/html"), "content_type", "bff-queries"),
        (Reply(200, b'{"data": {"tables": 7}}'), "encoding", "bff-queries"),
        (Reply(200, b'{"data": nul'), "encoding", "bff-queries"),
        (problem(400, "currency_invalid"), "rejected", "bff-queries"),
        (Reply(302, b""), "redirect", "bff-queries"),
    ],
)
def test_sick_bff_degrades_in_words_and_in_time(
    live: Fragment, bff: FakeBff, answered: Reply, reason: str, upstream: str
) -> None:
    """For every fault of the BFF the grid answers 200 within its deadline, with the reason, the upstream, and the last
    known tables with their time and without figures.
    """
    healthy = bff.replies["/views/tables"]
    wait_for(lambda: "fragment-state" not in live.get("/grid", **SHARED).headers, 30)
    bff.replies["/views/tables"] = answered
    limit = {"mullion_deadline_ms": "500"} if answered.delay_s else {}
    started = time.monotonic()
    answer = live.get("/grid", **SHARED, **limit)
    took_s = time.monotonic() - started
    bff.replies["/views/tables"] = healthy
    assert answer.status == 200
    assert answer.headers["fragment-state"] == f"degraded; reason={reason}; as-of={AS_OF_TEXT}; upstream={upstream}"
    assert '<a href="/tables/201/">Harbour Roulette</a>' in answer.text
    assert "No word from the tables since" in answer.text
    assert not re.search("playing|Open|chip|seats|€", answer.text)
    assert took_s < 2
    for _ in range(2):  # good answers in between: this is about one failure, not about the breaker
        assert "fragment-state" not in live.get("/grid", **SHARED).headers


def test_failing_bff_opens_the_breaker_and_heals() -> None:
    """The grid is degraded at once, and fresh within ten seconds of the BFF's return."""
    tables_reply = reply(view(TablesData(tables())))
    with FakeBff({"/views/tables": tables_reply}) as bff, Fragment("live_dealer", bff.url) as live:
        assert "fragment-state" not in live.get("/grid", **SHARED).headers
        bff.replies["/views/tables"] = Reply(500)
        reasons = [live.get("/grid", **SHARED).headers["fragment-state"] for _ in range(8)]
        assert re.fullmatch(
            rf"degraded; reason=breaker_open; as-of={AS_OF_TEXT}; upstream=bff-queries; retry-after-ms=\d+", reasons[-1]
        )
        assert live.get("/healthz").status == 200, "a dead BFF does not make a fragment unready"
        bff.replies["/views/tables"] = tables_reply
        ended = time.monotonic()
        while "fragment-state" in live.get("/grid", **SHARED).headers:
            assert time.monotonic() - ended < 10
            time.sleep(0.2)
        metrics = live.get("/metrics").text
    assert (
        'mullion_fragment_answers_total{reason="breaker_open",status="200",upstream="bff-queries",view="grid"}'
        in metrics
    )
    assert 'mullion_calls_total{outcome="ok",upstream="bff-queries"}' in metrics


def test_addresses_of_every_fragment(live: Fragment, bff: FakeBff) -> None:
    """Manifest, fallback, assets and readiness do not need the BFF."""
    assert live.get("/manifest.json").headers["content-type"] == "application/json"
    assert 'role="status"' in live.get("/fallback").text
    css = live.get("/static/live-dealer.css")
    assert css.headers["content-type"] == "text/css; charset=utf-8"
    assert live.get("/static/kit.css").status == 200
    assert live.get("/static/../settings.py").status == 404
    assert live.get("/static/wallet.css").status == 404
    assert live.get("/healthz").status == 200
    assert bff.requests == []


def test_every_table_and_kind_names_its_page(live: Fragment, bff: FakeBff) -> None:
    """A table's title is the page's; the lobby's title is the shell's own."""
    one = table("201", "Harbour Roulette", "roulette")
    bff.replies["/views/tables/201"] = reply(view(TableData(one)))
    named = read_page_head(live.get("/table/201", **SHARED).headers["mullion-page"])
    assert (named.title, named.canonical) == ("Harbour Roulette", "/tables/201/")
    named = read_page_head(live.get("/grid/blackjack", **SHARED).headers["mullion-page"])
    assert (named.title, named.canonical) == ("Blackjack", "/live/blackjack/")
    assert "mullion-page" not in live.get("/grid", **SHARED).headers
