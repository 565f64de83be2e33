"""Compares the read side's records with the ledger's statements, and publishes the result.

Public: `Comparer`.
"""

import random

import msgspec
from prometheus_client import Counter

from bff.broker import Broker, Delivery, Unusable
from bff.contracts.ledger import BALANCES_COMPARED, ROLLING, BalancesStated
from bff.queries.projections import compare, topics_of
from bff.queries.requests import publish_request
from bff.resilience import log
from bff.store import Store

logger = log.get("projector")

DIFFERING = Counter(
    "mullion_projector_players_differing_total", "Players found to differ from the ledger in a comparison"
)


class Comparer:
    """Reads the records of `batch` players at once."""

    def __init__(self, store: Store, broker: Broker, batch: int) -> None:
        self._store, self._broker, self._batch = store, broker, batch

    async def answer(self, delivery: Delivery) -> None:
        """Raises `Unusable` for an invalid event."""
        try:
            stated = msgspec.convert(delivery.event.data, BalancesStated)
        except msgspec.ValidationError as error:
            raise Unusable(delivery, f"not what {delivery.event.type} looks like: {error}") from error
        window = random.random()  # noqa: S311 (which pages are looked at)
        standing: dict[str, tuple[tuple[str, int], bytes] | None] = {}
        for start in range(0, len(stated.players), self._batch):
            players = stated.players[start : start + self._batch]
            records = await self._store.get_many(topic for each in players for topic in topics_of(each, window))
            for topic, record in records.items():
                standing[topic] = (record.sequence, record.raw) if record else None
        compared = compare(stated, standing)
        if stated.run == ROLLING and not compared.wrong:
            return
        for wrong in compared.wrong:
            logger.error("projection_differs", detail=wrong)
        DIFFERING.inc(len(compared.wrong))
        await publish_request(self._broker, BALANCES_COMPARED, (stated.run, stated.part), compared)
