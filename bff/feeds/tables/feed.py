"""Live tables, from the provider's socket to the query store.

Public: `TablesFeed`.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime

import msgspec

from bff.contracts.tables import TABLES_TOPIC, TableState, table_topic
from bff.feeds.backoff import Backoff
from bff.feeds.gauge import Gauge
from bff.feeds.leadership import Leadership
from bff.feeds.policy import FeedsPolicy, TablesPolicy
from bff.feeds.reading import BadMessage, ProviderRefused
from bff.feeds.tables.board import Board
from bff.feeds.tables.inbox import Inbox
from bff.feeds.tables.news import Keys, parse
from bff.feeds.tables.socket import SocketFailed, TablesSocket
from bff.resilience import log
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
        self._board = Board(video_url)
        self._list_due = False
        self._heard = False
        self._heard_at = 0.0
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
        self._heard = self._heard or time.monotonic() - self._heard_at < 2 * self._policy.beat_s

    # The provider

    async def _read(self) -> None:
        backoff = Backoff(self._shared)
        while True:
            await self._leadership.won()
            await self._seed()
            try:
                await self._connected(backoff)
            except SocketFailed as failed:
                await self._failed(failed)
            if self._leadership.leads:
                await asyncio.sleep(backoff.next_s())

    async def _seed(self) -> None:
        """Begin with what a predecessor wrote; without a store there is nothing to begin with."""
        if len(self._board):
            return
        try:
            record = await self._store.get(TABLES_TOPIC)
            self._board.seed(record.decode(list[TableState]) if record is not None else [])
        except (StoreUnavailable, msgspec.ValidationError) as error:
            self._logger.info("begins_empty", feed=FEED, detail=str(error))

    async def _connected(self, backoff: Backoff) -> None:
        """One connection, from its first word to its end; returns when another process leads."""
        async with TablesSocket(self._url, self._casino_id, self._policy) as socket:
            self.gauge.attempt("ok")
            self.gauge.set_connected(True)
            if not self._failing:
                self._logger.info("connected", feed=FEED)
            inbox = Inbox(self._policy.backlog_max, self.gauge)
            self._heard_at = time.monotonic()
            work = [
                self._receive(socket, inbox),
                self._handle(socket, inbox, backoff),
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
            left_s = self._heard_at + self._policy.silence_s - time.monotonic()
            if left_s <= 0:
                raise SocketFailed(Reason.TIMEOUT, "connected, but nothing usable is said")
            await asyncio.sleep(left_s)

    async def _ask(self, socket: TablesSocket) -> None:
        while True:
            await socket.ask()
            await asyncio.sleep(self._policy.ask_again_s)

    async def _handle(self, socket: TablesSocket, inbox: Inbox, backoff: Backoff) -> None:
        """Messages in slices, so that a flood of one provider leaves the others their share of the time."""
        slice_s, followed = self._policy.slice_ms / 1000, set[str]()
        while True:
            await inbox.some()
            began = time.perf_counter()
            while time.perf_counter() - began < slice_s and (raw := inbox.take()) is not None:
                keys = self._understand(raw)
                if keys is not None:
                    await self._follow(socket, keys, followed)
                elif self._heard:
                    backoff.reset()
            spent_s = time.perf_counter() - began
            await asyncio.sleep(spent_s * (1 / self._policy.duty - 1))

    async def _follow(self, socket: TablesSocket, keys: Keys, followed: set[str]) -> None:
        self._board.keep_only(keys.table_ids)
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
            is_news = self._board.apply(news, datetime.now(UTC))
        except BadMessage as bad:
            self.gauge.bad(raw, str(bad))
            return None
        except ProviderRefused as refused:
            self.gauge.bad(raw, f"the provider refused: {refused}")
            raise SocketFailed(Reason.UPSTREAM_ERROR, f"the provider refused: {refused}") from refused
        self.gauge.message("ok" if is_news else "late")
        self._heard, self._heard_at = True, time.monotonic()
        return None

    async def _failed(self, failed: SocketFailed) -> None:
        self.gauge.attempt(failed.reason)
        self.gauge.set_connected(False, failed.reason)
        if self._failing != failed.reason:
            self._failing = failed.reason
            self._logger.warning("feed_failing", feed=FEED, reason=failed.reason.value, detail=failed.detail)
        # Silence has its own thresholds; a connection that is gone is news at once.
        with contextlib.suppress(StoreUnavailable):
            await self._store.beat(FEED, "stale", failed.reason)

    # The query store

    async def _beat(self) -> None:
        """Say that the feed was heard, if it was."""
        while True:
            await asyncio.sleep(self._policy.beat_s)
            if not self._heard or not self._leadership.leads or not self.gauge.connected:
                continue
            try:
                await self._store.beat(FEED)
            except StoreUnavailable:
                continue
            self._heard = False
            if self._failing:
                self._failing = ""
                self._logger.info("feed_healed", feed=FEED)

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
