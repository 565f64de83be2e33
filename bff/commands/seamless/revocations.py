"""Hearing which sessions ended, as the shell says it over Valkey or Redis.

Public: `follow`.
"""

import time

import msgspec
from redis.asyncio import Redis

from bff.commands.engine.policy import POLICY, EnginePolicy
from bff.commands.seamless.sessions import Sessions
from bff.contracts.revocation import REVOCATION_CHANNEL, REVOCATION_LOG, read_revocation
from bff.resilience import log, pubsub

logger = log.get("bff-commands")


async def follow(redis_url: str, sessions: Sessions, policy: EnginePolicy = POLICY) -> None:
    """Until cancelled. Whenever the subscription is lost, `sessions` hears that too, and believes no older token."""

    async def read_log(client: Redis) -> None:
        # The moment first: whatever ends while the log is read is heard over the channel.
        began = time.time()
        revoked: list[bytes] = await client.zrange(REVOCATION_LOG, 0, -1)  # type: ignore[assignment]  # not decoded
        for raw in revoked:
            _add(sessions, raw)
        sessions.begin(began)

    try:
        await pubsub.follow(
            redis_url,
            lambda _channel, raw: _add(sessions, raw),
            channels=[REVOCATION_CHANNEL],
            policy=policy.revocations_subscription,
            subscribed=read_log,
            lost=lambda _detail: sessions.lose(),
        )
    finally:
        sessions.lose()


def _add(sessions: Sessions, raw: bytes) -> None:
    try:
        revoked = read_revocation(raw)
    except msgspec.DecodeError as error:
        logger.error("revocation_malformed", detail=str(error))
        # Whose session that was is not known, so nobody's old token is believed on the strength of having heard it.
        sessions.begin(time.time())
        return
    sessions.add(revoked.player, time.time(), mark=revoked.mark, epoch=revoked.epoch)
