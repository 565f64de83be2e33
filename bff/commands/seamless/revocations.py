"""Follows the revocations of sessions that the shell publishes over Valkey or Redis.

Public: `follow`.
"""

import time

import msgspec

from bff.commands.engine.policy import POLICY, EnginePolicy
from bff.commands.seamless.sessions import EndedSessions
from bff.contracts.revocation import REVOCATION_CHANNEL, REVOCATION_LOG, read_revocation
from bff.resilience import log, pubsub
from bff.resilience.redis_clients import AsyncClient

logger = log.get("bff-commands")


async def follow(redis_url: str, sessions: EndedSessions, policy: EnginePolicy = POLICY) -> None:
    """Until cancelled. Whenever the subscription is lost, `sessions` is incomplete, and believes no older token."""

    async def read_log(client: AsyncClient) -> None:
        # Take the time before reading the log: revocations during the read arrive over the channel.
        read_at = time.time()
        revoked: list[bytes] = await client.zrange(client.key(REVOCATION_LOG), 0, -1)  # type: ignore[assignment]  # not decoded
        for raw in revoked:
            _revoke(sessions, raw)
        sessions.complete_from(read_at)

    try:
        await pubsub.follow(
            redis_url,
            lambda _channel, raw: _revoke(sessions, raw),
            channels=[REVOCATION_CHANNEL],
            policy=policy.revocations_subscription,
            subscribed=read_log,
            lost=lambda _detail: sessions.incomplete(),
        )
    finally:
        sessions.incomplete()


def _revoke(sessions: EndedSessions, raw: bytes) -> None:
    try:
        revoked = read_revocation(raw)
    except msgspec.DecodeError as error:
        logger.error("revocation_malformed", detail=str(error))
        # The message does not say whose session ended, so no token from before this moment is accepted without a check.
        sessions.complete_from(time.time())
        return
    sessions.revoke(revoked.player, time.time(), mark=revoked.mark, epoch=revoked.epoch)
