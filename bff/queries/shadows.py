"""Rebuilds a player's records in a shadow, and swaps it in when it agrees with the ledger.

Public: `Shadows`, `is_rebuilding`.

What is told of one player for a rebuild stands together in the stream, after everything that happened to the player
before and before everything that happens next. So nothing has to be written twice: when the last of it comes, the
shadow is as new as the records that everybody sees, by one number.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby

import msgspec
from prometheus_client import Counter

from bff.broker import Delivery, Unusable
from bff.contracts.games import player_games_topic
from bff.contracts.history import MONTHS_REACHABLE, month_before, month_of
from bff.contracts.ledger import (
    HISTORY_PAGE,
    BalancesStated,
    HistoryPage,
    MovementLine,
    PlayerChanged,
    PlayerRebuilt,
    PlayersRebuilt,
    history_topic,
    month_topic,
)
from bff.contracts.promotions import claims_topic
from bff.contracts.view import Sequence as ViewSequence
from bff.contracts.wallet import limits_topic, pending_topic, receipt_topic, wallet_topic
from bff.queries.projections import FEED, StoredRecords, Wallets, compare, topics_of
from bff.resilience import log
from bff.store import Put, Store

logger = log.get("projector")

REBUILT = Counter("mullion_projector_players_rebuilt_total", "Players whose shadow was judged", ["outcome"])


def is_rebuilding(delivery: Delivery) -> bool:
    """Whether this event belongs to a rebuild's shadow and to nothing else."""
    return bool(delivery.event.data.get("rebuild"))


class Shadows:
    """Writes the events of rebuilds into their shadows, and judges each player at the end.

    `part` is which part of the ledger's feed the players belong to at that moment, None where it has one only.
    """

    def __init__(self, store: Store, part: Callable[[], int | None] = lambda: None) -> None:
        self._store, self._part = store, part

    async def project(self, deliveries: Sequence[Delivery]) -> list[PlayersRebuilt]:
        """In order; the answers to all that came to their end. Raises `Unusable` for what does not say what it must."""
        answers: dict[str, list[PlayerRebuilt]] = {}
        for (run, _), of_run in groupby(deliveries, key=_run_and_player):
            change = await self._write_shadow(run, list(of_run))
            if change is not None:
                outcome = await self._judge(run, *change)
                REBUILT.labels(outcome.outcome).inc()
                answers.setdefault(run, []).append(outcome)
        return [PlayersRebuilt(run, players) for run, players in answers.items()]

    async def _write_shadow(
        self, run: str, deliveries: list[Delivery]
    ) -> tuple[PlayerChanged, ViewSequence, datetime] | None:
        """Write an event into its shadow; returns the one that ends it, if that is among them."""
        ended, events = None, [each.event for each in deliveries]
        for each in deliveries:
            try:
                if "balances" in each.event.data:
                    change = msgspec.convert(each.event.data, PlayerChanged)
                    ended = change, each.event.sequence, each.event.occurred_at
                else:
                    msgspec.convert(each.event.data, HistoryPage)
            except msgspec.ValidationError as error:
                raise Unusable(each, f"not what {each.event.type} looks like: {error}") from error
        wallets = Wallets(await self._read(Wallets.topics(events), run))
        for event in events:
            wallets.apply(event)
        await self._store.put_shadow(run, wallets.changes())
        return ended

    async def _judge(self, run: str, change: PlayerChanged, sequence: ViewSequence, at: datetime) -> PlayerRebuilt:
        player, stands, wallet = change.player, change.stands, wallet_topic(change.player)
        lines = await self._lines(run, change)
        topics = _topics(change, at, lines)
        seen = (await self._store.get_many([wallet]))[wallet]
        if seen is not None and seen.sequence >= sequence:
            await self._store.delete_shadow(run, topics)
            return PlayerRebuilt(player, "standing")
        standing = await self._read([wallet, *topics_of(stands)] if stands else [wallet], run)
        wrong = []
        if [line.ordinal for line in lines] != list(range(change.lines_total)):
            wrong.append(f"{player}: {len(lines)} lines of {change.lines_total} are there")
        wrong += compare(BalancesStated(run, 0, [stands]), standing).wrong if stands else ["nothing to hold it against"]
        if not wrong:
            swapped = await self._store.swap(run, topics, feed=FEED, sequence=sequence, part=self._part())
            return PlayerRebuilt(player, "swapped" if swapped else "standing")
        logger.error("projection_refused", player=player, run=run, why=wrong)
        await self._store.delete_shadow(run, topics)
        if seen is not None and seen.sequence == (sequence[0], sequence[1] - 1):
            # Nothing has changed but the number: what happens next must follow it.
            await self._store.put_many([Put(wallet, seen.data, FEED, sequence)], part=self._part())
        return PlayerRebuilt(player, "refused", "; ".join(wrong))

    async def _lines(self, run: str, change: PlayerChanged) -> list[MovementLine]:
        topics = [history_topic(change.player, page) for page in _pages(change)]
        pages = (await self._store.get_many(topics, shadow=run)).values()
        return [line for page in pages if page is not None for line in page.decode(HistoryPage).lines]

    async def _read(self, topics: Iterable[str], run: str) -> StoredRecords:
        records = await self._store.get_many(topics, shadow=run)
        return {topic: (record.sequence, record.raw) if record else None for topic, record in records.items()}


def _run_and_player(delivery: Delivery) -> tuple[str, str]:
    return delivery.event.data["rebuild"], delivery.event.aggregate


def _topics(change: PlayerChanged, at: datetime, lines: list[MovementLine]) -> list[str]:
    """Everything that is kept of the player, the wallet first: what the shadow lacks of it is to go."""
    player, pages = change.player, _pages(change)
    months = set(change.stands.months if change.stands else ())
    months |= {month_before(month_of(at), back) for back in range(MONTHS_REACHABLE)}
    return [
        wallet_topic(player),
        pending_topic(player),
        limits_topic(player),
        claims_topic(player),
        player_games_topic(player),
        *(history_topic(player, page) for page in (*pages, len(pages))),
        *(month_topic(player, month) for month in sorted(months)),
        *dict.fromkeys(receipt_topic(line.receipt.receipt_id) for line in lines),
    ]


def _pages(change: PlayerChanged) -> range:
    return range(-(-change.lines_total // HISTORY_PAGE))
