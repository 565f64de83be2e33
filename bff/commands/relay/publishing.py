"""Publishes the relay's events on the ledger's stream, each in its partition.

Public: `publish_batch`, `publish_heartbeats`.
After `BrokerUnavailable` any part of a batch may be in the stream, but no call is in flight any more, so that no late
write can overtake the retry.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from bff.broker import Broker
from bff.commands.engine.identifiers import fresh_id
from bff.commands.relay.steps import Batch
from bff.contracts.event import Event
from bff.contracts.ledger import HEARTBEAT, LEDGER_STREAM, LedgerHeartbeat
from bff.contracts.ledger_partition import aggregate_of_partition, partition_of


async def publish_batch(broker: Broker, batch: Batch) -> None:
    """The events of `batch`; what goes to one partition arrives in order."""
    places: dict[int, list[Event]] = {}
    for event in batch.events:
        places.setdefault(partition_of(event.aggregate, len(batch.ends)), []).append(event)
    await _publish(broker, places)


async def publish_heartbeats(broker: Broker, batch: Batch) -> None:
    """To every partition that the batch drains, that everything which was committed stands in it."""
    places = {}
    for place in batch.drained.held:
        end = batch.ends[place]
        at = (end.epoch, end.position)
        heartbeat = LedgerHeartbeat(position=at, event_id=end.event_id, partitions=len(batch.ends))
        data, about = msgspec.to_builtins(heartbeat), aggregate_of_partition(place)
        places[place] = [Event(fresh_id("ev"), HEARTBEAT, 1, about, at, datetime.now(UTC), data)]
    await _publish(broker, places)


async def _publish(broker: Broker, places: Mapping[int, Sequence[Event]]) -> None:
    answers = await asyncio.gather(
        *(broker.publish(LEDGER_STREAM, events, partition=place) for place, events in places.items()),
        return_exceptions=True,
    )
    for answer in answers:
        if answer is not None:
            raise answer
