"""The projector's rules, with events in every order."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.contracts.event import Event
from bff.contracts.games import PlayerGames
from bff.contracts.history import KindTotals, month_of
from bff.contracts.ledger import (
    HISTORY_PAGE,
    HISTORY_RESTATED,
    PLAYER_RESTATED,
    BalancesStated,
    HistoryPage,
    MovementLine,
    PlayerChanged,
    PlayerStatement,
)
from bff.contracts.wallet import Balances, DepositLimit, LimitsState, Receipt
from bff.queries.projections import Parked, PositionTracker, Wallets, compare, topics_of
from bff.queries.projections.comparison import WINDOW

pytestmark = pytest.mark.quick

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LINES_A_MONTH = 6  # so that a page of the history spans several months


def line(ordinal, n, epoch="e1", state="done"):
    at = BEGAN + timedelta(days=31 * (ordinal // LINES_A_MONTH), minutes=ordinal)
    receipt = Receipt(f"rc_{ordinal}", "deposit", state, 100, "EUR", at, (epoch, n))
    return MovementLine(ordinal, "deposit", receipt)


def event(n, lines, *, total, epoch="e1", kind="FundsDeposited", claimed=None, **more):
    balances = Balances(n * 100, 0, n * 100, 0, "EUR")
    change = PlayerChanged("pl_a", "EUR", balances, total, lines, claimed, **more)
    return Event(f"{epoch}-{n}-{kind}", kind, 1, "player:pl_a", (epoch, n), BEGAN, msgspec.to_builtins(change))


def history(deposits):
    """Each deposit is requested and then done: two events for one line."""
    events = []
    for ordinal in range(deposits):
        n, total = ordinal * 2 + 1, ordinal + 1
        request = line(ordinal, n, state="pending")
        events.append(event(n, [request], total=total, kind="DepositRequested", pending=[request]))
        events.append(event(n + 1, [line(ordinal, n + 1)], total=total, pending=[]))
    return events


class Store:
    """Stores records as the query store does: the newer one wins, by epoch, then by number, then by part."""

    def __init__(self):
        self.records, self.parts = {}, {}

    def write(self, puts):
        for put in puts:
            old = self.records.get(put.topic)
            if old and (old[0], self.parts[put.topic]) >= (put.sequence, put.part):
                continue
            self.records[put.topic] = (put.sequence, msgspec.json.encode(put.data))
            self.parts[put.topic] = put.part

    def project(self, events, *, dies_after=None):
        """The parked deliveries. `dies_after` interrupts the writing after so many records."""
        wallets = Wallets({topic: self.records.get(topic) for topic in Wallets.topics(events)})
        parked = []
        for each in events:
            try:
                wallets.apply(each)
            except Parked:
                parked.append(each)
        self.write(wallets.changes()[:dies_after])
        return parked

    def state(self):
        return {topic: raw for topic, (_, raw) in self.records.items()}


def straight(events):
    store = Store()
    for each in events:
        store.project([each])
    return store


def test_recent_has_the_newest_first_and_at_most_ten():
    """The wallet shows the last ten lines, in their last state."""
    store = straight(history(25))
    wallet = msgspec.json.decode(store.state()["wallet.pl_a"])
    assert [each["reference"] for each in wallet["recent"]] == [f"rc_{n}" for n in range(24, 14, -1)]
    assert {each["state"] for each in wallet["recent"]} == {"done"}


def test_history_is_kept_by_the_page():
    """Every line stands on its page, in order."""
    store = straight(history(HISTORY_PAGE + 3))
    first, second = (msgspec.json.decode(store.state()[f"history.pl_a.{page}"]) for page in (0, 1))
    assert [each["ordinal"] for each in first["lines"]] == list(range(HISTORY_PAGE))
    assert [each["ordinal"] for each in second["lines"]] == list(range(HISTORY_PAGE, HISTORY_PAGE + 3))


def test_months_say_on_which_pages_their_lines_stand():
    """Each page's part of a month is counted from the page, so what is not done is a line without an amount."""
    store = straight(history(HISTORY_PAGE + 3)[:-1])
    months = {topic: msgspec.json.decode(raw) for topic, raw in store.state().items() if topic.startswith("month.")}
    assert months["month.pl_a.2026-01"]["pages"] == {"0": {"deposit": [6, 600, 0]}}
    assert months["month.pl_a.2026-04"]["pages"] == {"0": {"deposit": [2, 200, 0]}, "1": {"deposit": [3, 200, 0]}}


def test_what_is_pending_is_what_the_ledger_said_last():
    """A withdrawal that was asked for long ago is pending still, whatever came after it."""
    store = Store()
    waiting = line(0, 1, state="pending")
    store.project([event(1, [waiting], total=1, pending=[waiting]), event(2, [line(1, 2)], total=2)])
    assert [each["reference"] for each in msgspec.json.decode(store.state()["pending.pl_a"])["movements"]] == ["rc_0"]
    store.project([event(3, [line(0, 3)], total=2, pending=[])])
    assert msgspec.json.decode(store.state()["pending.pl_a"])["movements"] == []


def test_a_player_s_games_are_what_the_ledger_said_last():
    """An event that did not touch them leaves them; a player whom a restored ledger meets anew has none."""
    games = PlayerGames(["lantern:a"], ["oakmill:b"])
    store = straight([event(1, [], total=0, games=games), event(2, [line(0, 2)], total=1)])
    assert msgspec.json.decode(store.state()["player-games.pl_a"], type=PlayerGames) == games
    store.project([event(1, [], total=0, epoch="e2")])
    assert msgspec.json.decode(store.state()["player-games.pl_a"], type=PlayerGames) == PlayerGames([], [])


def test_an_answer_that_is_no_line_has_a_receipt():
    """What a limit or a cancellation was answered can be read, and stands in no history."""
    answer = Receipt("rc_limit", "set-deposit-limit", "done", 500, "EUR", BEGAN, ("e1", 1))
    state = straight([event(1, [], total=0, answers=[answer])]).state()
    assert msgspec.json.decode(state["receipts.rc_limit"])["receipt"]["command"] == "set-deposit-limit"
    assert not [topic for topic in state if topic.startswith(("history.", "month."))]


def test_an_event_before_its_predecessor_is_parked():
    """Order is kept by waiting, never by guessing."""
    events = history(2)
    store = Store()
    assert store.project([events[1]]) == [events[1]]
    assert store.state() == {}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_order_repetition_and_kill_ends_in_the_same_records(data):
    """Duplicated, reordered, batched and cut anywhere: what stands at the end is what straight delivery gives."""
    events = history(data.draw(st.integers(1, 14), label="deposits"))
    wanted = straight(events).state()
    store, waiting = Store(), list(events)
    for _ in range(data.draw(st.integers(0, 10), label="bad deliveries")):
        batch = data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=8), label="batch")
        store.project(batch, dies_after=data.draw(st.integers(0, 12), label="dies after"))
    while waiting:
        size = data.draw(st.integers(1, len(waiting)), label="batch size")
        assert store.project(waiting[:size]) == []
        waiting = waiting[size:]
    assert store.state() == wanted


def test_a_restated_player_is_followed_and_earlier_epochs_are_not():
    """A later epoch replaces everything; what is still under way from the earlier one changes nothing."""
    store = straight(history(3))
    page = HistoryPage("pl_a", 0, [line(0, 2), line(1, 4)])  # the third line was lost with a restored ledger
    store.project([Event("p", HISTORY_RESTATED, 1, "player:pl_a", ("e2", 4), BEGAN, msgspec.to_builtins(page))])
    restated = event(4, [line(1, 4)], total=2, epoch="e2", kind=PLAYER_RESTATED, claimed={"welcome": 1})
    assert store.project([restated]) == []
    state = {topic: msgspec.json.decode(raw) for topic, raw in store.state().items()}
    assert [each["reference"] for each in state["wallet.pl_a"]["recent"]] == ["rc_1", "rc_0"]
    assert state["claims.pl_a"]["claimed"] == {"welcome": 1}
    assert state["month.pl_a.2026-01"]["pages"] == {"0": {"deposit": [2, 200, 0]}}
    before = store.state()
    store.project([Event("p", HISTORY_RESTATED, 1, "player:pl_a", ("e1", 9), BEGAN, msgspec.to_builtins(page))])
    store.project([event(7, [line(3, 7)], total=4)])
    assert store.state() == before
    later = event(5, [line(2, 5, "e2")], total=3, epoch="e2")
    assert store.project([later]) == []
    assert len(msgspec.json.decode(store.state()["wallet.pl_a"])["recent"]) == 3


def test_an_event_of_a_later_epoch_waits_until_the_player_was_restated():
    """Numbers of different epochs are never compared."""
    store = straight(history(1))
    early = event(3, [line(1, 3, "e2")], total=2, epoch="e2")
    assert store.project([early]) == [early]


def test_a_player_whom_a_restored_ledger_meets_anew_begins_with_nothing():
    """The first event of a life follows whatever stands from an earlier epoch, and keeps none of it."""
    limits, waiting = LimitsState("EUR", [DepositLimit("day", 500)]), line(2, 5, state="pending")
    store = straight([*history(2), event(5, [waiting], total=3, pending=[waiting], limits=limits, claimed={"a": 1})])
    first = event(1, [line(0, 1, "e2")], total=1, epoch="e2")
    assert store.project([first]) == []
    state = {topic: msgspec.json.decode(raw) for topic, raw in store.state().items()}
    assert len(state["wallet.pl_a"]["recent"]) == len(state["history.pl_a.0"]["lines"]) == 1
    assert state["month.pl_a.2026-01"]["pages"] == {"0": {"deposit": [1, 100, 0]}}
    assert (state["pending.pl_a"]["movements"], state["limits.pl_a"]["deposit"]) == ([], [])
    assert state["claims.pl_a"]["claimed"] == {}


def test_a_receipt_that_an_earlier_epoch_knew_further_is_set_back():
    """What was done after the copy was made is pending again when the copy says so."""
    store = straight(history(1))
    page = HistoryPage("pl_a", 0, [line(0, 1, state="pending")])
    store.project([Event("p", HISTORY_RESTATED, 1, "player:pl_a", ("e2", 1), BEGAN, msgspec.to_builtins(page))])
    assert msgspec.json.decode(store.state()["receipts.rc_0"])["receipt"]["state"] == "pending"


def placed(n, name, previous="", epoch="e1"):
    return Event(name, "FundsDeposited", 1, "player:pl_a", (epoch, n), BEGAN, {}, (epoch, n), previous)


class TestWatch:
    def test_gap_that_fills_in_time_is_not_lost(self):
        """Out of order is not lost."""
        tracker = PositionTracker(2.0)
        tracker.seen(("e1", 1), 0.0)
        tracker.seen(("e1", 3), 0.0)
        assert tracker.lost(1.0) == ""
        tracker.seen(("e1", 2), 1.5)
        assert (tracker.lost(9.0), tracker.at) == ("", ("e1", 3))

    def test_gap_that_stands_is_lost(self):
        """A position that does not come within the limit is named."""
        tracker = PositionTracker(2.0)
        tracker.seen(("e1", 2), 0.0)
        assert tracker.lost(0.0) == ""
        assert tracker.lost(2.5) == "position 1 is missing, 2 has been given"

    def test_a_lost_end_is_seen_by_the_heartbeat(self):
        """What was given last and never came is missed too."""
        tracker = PositionTracker(2.0, ("e1", 5))
        assert tracker.reported_last(("e1", 5), 0.0)
        assert not tracker.reported_last(("e1", 6), 1.0)
        assert tracker.lost(1.0) == ""
        assert tracker.lost(3.5)

    def test_a_later_epoch_begins_at_one(self):
        """Another epoch is followed at once, and what is left of the earlier one is no news."""
        tracker = PositionTracker(2.0, ("e1", 500))
        tracker.seen(("e2", 1), 0.0)
        tracker.seen(("e1", 501), 0.0)
        assert tracker.at == ("e2", 1)
        assert tracker.reported_last(("e2", 1), 0.0)
        assert tracker.lost(9.0) == ""

    def test_a_writer_that_stays_in_an_earlier_epoch_is_told(self):
        """A ledger that was set back must begin an epoch of its own."""
        tracker = PositionTracker(2.0, ("e2", 5))
        assert not tracker.reported_last(("e1", 9), 0.0)
        assert not tracker.reported_last(("e1", 9), 3.0)
        assert tracker.lost(3.0) == "the writer speaks of an earlier epoch"

    def test_a_ledger_that_ends_earlier_than_what_came_is_doubted_at_once(self):
        """It counts as lost unless it is denied within the limit: a relay that was held up may speak last."""
        tracker = PositionTracker(2.0, ("e1", 5), "ev5")
        assert not tracker.reported_last(("e1", 3), 0.0, "ev3")
        assert (tracker.doubt, tracker.lost(1.0)) == ("the ledger ends at position 3 and 5 had come", "")
        assert tracker.reported_last(("e1", 5), 1.5, "ev5")
        assert (tracker.doubt, tracker.lost(9.0)) == ("", "")
        tracker.reported_last(("e1", 3), 10.0, "ev3")
        tracker.reported_last(("e1", 3), 11.0, "ev3")
        assert tracker.lost(12.5) == "the ledger ends at position 3 and 5 had come"

    def test_a_position_is_confirmed_by_its_event_alone(self):
        """A ledger that lost its end and gave as many positions since is not the one that was read."""
        tracker = PositionTracker(2.0, ("e1", 5), "ev5")
        assert not tracker.reported_last(("e1", 5), 0.0, "other")
        assert "position 5 to another event" in tracker.doubt
        assert PositionTracker(2.0, ("e1", 5)).reported_last(("e1", 5), 0.0, "ev5"), (
            "a mark of an earlier release names no event"
        )
        assert tracker.reported_last(("e1", 5), 0.0), "nor does a heartbeat of one"

    def test_an_event_behind_another_than_the_one_that_came_is_a_contradiction(self):
        """The ledger overtook the mark with other events before anybody looked."""
        tracker = PositionTracker(2.0, ("e1", 5), "ev5")
        assert tracker.contradiction([placed(6, "ev6", "ev5"), placed(7, "ev7", "ev6")]) is None
        assert tracker.contradiction([placed(6, "ev6", "other")])[0] == "e1"
        assert tracker.contradiction([placed(6, "ev6", "ev5"), placed(7, "ev7", "other")])[0] == "e1"
        assert tracker.contradiction([placed(5, "other", "ev4")])[0] == "e1"
        assert tracker.contradiction([placed(6, "ev6"), placed(5, "ev5"), placed(4, "ev4")]) is None
        tracker.seen(("e1", 6), 0.0, "ev6")
        assert tracker.contradiction([placed(6, "ev6", "ev5"), placed(7, "ev7", "ev6")]) is None, "it comes again"
        assert tracker.contradiction([placed(6, "other", "ev5")])[0] == "e1"
        assert tracker.contradiction([placed(1, "new", "", "e2"), placed(2, "newer", "new", "e2")]) is None
        assert tracker.contradiction([placed(1, "new", "", "e2"), placed(2, "newer", "other", "e2")])[0] == "e2"

    @given(st.data())
    def test_a_ledger_that_went_back_anywhere_is_found_out(self, data):
        """Whatever it lost and gave since, and wherever the batches end: nothing of the other branch is confirmed."""
        read = data.draw(st.integers(1, 12), label="read of the first ledger")
        common = data.draw(st.integers(0, read - 1), label="kept of it")
        given_since = data.draw(st.integers(0, 12), label="given since")
        first = [f"a{n}" for n in range(1, read + 1)]
        second = [*first[:common], *(f"b{n}" for n in range(given_since))]
        tracker = PositionTracker(2.0)
        for n, name in enumerate(first, start=1):
            tracker.seen(("e1", n), 0.0, name)
        if data.draw(st.booleans(), label="another reader took over"):
            tracker = PositionTracker(2.0, tracker.at, tracker.last_id)
        left = [placed(n, name, second[n - 2] if n > 1 else "") for n, name in enumerate(second, start=1)][common:]
        found = None
        while left and not found:
            size = data.draw(st.integers(1, len(left)), label="batch")
            batch, left = left[:size], left[size:]
            found = tracker.contradiction(batch)
            for each in batch:
                tracker.seen(each.position, 0.0, each.id)
        assert found or not tracker.reported_last(("e1", len(second)), 0.0, second[-1] if second else "")

    @given(st.permutations(list(range(1, 9))))
    def test_any_order_ends_complete(self, order):
        """Whatever the order, all that came is counted once."""
        tracker = PositionTracker(2.0)
        for n in [*order, *order[:3]]:
            tracker.seen(("e1", n), 0.0)
        assert tracker.at == ("e1", 8)


def test_topics_refuse_what_is_no_change():
    """An event that does not look like its type is told apart before anything is read."""
    broken = Event("x", "FundsDeposited", 1, "player:pl_a", ("e1", 1), BEGAN, {"player": 7})
    with pytest.raises(msgspec.ValidationError):
        Wallets.topics([broken])


def test_comparison_tells_equal_moved_on_and_wrong_apart():
    """Only records of the ledger's own moment are held against it."""
    limits = LimitsState("EUR", [DepositLimit("day", 500)])
    waiting = line(2, 5, state="pending")
    events = [*history(2), event(5, [waiting], total=3, pending=[waiting], limits=limits)]
    standing = {**straight(events).records, "wallet.pl_gone": None}
    months = {"2026-01": {"deposit": KindTotals(3, 200, 0)}}

    def stands(player="pl_a", n=5, real=500, months=months, pending=("rc_2",), limits=limits):
        return PlayerStatement(player, ("e1", n), real, 0, 0, "EUR", months, list(pending), limits)

    def wrong(player):
        assert set(topics_of(player)) > {f"wallet.{player.player}"}
        compared = compare(BalancesStated("run", 0, [player]), standing)
        return compared.equal, compared.moved_on, compared.wrong

    assert wrong(stands()) == (1, 0, [])
    assert wrong(stands(n=4, real=1)) == (0, 1, [])
    assert wrong(stands(n=6)) == (0, 0, ["pl_a is at 5 instead of 6"])
    assert wrong(stands(real=7)) == (0, 0, ["pl_a: real_minor is 500 instead of 7"])
    assert wrong(stands("pl_gone")) == (0, 0, ["pl_gone is not there"])
    more = {"2026-01": {"deposit": KindTotals(3, 200, 0), "bet": KindTotals(1, 0, -5)}}
    assert wrong(stands(months=more))[2] == ["pl_a: bet in 2026-01 is nothing instead of [1, 0, -5]"]
    assert wrong(stands(pending=[]))[2] == ["pl_a: pending is ['rc_2'] instead of []"]
    assert "limits are" in wrong(stands(limits=LimitsState("EUR", [])))[2][0]


def test_comparison_sees_what_is_cut_or_bent_in_the_history_itself():
    """A page that is gone or lacks a line, a month that counts it otherwise, last lines or claims that are others."""
    events = [*history(HISTORY_PAGE + 3), event(47, [], total=HISTORY_PAGE + 3, claimed={"welcome": 1})]
    right = straight(events).records
    months = {}
    for n in range(HISTORY_PAGE + 3):
        month = months.setdefault(month_of(line(n, 1).receipt.at), {"deposit": KindTotals(0, 0, 0)})
        month["deposit"] = KindTotals(month["deposit"].lines + 1, month["deposit"].in_minor + 100, 0)
    nothing = LimitsState("EUR", [])
    stated = PlayerStatement(
        "pl_a", ("e1", 47), 4700, 0, 0, "EUR", months, [], nothing, HISTORY_PAGE + 3, {"welcome": 1}
    )

    def wrong(topic=None, **changes):
        standing = {name: right.get(name) for name in topics_of(stated, 0.5)}
        if topic:
            sequence, raw = standing[topic]
            bent = {**msgspec.json.decode(raw), **changes}
            standing[topic] = (sequence, msgspec.json.encode(bent)) if changes else None
        compared = compare(BalancesStated("run", 0, [stated]), standing)
        assert compared.players == (["pl_a"] if compared.wrong else [])
        return "".join(compared.wrong)

    page = msgspec.json.decode(right["history.pl_a.0"][1])
    assert wrong() == ""
    assert "page 0 holds 0 lines instead of 20" in wrong("history.pl_a.0")
    assert "page 0 holds 19 lines instead of 20" in wrong("history.pl_a.0", lines=page["lines"][1:])
    other = [{**page["lines"][0], "kind": "bet"}, *page["lines"][1:]]
    assert "2026-01 counts page 0 otherwise than it is" in wrong("history.pl_a.0", lines=other)
    assert "the wallet's last lines are not those of the history" in wrong("wallet.pl_a", recent=[])
    assert "claimed is {} instead of {'welcome': 1}" in wrong("claims.pl_a", claimed={})
    assert "claimed is {} instead of {'welcome': 1}" in wrong("claims.pl_a")


@given(st.integers(0, 5000), st.floats(0, 1, exclude_max=True))
def test_comparison_looks_at_as_many_pages_however_long_a_history_is(lines, window):
    """The last two and one window, and every page is in some window."""
    stated = PlayerStatement("pl_a", ("e1", 1), 0, 0, 0, "EUR", {}, [], LimitsState("EUR", []), lines)
    pages = [topic for topic in topics_of(stated, window) if topic.startswith("history.")]
    count = -(-lines // HISTORY_PAGE)
    assert len(set(pages)) == len(pages) <= WINDOW + 2
    assert set(pages) <= {f"history.pl_a.{page}" for page in range(count)}
    if count:
        wanted = count // 2
        assert f"history.pl_a.{wanted}" in topics_of(stated, min(0.999999, wanted / max(1, count - WINDOW + 1)))
