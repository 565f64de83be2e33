"""History and limits from a real query store, filled by the projector's own rules."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from bff.contracts.event import Event
from bff.contracts.history import HistoryData, KindTotals, month_of
from bff.contracts.ledger import PLAYER_RESTATED, HistoryPage, MovementLine, PlayerChanged, history_topic, month_topic
from bff.contracts.player_context import PlayerContext, mint, new_key_pair
from bff.contracts.view import Break, View
from bff.contracts.wallet import (
    SCOPE_READ,
    Balances,
    DepositLimit,
    LimitsData,
    LimitsState,
    Receipt,
    WalletData,
    limits_topic,
)
from bff.queries.app import Queries
from bff.queries.projections import Wallets
from bff.store import Store, StorePolicy

PRIVATE, PUBLIC = new_key_pair()
PATIENT = StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000)
NOW = datetime.now(UTC)
THIS_MONTH = NOW.replace(day=1, hour=0, minute=0, second=1, microsecond=0)


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, PATIENT)
    yield opened
    await opened.aclose()


@pytest.fixture
async def client(store):
    transport = httpx.ASGITransport(app=Queries(store, PUBLIC))
    async with httpx.AsyncClient(transport=transport, base_url="http://queries") as opened:
        yield opened


def months_ago(count):
    """The first second of that month."""
    at = THIS_MONTH
    for _ in range(count):
        at = (at - timedelta(days=1)).replace(day=1)
    return at


class Ledger:
    """Writes one player's lines as the write side would."""

    def __init__(self, store, epoch="e1"):
        self.store, self.epoch, self.lines = store, epoch, []

    async def add(self, kind, amount_minor, at, state="done", **more):
        n = len(self.lines) + 1
        receipt = Receipt(f"rc_{n}", kind, state, amount_minor, "EUR", at, (self.epoch, n))
        self.lines.append(MovementLine(n - 1, kind, receipt))
        await self.tell(n, "Moved", self.lines[-1:], **more)

    async def tell(self, n, kind, lines, **more):
        change = PlayerChanged("pl_amber", "EUR", Balances(100, 0, 100, 0, "EUR"), len(self.lines), lines, **more)
        event = Event(f"{n}", kind, 1, "player:pl_amber", (self.epoch, n), NOW, msgspec.to_builtins(change))
        records = await self.store.get_many(Wallets.topics([event]))
        wallets = Wallets(
            {topic: (record.sequence, record.raw) if record else None for topic, record in records.items()}
        )
        wallets.apply(event)
        await self.store.put_many(wallets.changes())


def bearer(scopes=(SCOPE_READ,)):
    now = int(time.time())
    context = PlayerContext("pl_amber", "wallet", "EUR", "en-GB", frozenset(scopes), now + 60)
    return {"Authorization": f"Bearer {mint(context, PRIVATE, now=now)}"}


async def view(client, path, of=HistoryData):
    answer = await client.get(path, headers=bearer())
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=View[of])


def references(shown):
    return [int(line.reference.removeprefix("rc_")) for line in shown.data.lines]


async def test_history_shows_three_months_by_the_page_newest_first(client, store):
    """Every line of the three months stands on one page, once, and older ones on none."""
    await store.heartbeat("ledger")
    ledger = Ledger(store)
    for n in range(70):  # the first ten are too old
        await ledger.add("bet", -10, months_ago(max(0, 3 - n // 10)) + timedelta(seconds=n))
    pages = [await view(client, f"/views/history?page={page}") for page in (1, 2, 3)]
    assert [each for shown in pages for each in references(shown)] == list(range(70, 10, -1))
    assert [(shown.data.page, shown.data.pages, len(shown.data.lines)) for shown in pages] == [
        (page, 3, 20) for page in (1, 2, 3)
    ]
    assert [(each.month, each.totals) for each in pages[0].data.months] == [
        (month_of(THIS_MONTH), KindTotals(40, 0, -400)),
        (month_of(months_ago(1)), KindTotals(10, 0, -100)),
        (month_of(months_ago(2)), KindTotals(10, 0, -100)),
    ]
    assert references(await view(client, "/views/history?page=99")) == references(pages[2])


async def test_filter_counts_and_pages_only_what_was_asked_for(client, store):
    """A rare kind among hundreds of others is found whole, with its own totals, and every kind stays counted."""
    await store.heartbeat("ledger")
    ledger = Ledger(store)
    for n in range(110):
        kind, amount = ("deposit", 500) if n % 5 == 0 else ("bet", -7) if n % 2 else ("win", 9)
        await ledger.add(kind, amount, THIS_MONTH + timedelta(seconds=n), "pending" if n == 5 else "done")
    first = await view(client, "/views/history?kind=deposit")
    second = await view(client, "/views/history?kind=deposit&page=2")
    assert references(first) + references(second) == list(range(106, 0, -5))
    assert (first.data.pages, first.data.months[0].totals) == (2, KindTotals(22, 21 * 500, 0))
    assert first.data.kinds == {"deposit": 22, "bet": 44, "win": 44}
    played = await view(client, "/views/history?kind=bet,win")
    assert {line.kind for line in played.data.lines} == {"bet", "win"}
    assert played.data.pages == 5
    none = await view(client, "/views/history?kind=bonus")
    assert (none.data.lines, none.data.pages) == ([], 1)


async def test_twelve_months_can_be_reached_and_no_more(client, store):
    """Windows of three months lead back a year; what is further away is refused with the months that are not."""
    await store.heartbeat("ledger")
    ledger = Ledger(store)
    for back in range(13, -1, -1):
        await ledger.add("deposit", 100, months_ago(back))
    shown = await view(client, f"/views/history?until={month_of(months_ago(9))}")
    assert [each.month for each in shown.data.months] == [month_of(months_ago(back)) for back in (9, 10, 11)]
    assert len(shown.data.lines) == 3
    assert (shown.data.earliest, shown.data.latest) == (month_of(months_ago(11)), month_of(NOW))
    last = await view(client, f"/views/history?until={month_of(months_ago(11))}")
    assert [each.month for each in last.data.months] == [month_of(months_ago(11))]
    for until in (month_of(months_ago(12)), "2099-01", "2026-13", "now"):
        answer = await client.get(f"/views/history?until={until}", headers=bearer())
        assert (answer.status_code, answer.json()["code"]) == (400, "until_out_of_reach")


@pytest.mark.parametrize(
    ("query", "code"),
    [("kind=Bet", "kind_invalid"), ("kind=a,b,c,d,e,f,g,h,i", "kind_invalid"), ("page=0", "page_invalid")],
)
async def test_hostile_query_is_refused(client, query, code):
    """What can not be read is named."""
    answer = await client.get(f"/views/history?{query}", headers=bearer())
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_history_of_a_restored_ledger_holds_nothing_of_the_earlier_one(client, store):
    """Months that the later epoch does not have are gone, and while it is being told the view says so."""
    await store.heartbeat("ledger")
    ledger = Ledger(store)
    await ledger.add("deposit", 100, months_ago(1))
    await ledger.add("deposit", 200, THIS_MONTH)
    later = Ledger(store, "e2")
    receipt = Receipt("rc_1", "deposit", "done", 100, "EUR", months_ago(1), ("e2", 1))
    later.lines = [MovementLine(0, "deposit", receipt)]
    page = HistoryPage("pl_amber", 0, later.lines)
    event = Event("p", "HistoryRestated", 1, "player:pl_amber", ("e2", 2), NOW, msgspec.to_builtins(page))
    records = await store.get_many(Wallets.topics([event]))
    wallets = Wallets({topic: (record.sequence, record.raw) if record else None for topic, record in records.items()})
    wallets.apply(event)
    await store.put_many(wallets.changes())
    assert (await view(client, "/views/history")).pending
    await later.tell(2, PLAYER_RESTATED, later.lines)
    shown = await view(client, "/views/history")
    assert (references(shown), shown.pending) == ([1], False)
    assert shown.data.kinds == {"deposit": 1}
    left = await store.get(month_topic("pl_amber", month_of(THIS_MONTH)))
    assert left is not None
    assert (await store.get(history_topic("pl_amber", 0))).decode(HistoryPage).lines == later.lines


async def test_player_without_lines_has_an_empty_history_only_while_the_ledger_is_live(client, store):
    """Nothing known is not the same as nothing there."""
    empty = await view(client, "/views/history")
    assert (empty.data, empty.freshness.state) == (None, "down")
    await store.heartbeat("ledger")
    empty = await view(client, "/views/history")
    assert (empty.data.lines, empty.data.pages, empty.freshness.state) == ([], 1, "live")


async def test_read_with_a_sequence_that_has_not_come_is_pending(client, store):
    """History and limits wait for the player's own write no longer than a page can."""
    await store.heartbeat("ledger")
    await Ledger(store).add("deposit", 100, THIS_MONTH)
    for name, of in (("history", HistoryData), ("limits", LimitsData)):
        assert (await view(client, f"/views/{name}?min_sequence=e1:9", of)).pending
        assert not (await view(client, f"/views/{name}?min_sequence=e1:1", of)).pending


async def test_limits_are_those_in_force_at_this_moment(client, store):
    """A raise counts from its moment on; before that both are shown."""
    for feed in ("ledger", "engine"):
        await store.heartbeat(feed, data={"payments": "up"})
    waiting = DepositLimit("day", 1000, 5000, NOW + timedelta(hours=3))
    over = DepositLimit("week", 2000, None, NOW - timedelta(seconds=5))
    await Ledger(store).add("deposit", 100, THIS_MONTH, limits=LimitsState("EUR", [waiting, over], None))
    shown = await view(client, "/views/limits", LimitsData)
    assert shown.data.deposit == [waiting, DepositLimit("week", None), DepositLimit("month", None)]
    assert (shown.on_break, shown.data.actions["limit"].open) == (None, True)


@pytest.mark.parametrize(("days", "excluded", "for_good"), [(3, True, False), (-1, False, False), (None, True, True)])
async def test_break_from_gambling_is_shown_while_it_lasts(client, store, days, excluded, for_good):
    """An excluded player can not pay in; a break that is over forbids nothing."""
    for feed in ("ledger", "engine"):
        await store.heartbeat(feed, data={"payments": "up"})
    until = datetime(9999, 12, 31, tzinfo=UTC) if days is None else NOW + timedelta(days=days)
    await Ledger(store).add("deposit", 100, THIS_MONTH, limits=LimitsState("EUR", [], until))
    shown = await view(client, "/views/limits", LimitsData)
    ends = None if for_good else until
    assert shown.on_break == (Break(ends) if excluded else None)
    wallet = await view(client, "/views/wallet", WalletData)
    assert wallet.data.actions["deposit"].open == (not excluded)
    assert wallet.data.actions["withdraw"].open


async def test_limits_can_be_lowered_while_the_balance_is_old(client, store):
    """Old figures close deposits, never the way to a stricter limit; a dead engine closes both and says so.

    Where nothing at all is heard the engine may be well: a break can be tried.
    """
    await store.heartbeat("ledger")
    await Ledger(store).add("deposit", 100, THIS_MONTH)
    await store.heartbeat("ledger", "stale", "cut")
    await store.heartbeat("engine", data={"payments": "up"})
    assert (await view(client, "/views/limits", LimitsData)).data.actions["limit"].open
    await store.heartbeat("engine", "stale")
    actions = (await view(client, "/views/limits", LimitsData)).data.actions
    assert (actions["limit"].open, "stays in force" in actions["limit"].reason) == (False, True)
    assert actions["exclude"].open
    await store.heartbeat("ledger")
    assert not (await view(client, "/views/limits", LimitsData)).data.actions["exclude"].open


async def test_pending_items_are_all_there_however_old(client, store):
    """A held withdrawal is shown though the last ten lines have passed it by."""
    await store.heartbeat("ledger")
    ledger = Ledger(store)
    receipt = Receipt("rc_1", "withdraw", "pending", -100, "EUR", THIS_MONTH, ("e1", 1))
    held = MovementLine(0, "withdrawal", receipt)
    await ledger.add("withdrawal", -100, THIS_MONTH, "pending", pending=[held])
    for n in range(12):
        await ledger.add("bet", -1, THIS_MONTH + timedelta(seconds=n))
    shown = await view(client, "/views/wallet", WalletData)
    assert [line.reference for line in shown.data.pending] == ["rc_1"]
    assert "rc_1" not in {line.reference for line in shown.data.recent}
    assert await store.get(limits_topic("pl_amber")) is None
