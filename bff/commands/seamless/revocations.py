"""Hearing which sessions ended, as the shell says it over Valkey or Redis.

Public: `follow`, `REVOKED_CHANNEL`, `REVOKED_LOG`.
"""

import asyncio
import time

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bff.commands.engine.policy import POLICY, EnginePolicy
from bff.commands.seamless.sessions import Sessions
from bff.contracts import text
from bff.resilience import log

REVOKED_CHANNEL = "mullion:revoked"
# What went over the channel lately, for whoever did not listen just then.
REVOKED_LOG = "mullion:revocations"

logger = log.get("bff-commands")


class _Revoked(msgspec.Struct):
    player: str
    mark: str = ""
    epoch: int = 0


async def follow(redis_url: str, sessions: Sessions, policy: EnginePolicy = POLICY) -> None:
    """Until cancelled. Whenever the line is lost, `sessions` hears that too, and believes no older token.

    A store that hangs closes nothing, so the line is pinged, and a silence counts as its end.
    """
    while True:
        client = Redis.from_url(
            redis_url,
            socket_connect_timeout=1,
            socket_timeout=policy.revocations_silence_s,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(REVOKED_CHANNEL)
                await _hear(client, pubsub, sessions, policy)
        except (RedisError, OSError, TimeoutError) as error:
            logger.debug("revocations_unheard", detail=str(error))
        finally:
            sessions.lose()
            await client.aclose()
        await asyncio.sleep(policy.revocations_retry_s)


async def _hear(client: Redis, pubsub: PubSub, sessions: Sessions, policy: EnginePolicy) -> None:
    answered = pinged = time.monotonic()
    while True:
        message = await pubsub.get_message(timeout=policy.revocations_ping_s)
        now = time.monotonic()
        if message is not None:
            answered = now
            if message["type"] == "subscribe":
                # The moment first: whatever ends while the log is read is heard over the channel.
                began = time.time()
                revoked: list[bytes] = await client.zrange(REVOKED_LOG, 0, -1)  # type: ignore[assignment]  # not decoded
                for raw in revoked:
                    _add(sessions, raw)
                sessions.begin(began)
            elif message["type"] == "message":
                _add(sessions, message["data"])
        if now - answered > policy.revocations_silence_s:
            raise TimeoutError("the line has fallen silent")
        if now - pinged >= policy.revocations_ping_s:
            pinged = now
            await pubsub.ping()


def _add(sessions: Sessions, raw: bytes) -> None:
    try:
        revoked = text.decode(raw, _Revoked)
    except msgspec.DecodeError as error:
        logger.error("revocation_malformed", detail=str(error))
        # Whose session that was is not known, so nobody's old token is believed on the strength of having heard it.
        sessions.begin(time.time())
        return
    sessions.add(revoked.player, time.time(), mark=revoked.mark, epoch=revoked.epoch)
