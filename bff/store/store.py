"""The query store itself.

Public: `Store`.
"""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Self

import msgspec

from bff.contracts.live import LIVE_CHANNEL_PREFIX, LiveMessage
from bff.contracts.view import FreshnessState
from bff.contracts.view import Sequence as ViewSequence
from bff.store import scripts
from bff.store.connection import Command, Connection
from bff.store.feed_parts import FeedParts, part_name
from bff.store.keys import Keys
from bff.store.policy import FEED_POLICIES, STORE, StorePolicy
from bff.store.records import (
    FeedFreshness,
    LeaseState,
    Put,
    Record,
    Snapshot,
    check_epoch,
    feed_topic,
)
from bff.store.rows import FEED_FIELDS, RECORD_FIELDS, FeedRow, Rows, record_of
from bff.store.subscription import listen


class Store:
    """Every method raises `StoreUnavailable` when the store does not answer within the policy's limits."""

    def __init__(self, connection: Connection, policy: StorePolicy) -> None:
        self._connection = connection
        self._policy = policy
        self._keys = Keys(connection.client)
        self._parts = FeedParts()

    def __repr__(self) -> str:
        return f"<Store {self._connection.breaker!r}>"

    @classmethod
    def connect(cls, url: str, policy: StorePolicy = STORE) -> Self:
        """A store at `url`, in any of the forms of `redis_address`. Does no I/O; ValueError for a bad address."""
        return cls(Connection(url, policy), policy)

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def put(self, topic: str, data: Any, *, feed: str, sequence: ViewSequence | None = None) -> bool:
        """Write one record and publish it on `live:<topic>` when its data changed; False when it was not newer."""
        return (await self.put_many([Put(topic, data, feed, sequence)]))[0]

    async def put_many(self, puts: Sequence[Put], *, part: int | None = None) -> list[bool]:
        """Several records in one round trip, in order; each as `put` would. What is published is as fresh as its feed,
        or as part `part` of it where the records belong to one."""
        if not puts:
            return []
        commands = [self._put_command(put, part) for put in puts]
        return [bool(answer) for answer in await self._connection.pipeline(commands, scripts=[scripts.PUT])]

    async def get(self, topic: str) -> Record | None:
        """The latest record of `topic`, None when there has been none since the last flush."""
        return (await self.get_many([topic]))[topic]

    async def get_many(self, topics: Iterable[str], *, shadow: str = "") -> dict[str, Record | None]:
        """The latest records by topic, in one round trip; with `shadow` those that `put_shadow` has put there."""
        return (await self.read(topics, shadow=shadow)).records

    async def put_shadow(self, shadow: str, puts: Sequence[Put]) -> None:
        """Write records, each with its sequence, where only `shadow` is asked for; not published, and forgotten if
        they are not swapped within the policy's time."""
        commands = []
        for put in puts:
            epoch, n = _numbered(put)
            args = [msgspec.json.encode(put.data), put.feed, check_epoch(epoch), n, put.keep_s, self._policy.shadow_ms]
            commands.append(_script(scripts.PUT_SHADOW, [self._keys.record(put.topic, shadow)], args))
        if commands:
            await self._connection.pipeline(commands, scripts=[scripts.PUT_SHADOW])

    async def swap(
        self, shadow: str, topics: Sequence[str], *, feed: str, sequence: ViewSequence, part: int | None = None
    ) -> bool:
        """In one step each of `topics` becomes what `shadow` holds of it, and goes where it holds nothing.

        False, and nothing has changed, when the record of the first is of `sequence` or later. Changes are published,
        with `part` as in `put_many`.
        """
        keys = [self._keys.feed(feed)]
        for topic in topics:
            keys += [self._keys.record(topic), self._keys.record(topic, shadow)]
        keys += self._part_key(feed, part)
        command = _script(scripts.SWAP, keys, [check_epoch(sequence[0]), sequence[1], *topics])
        return bool((await self._connection.pipeline([command], scripts=[scripts.SWAP]))[0])

    async def delete_shadow(self, shadow: str, topics: Iterable[str]) -> None:
        """Forget what `shadow` holds of `topics`."""
        await self._connection.pipeline([("UNLINK", *(self._keys.record(topic, shadow) for topic in topics))])

    async def read(
        self,
        topics: Iterable[str] = (),
        feeds: Iterable[str] = (),
        *,
        shadow: str = "",
        keys: Iterable[str] = (),
        divided: Iterable[str] = (),
    ) -> Snapshot:
        """Records and freshness of feeds together, in one round trip, or two after a feed got another number of parts.

        `Snapshot.of` one of `keys` says of a feed that is made of several parts what the key's own part says;
        `Snapshot.parts_of` one of the feeds in `divided` says it of each part.
        """
        topics, feeds, keys, divided = list(topics), list(feeds), list(keys), list(divided)
        rows = await self._look(
            topics, feeds, shadow, lambda: self._parts.names(feeds, keys) | self._parts.every(divided)
        )
        return Snapshot(
            now=datetime.fromtimestamp(rows.now_s, UTC),
            records=rows.records,
            feeds={feed: rows.freshness(feed) for feed in feeds},
            parts=rows.parts(),
            counts={feed: rows.feeds[feed].count for feed in feeds},
        )

    async def _look(
        self, topics: list[str], feeds: list[str], shadow: str, wanted: Callable[[], dict[str, str]]
    ) -> Rows:
        """Records, feeds, and the parts that are `wanted`: again where a feed turns out to have another number of them,
        which makes them others."""
        names: dict[str, str] | None = None
        while names != (names := wanted()):
            rows = await self._fetch(topics, feeds, shadow, names)
            self._parts.learn({feed: rows.feeds[feed].count for feed in feeds})
        return rows

    async def _fetch(self, topics: list[str], feeds: list[str], shadow: str, names: dict[str, str]) -> Rows:
        commands: list[Command] = [("TIME",)]
        commands += [("HMGET", self._keys.record(topic, shadow), *RECORD_FIELDS) for topic in topics]
        commands += [("HMGET", self._keys.feed(feed), *FEED_FIELDS) for feed in (*feeds, *names)]
        clock, *answers = await self._connection.pipeline(commands)
        return Rows(
            now_s=clock[0] + clock[1] / 1_000_000,
            records={topic: record_of(topic, row) for topic, row in zip(topics, answers, strict=False)},
            feeds={feed: FeedRow(*row) for feed, row in zip((*feeds, *names), answers[len(topics) :], strict=True)},
            names=names,
        )

    async def heartbeat(self, feed: str, state: FreshnessState = "live", detail: str = "", data: Any = None) -> None:
        """Record that `feed` was heard now (`live`), or that its adapter knows it to be failing (`stale`, `down`).

        Only `live` moves the time at which it was last heard. `detail` is a reason word. A changed state or `data`
        is published on `feed.<feed>`.
        """
        raw = msgspec.json.encode(data)
        command = _script(scripts.HEARTBEAT, [self._keys.feed(feed)], [state, detail, raw])
        [same] = await self._connection.pipeline([command], scripts=[scripts.HEARTBEAT])
        if not same:
            await self.announce([feed])

    async def heartbeat_of_part(
        self, feed: str, part: int, parts: int, state: FreshnessState = "live", detail: str = "", data: Any = None
    ) -> None:
        """`heartbeat` for part `part` of the `parts`, from 0, that `feed` is made of.

        The feed is `live` while all of them are, with the least of what they say as its `data`, and was heard when the
        one was that has been silent for longest. What one reports that is not `live` holds for the feed at once; its
        `data` stays as it was. `read` with a key sees the key's part by itself.
        """
        keys = [self._keys.feed(feed), *(self._keys.feed(part_name(feed, each)) for each in range(parts))]
        command = _script(scripts.HEARTBEAT_OF_PART, keys, [part + 2, state, detail, msgspec.json.encode(data)])
        [same] = await self._connection.pipeline([command], scripts=[scripts.HEARTBEAT_OF_PART])
        if not same:
            await self.announce([feed])

    async def freshness(self, feed: str) -> FeedFreshness:
        """The freshness of `feed`, by its policy."""
        return (await self.read(feeds=[feed])).feeds[feed]

    async def announce(self, feeds: Iterable[str] = tuple(FEED_POLICIES)) -> None:
        """Publish on `feed.<feed>` the state of every feed that has another state or data, or a part that has, than was
        published last. The message is about all parts together, and says how many there are.

        Silence sends no message, so whoever outlives a feed calls this about once a second; of several callers
        exactly one publishes each change.
        """
        feeds = list(feeds)
        rows = await self._look([], feeds, "", lambda: self._parts.every(feeds))
        commands = [self._announce_command(feed, rows) for feed in feeds if rows.is_unannounced(feed)]
        if commands:
            await self._connection.pipeline(commands, scripts=[scripts.ANNOUNCE])

    def _announce_command(self, feed: str, rows: Rows) -> Command:
        row, parts = rows.feeds[feed], rows.latest_parts(feed)
        names = [part_name(feed, part) for part in range(len(parts))]
        keys = [self._keys.feed(feed), self._keys.epoch, *(self._keys.feed(name) for name in names)]
        args = [feed_topic(feed), _epoch_candidate(), row.n or b"", *row.latest(feed, rows.now_s)]
        return _script(scripts.ANNOUNCE, keys, [*args, *chain.from_iterable(parts)])

    async def lease(self, name: str, owner: str, *, ttl_ms: int) -> LeaseState:
        """Take or renew the lease `name` for `ttl_ms`."""
        command = _script(scripts.LEASE, [self._keys.lease(name)], [owner, ttl_ms])
        [held] = await self._connection.pipeline([command], scripts=[scripts.LEASE])
        return LeaseState(held)

    async def release(self, name: str, owner: str) -> None:
        """Give the lease back early, if `owner` still holds it."""
        command = _script(scripts.RELEASE, [self._keys.lease(name)], [owner])
        await self._connection.pipeline([command], scripts=[scripts.RELEASE])

    async def join(self, name: str, member: str, *, ttl_ms: int) -> int:
        """Be one of `name` for `ttl_ms`; how many there are."""
        command = _script(scripts.JOIN, [self._keys.members(name)], [member, ttl_ms])
        [count] = await self._connection.pipeline([command], scripts=[scripts.JOIN])
        return int(count)

    async def leave(self, name: str, member: str) -> None:
        """Be one of `name` no more."""
        await self._connection.pipeline([("ZREM", self._keys.members(name), member)])

    async def claim(self, name: str, *, ttl_ms: int) -> bool:
        """Whether `name` was not claimed within the last `ttl_ms`; this call claims it."""
        [taken] = await self._connection.pipeline([("SET", self._keys.claim(name), b"", "NX", "PX", ttl_ms)])
        return taken is not None

    def listen(self, patterns: Iterable[str] = ("*",)) -> AsyncIterator[LiveMessage]:
        """Every message on topics that match one of the glob `patterns`, from now on.

        Ends only by `StoreUnavailable`: what was published meanwhile is lost, so read the topics again after it.
        """
        return listen(
            self._connection.client,
            [f"{LIVE_CHANNEL_PREFIX}{pattern}" for pattern in patterns],
            self._policy,
            time.monotonic,
        )

    def _part_key(self, feed: str, part: int | None) -> list[str]:
        return [] if part is None else [self._keys.feed(part_name(feed, part))]

    def _put_command(self, put: Put, part: int | None) -> Command:
        epoch, n = put.sequence or ("", 0)
        if epoch:
            check_epoch(epoch)
        keys = [self._keys.record(put.topic), self._keys.epoch, self._keys.feed(put.feed)]
        keys += self._part_key(put.feed, part)
        past = () if put.past is None else (check_epoch(put.past[0]), put.past[1])
        args = [put.topic, msgspec.json.encode(put.data), put.feed, _epoch_candidate(), epoch, n, put.keep_s, put.part]
        return _script(scripts.PUT, keys, [*args, *past])


def _epoch_candidate() -> str:
    """Used only when the store holds no epoch, which is when it has been flushed.

    A fresh one each time: a process that outlives two flushes must not bring an earlier epoch back.
    """
    return secrets.token_hex(6)


def _numbered(put: Put) -> ViewSequence:
    if put.sequence is None:
        raise ValueError(f"{put.topic} needs a sequence: nobody counts in a shadow")
    return put.sequence


_DIGESTS = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (
        scripts.PUT,
        scripts.PUT_SHADOW,
        scripts.SWAP,
        scripts.HEARTBEAT,
        scripts.HEARTBEAT_OF_PART,
        scripts.ANNOUNCE,
        scripts.LEASE,
        scripts.RELEASE,
        scripts.JOIN,
    )
}


def _script(script: str, keys: list[str], args: list[Any]) -> Command:
    return ("EVALSHA", _DIGESTS[script], len(keys), *keys, *args)
