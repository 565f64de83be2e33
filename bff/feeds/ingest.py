"""The ingest worker: `python -m bff.feeds.ingest`.

Runs every feed, or those that `INGEST_FEEDS` names; several of these processes may run, one of them reads a provider.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence

from bff import broker
from bff.feeds import settings
from bff.feeds.games.providers import games_feeds
from bff.feeds.policy import FEEDS
from bff.feeds.promotions.feed import PromotionsFeed
from bff.feeds.supervisor import Feed, Supervisor
from bff.feeds.tables.feed import TablesFeed
from bff.resilience import worker
from bff.store import Store


def feeds_of(store: Store, events: broker.Broker, owner: str) -> dict[str, Feed]:
    """Every feed there is, by name."""
    tables = TablesFeed(
        store,
        settings.TABLES_PROVIDER_URL,
        settings.TABLES_CASINO_ID,
        settings.CURRENCIES,
        owner,
        settings.TABLES_VIDEO_URL,
    )
    promotions = PromotionsFeed(store, events, settings.PROMOTIONS_PROVIDER_URL, settings.CURRENCIES, owner)
    feeds: list[Feed] = [tables, promotions, *games_feeds(store, owner)]
    return {feed.name: feed for feed in feeds}


def chosen(available: Mapping[str, Feed], names: Sequence[str]) -> list[Feed]:
    """The feeds that this process runs: those of these names, all of them without a name. Ends the process where one is
    unknown."""
    unknown = set(names) - available.keys()
    if unknown:
        raise SystemExit(f"INGEST_FEEDS names {', '.join(sorted(unknown))}; there are {', '.join(sorted(available))}.")
    return [feed for name, feed in available.items() if not names or name in names]


def main() -> None:
    store, events = Store.connect(settings.REDIS_URL), broker.connect(broker.address())
    owner = f"{os.environ.get('PROCESS_NAME', 'ingest')}-{secrets.token_hex(4)}"
    available = feeds_of(store, events, owner)
    feeds = chosen(available, settings.INGEST_FEEDS)
    supervisor = Supervisor(feeds, store, FEEDS)

    async def work(stop: asyncio.Event) -> None:
        await supervisor.run(stop)
        await store.aclose()
        await events.aclose()

    worker.run(work, healthy=supervisor.report)


if __name__ == "__main__":
    main()
