"""Requests of the read side to the write side, on the stream `ledger-requests`.

Public: `publish_request`, `Loss`.
"""

import uuid
from datetime import UTC, datetime

import msgspec
from prometheus_client import Counter

from bff.broker import Broker
from bff.contracts.event import Event
from bff.contracts.ledger import REPLAY_REQUESTED, REQUESTS_STREAM, ReplayRequested
from bff.contracts.view import Sequence
from bff.resilience import log

logger = log.get("projector")

REPLAYS_REQUESTED = Counter(
    "mullion_projector_replays_requested_total", "Times that events were found lost and asked for again"
)


async def publish_request(broker: Broker, event_type: str, sequence: Sequence, data: msgspec.Struct) -> None:
    """Publish one request event about the ledger."""
    event = Event(
        id=f"rq_{uuid.uuid4().hex}",
        type=event_type,
        version=1,
        aggregate="ledger",
        sequence=sequence,
        occurred_at=datetime.now(UTC),
        data=msgspec.to_builtins(data),
    )
    await broker.publish(REQUESTS_STREAM, [event])


class Loss:
    """That events of an epoch of `partition` are lost, or not to be believed, until a later epoch is followed.

    `why` is "" when nothing is lost. It is asked for again every `replay_s`.
    """

    def __init__(self, broker: Broker, replay_s: float, partition: int) -> None:
        self._broker, self._replay_s, self._partition = broker, replay_s, partition
        self._requested_at = float("-inf")
        self.why, self.epoch = "", ""

    def __repr__(self) -> str:
        return f"<Loss {self.epoch} {self.why}>"

    def declare(self, why: str, at: Sequence) -> None:
        """Something is missing of the epoch of `at`, how far the projector is; what is lost already stays as it was."""
        if self.why:
            return
        logger.warning("projector_events_lost", why=why, at=at)
        REPLAYS_REQUESTED.inc()
        self.why, self.epoch = why, at[0]

    def followed(self, epoch: str) -> None:
        """The projector is in this epoch: events that an earlier one lost have been, or are being, sent again."""
        if self.why and epoch > self.epoch:
            logger.info("projector_epoch_followed", epoch=epoch)
            self.why = ""

    async def request_replay(self, now: float) -> None:
        """Ask for all of it under another epoch, when something is lost and it is time."""
        if self.why and now - self._requested_at >= self._replay_s:
            self._requested_at = now
            request = ReplayRequested(self.epoch, self.why, self._partition)
            await publish_request(self._broker, REPLAY_REQUESTED, (self.epoch, 0), request)
