"""The revocations that one process has received: over Redis at once, from the database every second.

Public: `Revocations`.
Redis makes it fast, the database makes it complete: a session ends there, with its revocation in the same transaction.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec
from django.conf import settings
from django.db import Error

from bff.contracts.revocation import REVOCATION_CHANNEL, read_revocation
from bff.resilience import log, pubsub
from shell.players.identity import Identity
from shell.players.revoke import Row, push, read
from shell.players.revoked_sessions import RevokedSessions
from shell.players.threads import Threads, ThreadsBusy

POLL_S = 1.0
# How long one reading may take before what is known counts as getting old, and the first pages wait for the first.
READ_S_MAX = 2.0

logger = log.get("revocations")


class Revocations:
    """`is_certainly_live` says whether `revoked_sessions` can be trusted about a cookie that is no longer fresh.

    `clock` is monotonic seconds; `read` and `push` reach the database and Redis.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        read: Callable[[int], Sequence[Row]] = read,
        push: Callable[[Sequence[Row]], None] = push,
    ) -> None:
        self.revoked_sessions = RevokedSessions(settings.REVOCATION_KEEP_S)
        self._redis_url = redis_url
        self._clock = clock
        self._read = read
        self._push = push
        self._last = 0
        self._unpushed: set[int] = set()
        self._threads = Threads("revocations", 1, 1)
        self._first: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def covers(self, identity: Identity) -> bool:
        """Whether the session behind `identity` is over."""
        return self.revoked_sessions.covers(identity)

    def is_certainly_live(self, identity: Identity) -> bool:
        """Whether `identity`, genuine and no longer fresh, can be accepted without a look-up: it is not revoked, and
        all revocations up to the age at which a cookie is fresh were received.
        """
        complete = self.revoked_sessions.is_complete(self._clock(), age_s_max=settings.PLAYER_COOKIE_AGE_S)
        return complete and not self.covers(identity)

    async def start(self) -> None:
        """Read once, then follow in the background. Whoever calls while the first reading is on its way waits."""
        if self._first is None:
            self._first = asyncio.create_task(self._begin(), name="revocations-first")
        if not self._first.done():
            await asyncio.wait({self._first})

    async def stop(self) -> None:
        await pubsub.cancel([task for task in (self._first, *self._tasks) if task is not None])
        self._first, self._tasks = None, []

    async def catch_up(self) -> None:
        """Read what has ended. A database that is away is logged; what is known gets older meanwhile."""
        began = self._clock()
        try:
            rows = await self._threads.run(lambda: self._read(self._last), deadline_ms=READ_S_MAX * 1000)
        except (Error, ThreadsBusy) as error:
            logger.warning("revocations_unread", detail=str(error))
            return
        for row in rows:
            self._add(row.mark, row.player, row.epoch)
        # None at all: the table is empty, or not the one that was read before. Then all of it is read the next time.
        self._last = max((row.pk for row in rows), default=0)
        self.revoked_sessions.complete(began)
        await self._relay([row for row in rows if not row.pushed])

    async def _relay(self, rows: Sequence[Row]) -> None:
        """Publish revocations that were unpublished at the last reading, too: the process that wrote them could not
        reach Redis.
        """
        overdue = [row for row in rows if row.pk in self._unpushed]
        self._unpushed = {row.pk for row in rows}
        if overdue:
            try:
                await self._threads.run(lambda: self._push(overdue), deadline_ms=READ_S_MAX * 1000)
            except ThreadsBusy as error:
                logger.warning("revocations_not_pushed", count=len(overdue), detail=str(error))

    async def _begin(self) -> None:
        self._tasks.append(asyncio.create_task(self._subscribe(), name="revocations"))
        await self._caught_up()
        self._tasks.append(asyncio.create_task(self._follow(), name="revocations-reader"))

    async def _subscribe(self) -> None:
        policy = pubsub.SubscriptionPolicy()
        await pubsub.follow(self._redis_url, self._received, channels=[REVOCATION_CHANNEL], policy=policy)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            await self._caught_up()

    async def _caught_up(self) -> None:
        try:
            await self.catch_up()
        except Exception:
            # A reader that ended would let what is known here grow old for ever.
            logger.exception("revocations_reader_broke")

    def _add(self, mark: str, player: str, epoch: int) -> None:
        if mark:
            self.revoked_sessions.add_session(mark, self._clock())
        elif player:
            self.revoked_sessions.add_player(player, epoch, self._clock())

    def _received(self, _channel: str, data: bytes) -> None:
        try:
            revoked = read_revocation(data)
        except msgspec.DecodeError:
            logger.warning("revocation_malformed")
            return
        self._add(revoked.mark, revoked.player, revoked.epoch)
