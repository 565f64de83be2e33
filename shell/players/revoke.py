"""Ends sessions: writes the revocation to the database first, then publishes it over Redis.

Public: `record`, `record_deleted`, `push`, `read`, `end_session`, `Row`.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import Error, transaction
from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError

from bff.contracts.revocation import REVOCATION_CHANNEL, REVOCATION_LOG, SessionsRevoked, write_revocation
from bff.resilience import log
from bff.resilience.redis_clients import blocking_client
from shell.players.models import Player, Revocation

CONNECT_S = 0.05
ANSWER_S = 0.1
# A transaction may take its number before another and commit after it: so many numbers are read again every time.
OVERLAP = 200
# Clocks of processes may differ by this much, so nothing younger is thrown away.
CLOCKS_S = 600

logger = log.get("revocations")


class Row(NamedTuple):
    """One revocation as it was read."""

    pk: int
    mark: str
    player: str
    epoch: int
    pushed: bool


def end_session(session_key: str) -> None:
    """End the session behind `session_key`, if there is one."""
    from shell.players.session_store import SessionStore

    SessionStore(session_key).delete()


def record(revocations: Iterable[Revocation]) -> None:
    """Write revocations in the open transaction, delete those whose cookies have expired, and
    publish after the commit.
    """
    written = Revocation.objects.bulk_create(list(revocations))
    retained_s = settings.REVOCATION_KEEP_S + CLOCKS_S
    Revocation.objects.filter(ended_at__lt=timezone.now() - timedelta(seconds=retained_s)).delete()
    rows = [Row(row.pk, row.mark, row.player, row.epoch, False) for row in written]
    transaction.on_commit(lambda: push(rows))


def record_deleted(sender: type[Player], instance: Player, **_: Any) -> None:
    """An account that is deleted takes its sessions with it."""
    record([Revocation(player=instance.player_id, epoch=instance.sessions_epoch + 1)])


def read(after: int) -> list[Row]:
    """Every revocation from `after` on, with those before it that may have been committed late or were not pushed."""
    wanted = Revocation.objects.filter(Q(pk__gt=after - OVERLAP) | Q(pushed=False))
    return [Row(*values) for values in wanted.values_list("pk", "mark", "player", "epoch", "pushed")]


def push(rows: Sequence[Row]) -> None:
    """Publish to every process over Redis. A failure is logged: a process that reads the rows later publishes them."""
    if not rows:
        return
    client = blocking_client(settings.REDIS_URL, connect_s=CONNECT_S, answer_s=ANSWER_S)
    revocations = client.key(REVOCATION_LOG)
    now = time.time()
    try:
        with client, client.pipeline() as pipeline:
            for row in rows:
                message = write_revocation(SessionsRevoked(row.player, row.mark, row.epoch))
                pipeline.zadd(revocations, {message: now})
                pipeline.publish(REVOCATION_CHANNEL, message)
            pipeline.zremrangebyscore(revocations, 0, now - settings.REVOCATION_KEEP_S)
            pipeline.expire(revocations, settings.REVOCATION_KEEP_S)
            pipeline.execute()
    except (RedisError, OSError) as error:
        logger.warning("revocations_not_pushed", count=len(rows), detail=str(error))
        return
    try:
        Revocation.objects.filter(pk__in=[row.pk for row in rows]).update(pushed=True)
    except Error as error:
        # They are pushed once more, which changes nothing.
        logger.warning("revocations_not_noted", count=len(rows), detail=str(error))
