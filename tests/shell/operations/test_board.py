"""The status board shows the last minute of each fragment, however much the other fragments log."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from shell.composition.page import Slot
from shell.composition.recent_outcomes import WINDOW_S, RecentOutcomes
from shell.operations import views
from shell.operations.status import FragmentStatus, fragments
from shell.players.models import Player
from shell.registry.holds import FragmentHold
from shell.wiring import parts
from tests.support.shell_page import PAGE, Trio, element

BURST = 5000


class Clock:
    """A wall clock that tests move."""

    now = datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


class Board:
    """The board of a process that composes the trio's pages. `held` is what an operator holds."""

    def __init__(self, trio: Trio) -> None:
        self.clock = Clock()
        self.recent = RecentOutcomes(self.clock)
        self.held: dict[str, FragmentHold] = {}
        trio.includer._watch = self.recent.note
        self._trio = trio

    def parts(self) -> Any:
        registry = SimpleNamespace(current=self._trio.snapshot, holds=self.held)
        return replace(parts(), recent_outcomes=self.recent, upstreams=self._trio.upstreams, registry=registry)

    def rows(self) -> dict[str, FragmentStatus]:
        return {row.fragment: row for row in fragments(self.parts())}

    def burst(self, slot: Slot) -> None:
        """Very many outcomes of one slot, without a request for each."""
        for _ in range(BURST):
            assert self._trio.includer.immediate(self._trio.include(slot)) is not None


async def test_burst_of_one_fragment_hides_no_other() -> None:
    """A fragment with one request a minute is on the board beside one with thousands."""
    async with Trio() as trio:
        board = Board(trio)
        await trio.origins["promotions"].fail("status=500")
        await trio.page()
        board.clock.now += 40
        trio.upstreams.of(trio.snapshot.releases["tables"]).force_open("drill")
        board.burst(PAGE.slots[1])
        rows = board.rows()
        assert (rows["wallet"].state, rows["wallet"].counts) == ("fresh", {"fresh": 1})
        assert (rows["promotions"].state, rows["promotions"].reason) == ("fallback", "upstream_error")
        assert rows["tables"].counts == {"fresh": 1, "fallback": BURST}, "all of the minute, not its end"
        assert (rows["tables"].reason, rows["tables"].breaker) == ("held", "forced")
        assert "drill" in rows["tables"].detail
        assert rows["live-dealer"].state == "", "a page names it, and nobody asked"
        assert rows["wallet"].at == datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


async def test_log_metric_and_board_name_who_failed_behind_a_fragment() -> None:
    """The upstream's name comes from the fragment's own header, if its manifest declares it; the slot has the reason
    and when to retry.
    """
    labels = {"fragment": "tables", "state": "degraded", "reason": "breaker_open", "upstream": "bff-queries"}
    async with Trio(extension={"upstreams": ["bff-queries"]}) as trio:
        board = Board(trio)
        header = "degraded; reason=breaker_open; upstream=bff-queries; retry-after-ms=2000"
        trio.origins["tables"].headers = (("Fragment-State", header),)
        trio.origins["wallet"].headers = (("Fragment-State", header.replace("bff-queries", "x1")),)
        await trio.origins["promotions"].fail("status=500")
        before = REGISTRY.get_sample_value("mullion_includes_total", labels) or 0
        with capture_logs() as lines:
            page = await trio.page()
        rows = board.rows()
    shown = element(page, "tables")
    assert b'data-state="degraded" data-reason="breaker_open"' in shown
    delay = re.search(rb'data-retry-ms="(\d+)"', shown)
    assert delay
    assert 2200 <= int(delay[1]) <= 3500
    assert (rows["tables"].reason, rows["tables"].upstream) == ("breaker_open", "bff-queries")
    assert (rows["wallet"].upstream, rows["promotions"].upstream) == ("undeclared", "promotions")
    assert REGISTRY.get_sample_value("mullion_includes_total", labels) == before + 1
    blamed = {line["fragment"]: (line["reason"], line["upstream"]) for line in lines if line["event"] == "included"}
    assert blamed["tables"] == ("breaker_open", "bff-queries")
    assert blamed["promotions"] == ("upstream_error", "promotions")


async def test_minute_passes() -> None:
    """Outcomes older than a minute are not counted; a fragment without any is shown as not requested."""
    async with Trio() as trio:
        board = Board(trio)
        await trio.page()
        board.clock.now += WINDOW_S / 2
        await trio.composer.slot(PAGE.slots[0], trio.visit(), trio.snapshot, attempt=0)
        board.clock.now += WINDOW_S / 2 + 1
        rows = board.rows()
        assert rows["wallet"].counts == {"fresh": 1}
        assert (rows["tables"].state, rows["tables"].counts, rows["tables"].at) == ("", {}, None)
        for second in range(3 * WINDOW_S):
            board.clock.now += 1
            await trio.composer.slot(PAGE.slots[0], trio.visit(), trio.snapshot, attempt=0)
            assert board.rows()["wallet"].counts["fresh"] <= WINDOW_S, second
        assert board.rows()["wallet"].counts["fresh"] >= WINDOW_S - 1


@pytest.mark.django_db
async def test_board_says_it_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """State, reason, release, counts, breaker and an operator's hold each stand in the fragment's row."""
    async with Trio(extension={"deadline_ms": 5000}, page_deadline_ms=10_000) as trio:
        board = Board(trio)
        await trio.origins["promotions"].fail("status=500")
        await trio.page()
        trio.upstreams.of(trio.snapshot.releases["tables"]).force_open("wrong <odds>")
        board.held = {"tables": FragmentHold("wrong <odds>", "olga", datetime(2026, 3, 4, 11, 59, tzinfo=UTC))}
        board.burst(PAGE.slots[1])
        html = views.board_page(RequestFactory().get("/operations/"), board.parts())
    rows = [_words(row) for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)[1:]]
    row_of = {row.partition(" ")[0]: row for row in rows}
    assert "<odds>" not in html
    assert re.search(r"fresh 1\.0\.0 wallet-1 .* 12:00:00 · \d+ ms 1 fresh closed", row_of["wallet"])
    assert re.search(r"fallback upstream_error promotions .* 1 fallback closed", row_of["promotions"])
    assert re.search(
        rf"fallback held Held: wrong <odds> by olga since 4 Mar 11:59:00 .* {BURST} fallback forced",
        row_of["tables"],
    )
    assert "not published" in row_of["live-dealer"]


@pytest.mark.parametrize("view", [views.board, views.metrics])
def test_public_port_shows_operators_pages_to_staff_alone(view: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor is redirected to the sign-in form; a player gets a 404."""
    monkeypatch.setattr(views, "board_page", lambda request, parts: "the board # HELP")
    statuses = {}
    for name, user in {
        "visitor": AnonymousUser(),
        "player": Player(username="amber"),
        "left": Player(username="olga", is_staff=True, is_active=False),
        "staff": Player(username="olga", is_staff=True),
    }.items():
        request = RequestFactory().get("/operations/")
        request.user = user
        answer = view(request)
        statuses[name] = answer.status_code
        assert (b"# HELP" in answer.content) == (name == "staff")
    assert statuses == {"visitor": 302, "player": 404, "left": 404, "staff": 200}


def _words(row: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", row))).strip()


@pytest.mark.django_db
async def test_board_says_which_version_answers_and_how_far_a_fragment_is_trusted() -> None:
    """The version is shown where it is not the live one."""
    async with Trio() as trio:
        board = Board(trio)
        await trio.origins["wallet"].fail("changing-version")
        await trio.page()
        html = views.board_page(RequestFactory().get("/operations/"), board.parts())
    rows = [_words(row) for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)[1:]]
    by_name = {row.partition(" ")[0]: row for row in rows}
    assert re.search(r"1\.0\.0 wallet-1 · first-party 1\.0\.\d+ answers", by_name["wallet"])
    assert "answers" not in by_name["tables"]


@pytest.mark.django_db
async def test_board_says_how_a_function_wakes() -> None:
    """The board shows how long pages wait for a function, and how often it was warm, cold or failing."""
    async with Trio(extension={"kind": "function"}) as trio:
        board = Board(trio)
        shell = replace(board.parts(), composer=trio.composer)
        await trio.page()
        await trio.origins["wallet"].fail("status=500")
        await trio.page()
        trio.includer.functions.record("tables").cold = 2
        html = views.board_page(RequestFactory().get("/operations/"), shell)
        # Whether this machine answers within the wait is not the board's.
        assert re.search(
            r"Function: pages wait 400 ms; [01] warm, [01] cold(, the last after \d+ ms)?, 1 failed<br>", html
        )
        assert re.search(r"Function: pages wait 400 ms; \d warm, 2 cold, the last after \d+ ms<br>", html)
