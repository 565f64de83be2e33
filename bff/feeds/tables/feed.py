"""Live tables, from the provider's socket to the query store.

Public: `TablesFeed`.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime

import msgspec

from bff.contracts.tables import TABLES_TOPIC, TableState, table_topic
from bff.feeds.gauge import Gauge
from bff.feeds.leadership import Leadership
from bff.feeds.policy import FeedsPolicy, TablesPolicy
from bff.feeds.reading import BadMessage, ProviderRefused
from bff.feeds.tables.board import Board
from bff.feeds.tables.inbox import Inbox
from bff.feeds.tables.news import Keys, TableNews, parse
from bff.feeds.tables.pulse import Pulse, Said
from bff.feeds.tables.socket import SocketFailed, TablesSocket
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
        policy: TablesPolicy = TablesPolicy(),  # noqa: B008 (frozen)
        shared: FeedsPolicy = FeedsPolicy(),  # noqa: B008 (frozen)
    ) -> None:
        self._store = store
        self._url = url
        self._casino_id = casino_id
        self._currencies = currencies
        self._policy = policy
        self._shared = shared
        self._logger = log.get("feeds")
        self.gauge = Gauge(FEED, shared)
        self._leadership = Leadership(store, FEED, owner, shared, self.gauge)
        self._board = Board(video_url, policy)
        self._pulse = Pulse(policy)
        self._backoff = Backoff(shared.backoff)
        self._list_due = False
        self._heard_at = float("-inf")
        self._told = True
        self._usable_at = 0.0
        self._failing = ""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._leadership.keep(self._refill))
            tasks.create_task(self._read())
            tasks.create_task(self._write())
            tasks.create_task(self._beat())

    def _refill(self) -> None:
        self._board.touch_all()
        self._list_due = True
        # What was heard a moment ago is still known; a store that was flushed is told so with the next heartbeat.
        self._told = False

    # The provider

    async def _read(self) -> None:
        while True:
            await self._leadership.won()
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
            self.gauge.attempt("ok")
            self.gauge.set_connected(True)
            if not self._failing:
                self._logger.info("connected", feed=FEED)
            inbox = Inbox(self._policy.backlog_max, self.gauge)
            self._usable_at = time.monotonic()
            work = [
                self._receive(socket, inbox),
                self._handle(socket, inbox),
                self._ask(socket),
                self._watch(),
            ]
            tasks = [asyncio.ensure_future(each) for each in (*work, self._leadership.lost())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self.gauge.set_connected(False, self.gauge.reason)

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

    async def _ask(self, socket: TablesSocket) -> None:
        while True:
            await socket.ask()
            await asyncio.sleep(self._policy.ask_again_s)

    async def _handle(self, socket: TablesSocket, inbox: Inbox) -> None:
        """Messages in slices, so that a flood of one provider leaves the others their share of the time."""
        slice_s, followed = self._policy.slice_ms / 1000, set[str]()
        while True:
            await inbox.some()
            began = time.perf_counter()
            while time.perf_counter() - began < slice_s and (raw := inbox.take()) is not None:
                keys = self._understand(raw)
                if keys is not None:
                    await self._follow(socket, keys, followed)
            spent_s = time.perf_counter() - began
            await asyncio.sleep(spent_s * (1 / self._policy.duty - 1))

    async def _follow(self, socket: TablesSocket, keys: Keys, followed: set[str]) -> None:
        self._board.keep_only(keys.table_ids)
        self._pulse.keep_only(keys.table_ids)
        for table_id in keys.table_ids:
            if table_id not in followed:
                followed.add(table_id)
                for currency in self._currencies:
                    await socket.follow(table_id, currency)

    def _understand(self, raw: str | bytes) -> Keys | None:
        """Take up one message; the list of tables, if it is that."""
        if len(raw) > self._policy.message_bytes_max:
            self.gauge.bad(raw, f"{len(raw)} characters; {self._policy.message_bytes_max} are read")
            return None
        try:
            news = parse(raw, currencies=frozenset(self._currencies), tables_max=self._policy.tables_max)
            if isinstance(news, Keys):
                self.gauge.message("ok")
                return news
            self.gauge.message(self._apply(news, datetime.now(UTC)))
        except BadMessage as bad:
            self.gauge.bad(raw, str(bad))
            return None
        except ProviderRefused as refused:
            self.gauge.bad(raw, f"the provider refused: {refused}")
            raise SocketFailed(Reason.UPSTREAM_ERROR, f"the provider refused: {refused}") from refused
        return None

    def _apply(self, news: TableNews, received_at: datetime) -> str:
        """The gauge's word for what `news` was worth."""
        before = self._board.get(news.table_id)
        if not self._board.apply(news, received_at):
            return "late"
        after = self._board.get(news.table_id)
        assert after is not None, "what was applied is there"
        said = self._pulse.take(news, before, after, received_at)
        return "ok" if said in (Said.MOVED, Said.SAME) else said.value

    async def _failed(self, failed: SocketFailed) -> None:
        self.gauge.attempt(failed.reason)
        self.gauge.set_connected(False, failed.reason)
        self._told = True  # what was heard over that connection is not said of the next
        # Silence has its own thresholds; a connection that is gone is news at once.
        await self._doubt(failed.reason, failed.detail)

    async def _doubt(self, reason: Reason, detail: str) -> None:
        """Say that the feed is not to be believed, whatever its age."""
        if self._failing != reason:
            self._failing = reason
            self._logger.warning("feed_failing", feed=FEED, reason=reason.value, detail=detail)
        with contextlib.suppress(StoreUnavailable):
            await self._store.beat(FEED, "stale", reason)

    # The query store

    async def _beat(self) -> None:
        """Say that the feed was heard, if it was, or that its clock can not be trusted."""
        while True:
            await asyncio.sleep(self._policy.beat_s)
            said = self._listen()
            if not self._leadership.leads or not self.gauge.connected:
                continue
            if said is Said.AHEAD:
                await self._doubt(Reason.FEED_STALE, "rounds are told that ended in the future")
                continue
            if self._told or time.monotonic() - self._heard_at > 2 * self._policy.beat_s:
                continue
            try:
                await self._store.beat(FEED)
            except StoreUnavailable:
                continue
            self._told = True
            if self._failing:
                self._failing = ""
                self._logger.info("feed_healed", feed=FEED)

    def _listen(self) -> Said | None:
        """Take note of what was heard since the last heartbeat."""
        said = self._pulse.heard(datetime.now(UTC))
        if said is Said.MOVED:
            self._heard_at, self._told = time.monotonic(), False
        if said is not None:
            # A wrong clock is no reason to call again: it would be as wrong.
            self._usable_at = time.monotonic()
            self._backoff.reset()
        return said

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
