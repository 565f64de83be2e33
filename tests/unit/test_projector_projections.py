"""The projector's rules, tried in every order."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.contracts.event import Event
from bff.contracts.ledger import (
    HISTORY_PAGE,
    HISTORY_RESTATED,
    PLAYER_RESTATED,
    BalancesStated,
    HistoryPage,
    MovementLine,
    PlayerChanged,
    PlayerStands,
)
from bff.contracts.wallet import Balances, Receipt
from bff.queries.projections import Parked, Wallets, Watch, compare

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def line(ordinal, n, epoch="e1", state="done"):
    at = BEGAN + timedelta(minutes=ordinal)
    receipt = Receipt(f"rc_{ordinal}", "deposit", state, 100, "EUR", at, (epoch, n))
    return MovementLine(ordinal, "deposit", receipt)


def event(n, lines, *, total, epoch="e1", kind="FundsDeposited", claimed=None):
    balances = Balances(n * 100, 0, n * 100, 0, "EUR")
    change = PlayerChanged("pl_a", "EUR", balances, total, lines, claimed)
    return Event(f"{epoch}-{n}-{kind}", kind, 1, "player:pl_a", (epoch, n), BEGAN, msgspec.to_builtins(change))


def history(deposits):
    """Each deposit is asked for and then done: two events on one line."""
    events = []
    for ordinal in range(deposits):
        n = ordinal * 2 + 1
        events.append(event(n, [line(ordinal, n, state="pending")], total=ordinal + 1, kind="DepositRequested"))
        events.append(event(n + 1, [line(ordinal, n + 1)], total=ordinal + 1))
    return events


class Store:
    """Keeps records as the query store does: newer of the same epoch, or of another epoch."""

    def __init__(self):
        self.records = {}

    def write(self, puts):
        for put in puts:
            old = self.records.get(put.topic)
            if old and old[0][0] == put.sequence[0] and old[0][1] >= put.sequence[1]:
                continue
            self.records[put.topic] = (put.sequence, msgspec.json.encode(put.data))

    def project(self, events, *, dies_after=None):
        """What was parked. `dies_after` cuts the writing after so many records."""
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
    before = store.state()
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


class TestWatch:
    def test_gap_that_fills_in_time_is_not_lost(self):
        """Out of order is not lost."""
        watch = Watch(2.0)
        watch.seen(("e1", 1), 0.0)
        watch.seen(("e1", 3), 0.0)
        assert watch.lost(1.0) == ""
        watch.seen(("e1", 2), 1.5)
        assert (watch.lost(9.0), watch.at) == ("", ("e1", 3))

    def test_gap_that_stands_is_lost(self):
        """A position that does not come within the limit is named."""
        watch = Watch(2.0)
        watch.seen(("e1", 2), 0.0)
        assert watch.lost(0.0) == ""
        assert watch.lost(2.5) == "position 1 is missing, 2 has been given"

    def test_a_lost_end_is_seen_by_the_heartbeat(self):
        """What was given last and never came is missed too."""
        watch = Watch(2.0, ("e1", 5))
        assert watch.told(("e1", 5), 0.0)
        assert not watch.told(("e1", 6), 1.0)
        assert watch.lost(1.0) == ""
        assert watch.lost(3.5)

    def test_a_later_epoch_begins_at_one(self):
        """Another epoch is followed at once, and what is left of the earlier one is no news."""
        watch = Watch(2.0, ("e1", 500))
        watch.seen(("e2", 1), 0.0)
        watch.seen(("e1", 501), 0.0)
        assert watch.at == ("e2", 1)
        assert watch.told(("e2", 1), 0.0)
        assert watch.lost(9.0) == ""

    def test_a_writer_that_stays_in_an_earlier_epoch_is_told(self):
        """A ledger that was set back must begin an epoch of its own."""
        watch = Watch(2.0, ("e2", 5))
        assert not watch.told(("e1", 9), 0.0)
        assert not watch.told(("e1", 9), 3.0)
        assert watch.lost(3.0) == "the writer speaks of an earlier epoch"

    @given(st.permutations(list(range(1, 9))))
    def test_any_order_ends_complete(self, order):
        """Whatever the order, all that came is counted once."""
        watch = Watch(2.0)
        for n in [*order, *order[:3]]:
            watch.seen(("e1", n), 0.0)
        assert watch.at == ("e1", 8)


def test_topics_refuse_what_is_no_change():
    """An event that does not look like its type is told apart before anything is read."""
    broken = Event("x", "FundsDeposited", 1, "player:pl_a", ("e1", 1), BEGAN, {"player": 7})
    with pytest.raises(msgspec.ValidationError):
        Wallets.topics([broken])


def test_comparison_tells_equal_moved_on_and_wrong_apart():
    """Only records of the ledger's own moment are held against it."""
    store = straight(history(2))  # at 4 with 400
    standing = {"wallet.pl_a": store.records["wallet.pl_a"], "wallet.pl_gone": None}

    def wrong(*players):
        compared = compare(BalancesStated("run", 0, list(players)), standing)
        return compared.equal, compared.moved_on, compared.wrong

    assert wrong(PlayerStands("pl_a", ("e1", 4), 400, 0, 0)) == (1, 0, [])
    assert wrong(PlayerStands("pl_a", ("e1", 3), 1, 0, 0)) == (0, 1, [])
    assert wrong(PlayerStands("pl_a", ("e1", 5), 500, 0, 0)) == (0, 0, ["pl_a is at 4 instead of 5"])
    assert wrong(PlayerStands("pl_a", ("e1", 4), 7, 0, 0)) == (0, 0, ["pl_a: real_minor is 400 instead of 7"])
    assert wrong(PlayerStands("pl_gone", ("e1", 1), 0, 0, 0)) == (0, 0, ["pl_gone is not there"])
