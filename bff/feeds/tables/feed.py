"""Live tables, from the provider's socket to the query store.

Public: `TablesFeed`.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime

import msgspec

from bff.contracts.tables import TABLES_TOPIC, TableState, table_topic
from bff.feeds.health import FeedHealth
from bff.feeds.leadership import Leadership
from bff.feeds.policy import FEEDS, TABLES, FeedsPolicy, TablesPolicy
from bff.feeds.reading import BadMessage, ProviderRefused
from bff.feeds.tables.board import Board
from bff.feeds.tables.inbox import Inbox
from bff.feeds.tables.liveness import Liveness, LivenessCheck
from bff.feeds.tables.socket import SocketFailed, TablesSocket
from bff.feeds.tables.updates import Keys, TableUpdate, parse
from bff.resilience import log
from bff.resilience.backoff import Backoff
from bff.resilience.reason import Reason
from bff.store import Put, Store, StoreUnavailable

FEED = "tables"


class TablesFeed:
    """Runs until cancelled. Anything that it raises is a mistake on this side, for the supervisor."""

    name = FEED

    def __init__(
        self,
        store: Store,
        url: str,
        casino_id: str,
        currencies: list[str],
        owner: str,
        video_url: str = "",
        policy: TablesPolicy = TABLES,
        shared: FeedsPolicy = FEEDS,
    ) -> None:
        self._store = store
        self._url = url
        self._casino_id = casino_id
        self._currencies = currencies
        self._policy = policy
        self._shared = shared
        self._logger = log.get("feeds")
        self.health = FeedHealth(FEED, shared)
        self._leadership = Leadership(store, FEED, owner, shared, self.health)
        self._board = Board(video_url, policy)
        self._liveness = LivenessCheck(policy)
        self._backoff = Backoff(shared.backoff)
        self._list_due = False
        self._alive_at = float("-inf")
        self._announced = True
        self._usable_at = 0.0
        self._failing = ""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._leadership.run(self._refill))
            tasks.create_task(self._read())
            tasks.create_task(self._write())
            tasks.create_task(self._heartbeat())

    def _refill(self) -> None:
        self._board.touch_all()
        self._list_due = True
        # What was heard a moment ago still holds; the next heartbeat writes it to a store that was flushed.
        self._announced = False

    # The provider

    async def _read(self) -> None:
        while True:
            await self._leadership.wait_leading()
            await self._seed()
            try:
                await self._connected()
            except SocketFailed as failed:
                await self._failed(failed)
            if self._leadership.leads:
                await asyncio.sleep(self._backoff.next_s())

    async def _seed(self) -> None:
        """Begin with what a predecessor wrote; without a store there is nothing to begin with."""
        if len(self._board):
            return
        try:
            record = await self._store.get(TABLES_TOPIC)
            self._board.seed(record.decode(list[TableState]) if record is not None else [])
        except (StoreUnavailable, msgspec.ValidationError) as error:
            self._logger.info("begins_empty", feed=FEED, detail=str(error))

    async def _connected(self) -> None:
        """One connection, from its first word to its end; returns when another process leads."""
        async with TablesSocket(self._url, self._casino_id, self._policy) as socket:
            self.health.attempt("ok")
            self.health.set_connected(True)
            if not self._failing:
                self._logger.info("connected", feed=FEED)
            inbox = Inbox(self._policy.backlog_max, self.health)
            self._usable_at = time.monotonic()
            work = [
                self._receive(socket, inbox),
                self._handle(socket, inbox),
                self._request_list(socket),
                self._watch(),
            ]
            tasks = [asyncio.ensure_future(each) for each in (*work, self._leadership.wait_deposed())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self.health.set_connected(False, self.health.reason)

    async def _receive(self, socket: TablesSocket, inbox: Inbox) -> None:
        async for message in socket.messages():
            inbox.put(message)
            # A message that was there already does not suspend; the other feeds have their turn all the same.
            await asyncio.sleep(0)

    async def _watch(self) -> None:
        """Ends a connection over which nothing usable comes."""
        while True:
            left_s = self._usable_at + self._policy.silence_s - time.monotonic()
            if left_s <= 0:
                raise SocketFailed(Reason.TIMEOUT, "connected, but nothing usable is said")
            await asyncio.sleep(left_s)

    async def _request_list(self, socket: TablesSocket) -> None:
        while True:
            await socket.request_list()
            await asyncio.sleep(self._policy.relist_s)

    async def _handle(self, socket: TablesSocket, inbox: Inbox) -> None:
        """Messages in slices, so that a flood of one provider leaves the others their share of the time."""
        slice_s, followed = self._policy.slice_ms / 1000, set[str]()
        while True:
            await inbox.wait()
            began = time.perf_counter()
            while time.perf_counter() - began < slice_s and (raw := inbox.take()) is not None:
                keys = self._process(raw)
                if keys is not None:
                    await self._follow(socket, keys, followed)
            spent_s = time.perf_counter() - began
            await asyncio.sleep(spent_s * (1 / self._policy.duty - 1))

    async def _follow(self, socket: TablesSocket, keys: Keys, followed: set[str]) -> None:
        self._board.keep_only(keys.table_ids)
        self._liveness.keep_only(keys.table_ids)
        for table_id in keys.table_ids:
            if table_id not in followed:
                followed.add(table_id)
                for currency in self._currencies:
                    await socket.follow(table_id, currency)

    def _process(self, raw: str | bytes) -> Keys | None:
        """Take up one message; the list of tables, if it is that."""
        if len(raw) > self._policy.message_bytes_max:
            self.health.bad(raw, f"{len(raw)} characters; {self._policy.message_bytes_max} are read")
            return None
        try:
            update = parse(raw, currencies=frozenset(self._currencies), tables_max=self._policy.tables_max)
            if isinstance(update, Keys):
                self.health.message("ok")
                return update
            self.health.message(self._apply(update, datetime.now(UTC)))
        except BadMessage as bad:
            self.health.bad(raw, str(bad))
            return None
        except ProviderRefused as refused:
            self.health.bad(raw, f"the provider refused: {refused}")
            raise SocketFailed(Reason.UPSTREAM_ERROR, f"the provider refused: {refused}") from refused
        return None

    def _apply(self, update: TableUpdate, received_at: datetime) -> str:
        """How `FeedHealth` counts `update`: `ok`, `late`, `still` or `ahead`."""
        before = self._board.get(update.table_id)
        if not self._board.apply(update, received_at):
            return "late"
        after = self._board.get(update.table_id)
        assert after is not None, "what was applied is there"
        verdict = self._liveness.judge(update, before, after, received_at)
        return "ok" if verdict in (Liveness.MOVED, Liveness.SAME) else verdict.value

    async def _failed(self, failed: SocketFailed) -> None:
        self.health.attempt(failed.reason)
        self.health.set_connected(False, failed.reason)
        self._announced = True  # what was heard over that connection is not reported of the next
        # Silence has its own thresholds; a connection that is gone is reported at once.
        await self._report_failing(failed.reason, failed.detail)

    async def _report_failing(self, reason: Reason, detail: str) -> None:
        """Report the feed as failing, whatever its age."""
        if self._failing != reason:
            self._failing = reason
            self._logger.warning("feed_failing", feed=FEED, reason=reason.value, detail=detail)
        with contextlib.suppress(StoreUnavailable):
            await self._store.heartbeat(FEED, "stale", reason)

    # The query store

    async def _heartbeat(self) -> None:
        """Record that messages arrived, if any did, or that the feed's clock can not be trusted."""
        while True:
            await asyncio.sleep(self._policy.heartbeat_s)
            verdict = self._take_verdict()
            if not self._leadership.leads or not self.health.connected:
                continue
            if verdict is Liveness.AHEAD:
                await self._report_failing(Reason.FEED_STALE, "rounds are sent that ended in the future")
                continue
            if self._announced or time.monotonic() - self._alive_at > 2 * self._policy.heartbeat_s:
                continue
            try:
                await self._store.heartbeat(FEED)
            except StoreUnavailable:
                continue
            self._announced = True
            if self._failing:
                self._failing = ""
                self._logger.info("feed_healed", feed=FEED)

    def _take_verdict(self) -> Liveness | None:
        """Take in the verdict on the messages since the last heartbeat."""
        verdict = self._liveness.verdict(datetime.now(UTC))
        if verdict is Liveness.MOVED:
            self._alive_at, self._announced = time.monotonic(), False
        if verdict is not None:
            # A wrong clock is no reason to call again: it would be as wrong.
            self._usable_at = time.monotonic()
            self._backoff.reset()
        return verdict

    async def _write(self) -> None:
        """What changed, soon; the list of all tables, less often; what the store did not take, again."""
        listed_at = 0.0
        while True:
            await asyncio.sleep(self._policy.write_s)
            if not self._leadership.leads:
                continue
            changed, gone = set(self._board.changed), set(self._board.gone)
            self._list_due = self._list_due or bool(changed or gone)
            puts = [Put(table_topic(table_id), self._board.get(table_id), FEED) for table_id in sorted(changed | gone)]
            with_list = self._list_due and time.monotonic() - listed_at >= self._policy.list_s and len(self._board) > 0
            if with_list:
                puts.append(Put(TABLES_TOPIC, self._board.listed(), FEED))
            self._board.changed.clear()
            self._board.gone.clear()
            try:
                await self._store.put_many(puts)
            except StoreUnavailable:
                self._board.changed |= changed
                self._board.gone |= gone
                continue
            if with_list:
                listed_at, self._list_due = time.monotonic(), False
