"""Everything of a process that lives longer than a socket.

Public: `Hub`.
One subscription, one reader of snapshots, one clock for heartbeats and freshness, whatever the number of sockets.
"""

import asyncio
import signal
import time
from collections.abc import Iterable
from contextvars import Context

import msgspec

from bff.contracts.live import LIVE_CHANNEL_PREFIX, LiveMessage
from bff.contracts.revocation import REVOCATION_CHANNEL, REVOCATION_LOG, read_revocation
from bff.live.addresses import Addresses
from bff.live.close_code import CloseCode
from bff.live.fanout import Fanout
from bff.live.metrics import Metrics
from bff.live.parted_text import PartedText
from bff.live.policy import LivePolicy
from bff.live.revocations import Revocations
from bff.live.snapshots import read_snapshots
from bff.live.socket import Socket
from bff.live.tickets import Tickets
from bff.live.token_bucket import TokenBucket
from bff.live.topics import family_of, feed_of, is_table, may_follow, own_topics
from bff.live.wire import Malformed, heartbeat, notice, read_store_message, refused
from bff.resilience import log, pubsub
from bff.resilience.redis_clients import AsyncClient
from bff.store import Store, StoreUnavailable

LOG = log.get("live")


class Hub:
    """Joins sockets to the store. Does nothing before `ensure_started`, which needs a running loop."""

    def __init__(self, url: str, policy: LivePolicy, store: Store | None = None) -> None:
        self.policy = policy
        self.fanout = Fanout()
        self.metrics = Metrics(self)
        self.revocations = Revocations(policy.ticket_s, policy.revocations_max)
        self.addresses = Addresses(policy.address_sockets_max)
        self.sockets: set[Socket] = set()
        self._of_player: dict[str, set[Socket]] = {}
        self._slots: list[set[Socket]] = [set() for _ in range(policy.heartbeat_slots)]
        self._joined = 0
        self._store = store or Store.connect(url)
        self.tickets = Tickets(self._store, policy.tickets_max)
        self._url = url
        self._listening = False
        self.connects = TokenBucket(policy.connects_burst, policy.connects_per_s, 0.0)
        self._was_listening = False
        self._delayed = True
        self._store_is_failing = False
        self._wanted: set[str] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Hub sockets={len(self.sockets)} listening={self._listening} {self.fanout!r}>"

    @property
    def listening(self) -> bool:
        """Whether the subscription stands, so that what sockets show is not older than the store."""
        return self._listening

    def ensure_started(self) -> None:
        """Start the process's tasks, once. They end with the loop."""
        if not self._tasks:
            parts = (self._follow_store(), self._read_wanted(), self._heartbeat(), self._reconcile())
            self._tasks = [
                asyncio.create_task(part, context=Context()) for part in parts
            ]  # not part of a request's context
            for task in self._tasks:
                task.add_done_callback(_report)

    async def aclose(self) -> None:
        """End the process's tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._store.aclose()

    # Sockets.

    def join(self, socket: Socket) -> None:
        """`socket` is open."""
        if self.revocations.covers(socket.player, socket.session):
            # It ended while the handshake was answered.
            socket.box.close(CloseCode.SESSION_ENDED)
            return
        socket.slot = self._joined % len(self._slots)
        self._joined += 1
        self.sockets.add(socket)
        self._slots[socket.slot].add(socket)
        if socket.player:
            self._of_player.setdefault(socket.player, set()).add(socket)
        socket.box.put_control("heartbeat", heartbeat(_now_ms()))
        if self._delayed:
            socket.box.put_control("notice", notice("delayed"))

    def leave(self, socket: Socket) -> None:
        """`socket` is over. Safe to call for one that never joined."""
        if socket in self.sockets:
            self.metrics.sent_before += socket.sent
        self.sockets.discard(socket)
        self._slots[socket.slot].discard(socket)
        if (others := self._of_player.get(socket.player)) is not None:
            others.discard(socket)
            if not others:
                del self._of_player[socket.player]
        self.fanout.leave(socket)

    async def subscribe(self, socket: Socket, topics: Iterable[str]) -> None:
        """Follow each of `topics` that may be followed; the others are refused by name.

        A player's own topics are few and known, so what others or the page itself hold takes no room from them.
        """
        forbidden, too_many = [], []
        for topic in topics:
            if topic in socket.topics:
                continue
            if not may_follow(socket.player, topic, topic_bytes_max=self.policy.topic_bytes_max):
                forbidden.append(topic[: self.policy.topic_bytes_max])
            elif topic not in own_topics(socket.player) and self._is_full(socket, topic):
                too_many.append(topic)
            else:
                # A page that follows many topics must not overflow its own box with their first texts.
                await socket.box.room()
                if self.fanout.follow(socket, topic):
                    self._want([topic])
        if forbidden:
            socket.box.put_control("topic_forbidden", refused("topic_forbidden", forbidden))
        if too_many:
            socket.box.put_control("topics_max", refused("topics_max", too_many))

    def unsubscribe(self, socket: Socket, topics: Iterable[str]) -> None:
        """Stop following each of `topics`."""
        for topic in topics:
            self.fanout.unfollow(socket, topic)

    def revoke(self, player: str, *, mark: str = "", epoch: int = 0) -> None:
        """The session behind `mark` has ended, or all of `player` from before `epoch`: so do their sockets, and their
        tickets do not open others."""
        self.revocations.add(player, int(time.time()), mark=mark, epoch=epoch)
        for socket in self._of_player.get(player, ()):
            if self.revocations.covers(socket.player, socket.session):
                socket.box.close(CloseCode.SESSION_ENDED)

    # The store.

    async def _follow_store(self) -> None:
        await pubsub.follow(
            self._url,
            self._received,
            channels=[REVOCATION_CHANNEL],
            patterns=[LIVE_CHANNEL_PREFIX + "*"],
            policy=self.policy.subscription,
            subscribed=self._subscribed,
            lost=self._on_lost,
        )

    async def _subscribed(self, client: AsyncClient) -> None:
        revoked: list[bytes] = await client.zrange(client.key(REVOCATION_LOG), 0, -1)  # type: ignore[assignment]  # not decoded
        for raw in revoked:
            self._received_revocation(raw)
        self._listening_again()

    def _received(self, channel: str, raw: bytes) -> None:
        if channel == REVOCATION_CHANNEL:
            self._received_revocation(raw)
            return
        topic = channel.removeprefix(LIVE_CHANNEL_PREFIX)
        if topic not in self.fanout:
            return
        if len(raw) > self.policy.store_message_bytes_max:
            self.metrics.dropped("oversize")
            LOG.warning("live.dropped", topic=topic, reason="oversize", size_bytes=len(raw))
            return
        try:
            message = read_store_message(raw)
            text = raw.decode()
        except (Malformed, UnicodeDecodeError) as error:
            self.metrics.dropped("malformed")
            LOG.warning("live.dropped", topic=topic, reason="malformed", detail=str(error))
            return
        if feed_of(topic) is not None and (message.parts > 1 or not self.fanout.is_one(topic)):
            # It is about all parts together, also where a house of the release before does not say so: what each of
            # them says is read.
            self._want([topic])
        elif self.fanout.offer(topic, message.seq, text):
            # What a feed's message says is when the feed was last heard, not when it was told.
            self.metrics.delivered(None if feed_of(topic) else message.as_of)
        else:
            self.metrics.dropped("not_newer")

    def _received_revocation(self, raw: bytes) -> None:
        try:
            ended = read_revocation(raw)
        except msgspec.DecodeError as error:
            LOG.error("live.revocation_malformed", detail=str(error))
            return
        self.revoke(ended.player, mark=ended.mark, epoch=ended.epoch)

    def _listening_again(self) -> None:
        LOG.info("live.listening", sockets=len(self.sockets), topics=len(self.fanout))
        self._listening = True
        self._want(self.fanout.followed())
        now = asyncio.get_running_loop().time()
        if self._was_listening:
            # A revocation may have been told while nobody listened, so each signed-in page proves its session.
            for socket in self.sockets:
                socket.request_ticket(now)
        self._was_listening = True

    def _on_lost(self, why: str) -> None:
        if not self._listening:
            return
        LOG.warning("live.lost", detail=why, sockets=len(self.sockets))
        self._listening = False
        self._set_delayed(True)
        self.fanout.subscription_lost()

    def _set_delayed(self, delayed: bool) -> None:
        if delayed != self._delayed:
            self._delayed = delayed
            for socket in self.sockets:
                socket.box.put_control("notice", notice("delayed" if delayed else "live"))

    def _store_failed(self, error: StoreUnavailable) -> None:
        # Said once an outage, not once a second.
        if not self._store_is_failing:
            self._store_is_failing = True
            LOG.warning("live.store_failed", detail=str(error))

    def _is_full(self, socket: Socket, topic: str) -> bool:
        own = sum(topic in socket.topics for topic in own_topics(socket.player))
        if len(socket.topics) - own >= self.policy.topics_max:
            return True
        # Only tables can be invented; the store may be away and so can not say yet that there is none of that name.
        followed = self.fanout.count(family_of(topic))
        return is_table(topic) and topic not in self.fanout and followed >= self.policy.process_tables_max

    def _want(self, topics: Iterable[str]) -> None:
        self._wanted.update(topics)
        self._wake.set()

    async def _read_wanted(self) -> None:
        """Read snapshots of what was asked for, many topics in one call, for as long as the process lives."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._wanted and self._listening:
                # Taken out before reading: whoever asks meanwhile wants a later snapshot than this one.
                batch = [self._wanted.pop() for _ in range(min(len(self._wanted), self.policy.snapshot_topics_max))]
                try:
                    await self._read(batch)
                except StoreUnavailable as error:
                    self._store_failed(error)
                    self._wanted.update(batch)
                    await asyncio.sleep(self.policy.retry_s)
            if self._listening:
                self._set_delayed(False)

    async def _read(self, batch: list[str]) -> None:
        topics = [topic for topic in batch if topic in self.fanout]
        read = await read_snapshots(self._store, topics)
        for topic in topics:
            message = read.messages.get(topic)
            if topic in read.unknown:
                self._refuse_unknown(topic)
            elif message is None:
                self.fanout.adopt_nothing(topic)
            else:
                parts = read.parts.get(topic)
                text = PartedText(message, parts) if parts else _encode(message)
                self.fanout.adopt(topic, message.seq, text)

    def _refuse_unknown(self, topic: str) -> None:
        for follower in self.fanout.followers(topic):
            self.fanout.unfollow(follower, topic)
            follower.box.put_control(f"topic_unknown {topic}", refused("topic_unknown", [topic]))

    # The clock.

    async def _heartbeat(self) -> None:
        """Visit every socket once per heartbeat, a slice at a time, so that no turn of the loop is long."""
        loop = asyncio.get_running_loop()
        pause_s = self.policy.heartbeat_s / len(self._slots)
        due = loop.time()
        while True:
            for slot in self._slots:
                text = heartbeat(_now_ms())
                now = loop.time()
                for socket in slot:
                    socket.box.put_control("heartbeat", text)
                    socket.check(self.policy, now)
                due = max(due + pause_s, now)
                await asyncio.sleep(due - loop.time())

    async def _reconcile(self) -> None:
        """Tell freshness that changes by silence, and read everything again now and then in case a message was lost."""
        clock = asyncio.get_running_loop().time
        reconciled = clock()
        while True:
            await asyncio.sleep(self.policy.freshness_s)
            if not self._listening:
                continue
            try:
                await self._store.announce()
                self._store_is_failing = False
            except StoreUnavailable as error:
                self._store_failed(error)
            if clock() - reconciled > self.policy.reconcile_s:
                reconciled = clock()
                self._want(self.fanout.followed())


def _encode(message: LiveMessage) -> str:
    return msgspec.json.encode(message).decode()


def _now_ms() -> int:
    return int(time.time() * 1000)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        # A process that has gone deaf would hold its pages for ever: it ends, and whoever keeps it starts another.
        LOG.error("live.task_died", detail=repr(error))
        signal.raise_signal(signal.SIGTERM)
