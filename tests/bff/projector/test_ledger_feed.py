"""The feed `ledger` is reported whole where the ledger has one partition, and by parts where it has several."""

from types import SimpleNamespace

import pytest

from bff.queries.ledger_feed import LedgerFeed
from bff.resilience.reason import Reason

pytestmark = pytest.mark.quick


class Reports:
    """A store that records the reports it is given. Its last heartbeat named the epoch e1."""

    def __init__(self):
        self.whole, self.parts = [], []

    async def heartbeat(self, feed, state="live", detail="", data=None):
        self.whole.append((feed, state, detail, data))

    async def heartbeat_of_part(self, feed, part, parts, state="live", detail="", data=None):
        self.parts.append((feed, part, parts, state, detail, data))

    async def freshness(self, _feed):
        return SimpleNamespace(data={"epoch": "e1"})


async def test_a_ledger_of_one_partition_is_live_or_stale_as_a_whole():
    """A stale one still says which epoch it was in."""
    store = Reports()
    feed = LedgerFeed(store, 0, 1)
    await feed.live("e1")
    await feed.stale()
    epoch = {"epoch": "e1"}
    assert store.whole == [("ledger", "live", "", epoch), ("ledger", "stale", Reason.FEED_STALE, epoch)]
    assert store.parts == []


async def test_each_partition_of_several_reports_its_own_part():
    """Their number is at least as large as the partition's own place says, until a heartbeat tells it."""
    store = Reports()
    feed = LedgerFeed(store, 1, 1)
    await feed.live("e1")
    await feed.stale()
    assert store.parts == [
        ("ledger", 1, 2, "live", "", {"epoch": "e1"}),
        ("ledger", 1, 2, "stale", Reason.FEED_STALE, None),
    ]
    assert (feed.part, store.whole) == (1, [])
