"""The query store itself.

Public: `Store`.
"""

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import msgspec

from bff.contracts.live import LIVE_CHANNEL_PREFIX, LiveMessage
from bff.contracts.view import FreshnessState
from bff.contracts.view import Sequence as ViewSequence
from bff.store import scripts
from bff.store.connection import Command, Connection
from bff.store.feed_parts import FeedParts, part_name, parts_of
from bff.store.keys import Keys
from bff.store.policy import FEED_POLICIES, STORE, StorePolicy, feed_policy
from bff.store.records import (
    FeedFreshness,
    LeaseState,
    Put,
    Record,
    Snapshot,
    check_epoch,
    decide_state,
    feed_topic,
)
from bff.store.subscription import listen

_RECORD_FIELDS = ("data", "as_of", "epoch", "n", "feed")
_FEED_FIELDS = ("heard", "state", "detail", "data", "announced_state", "announced_data", "epoch", "n", "parts")


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

    async def put_many(self, puts: Sequence[Put]) -> list[bool]:
        """Several records in one round trip, in order; each as `put` would."""
        if not puts:
            return []
        commands = [self._put_command(put) for put in puts]
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

    async def swap(self, shadow: str, topics: Sequence[str], *, feed: str, sequence: ViewSequence) -> bool:
        """In one step each of `topics` becomes what `shadow` holds of it, and goes where it holds nothing.

        False, and nothing has changed, when the record of the first is of `sequence` or later. Changes are published.
        """
        keys = [self._keys.feed(feed)]
        for topic in topics:
            keys += [self._keys.record(topic), self._keys.record(topic, shadow)]
        command = _script(scripts.SWAP, keys, [check_epoch(sequence[0]), sequence[1], *topics])
        return bool((await self._connection.pipeline([command], scripts=[scripts.SWAP]))[0])

    async def delete_shadow(self, shadow: str, topics: Iterable[str]) -> None:
        """Forget what `shadow` holds of `topics`."""
        await self._connection.pipeline([("UNLINK", *(self._keys.record(topic, shadow) for topic in topics))])

    async def read(
        self, topics: Iterable[str] = (), feeds: Iterable[str] = (), *, shadow: str = "", keys: Iterable[str] = ()
    ) -> Snapshot:
        """Records and freshness of feeds together, in one round trip, or two after a feed got another number of parts.

        `Snapshot.of` one of `keys` says of a feed that is made of several parts what the key's own part says.
        """
        topics, feeds, keys = list(topics), list(feeds), list(keys)
        names = self._parts.names(feeds, keys)
        now_s, records, rows = await self._look(topics, [*feeds, *names], shadow)
        if self._parts.learn({feed: parts_of(rows[feed][8], rows[feed][3]) for feed in feeds}) and keys:
            names = self._parts.names(feeds, keys)
            now_s, records, rows = await self._look(topics, [*feeds, *names], shadow)
        counts = {feed: parts_of(rows[feed][8], rows[feed][3]) for feed in feeds}
        # A part that was last heard of when there was another number of them says nothing about its keys.
        parts = {
            name: _freshness(feed, rows[name], now_s)
            for name, feed in names.items()
            if parts_of(rows[name][8], rows[name][3]) == counts[feed]
        }
        return Snapshot(
            now=datetime.fromtimestamp(now_s, UTC),
            records=records,
            feeds={feed: _freshness(feed, rows[feed], now_s) for feed in feeds},
            parts=parts,
            counts=counts,
        )

    async def _look(
        self, topics: list[str], feeds: list[str], shadow: str
    ) -> tuple[float, dict[str, Record | None], dict[str, list[bytes | None]]]:
        """The store's clock in seconds, the records by topic, and what is stored of each feed."""
        commands: list[Command] = [("TIME",)]
        commands += [("HMGET", self._keys.record(topic, shadow), *_RECORD_FIELDS) for topic in topics]
        commands += [("HMGET", self._keys.feed(feed), *_FEED_FIELDS) for feed in feeds]
        clock, *answers = await self._connection.pipeline(commands)
        records = {topic: _record(topic, row) for topic, row in zip(topics, answers, strict=False)}
        rows = dict(zip(feeds, answers[len(topics) :], strict=True))
        return clock[0] + clock[1] / 1_000_000, records, rows

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
        """Publish on `feed.<feed>` the state of every feed whose state or data is not what was published last.

        Silence sends no message, so whoever outlives a feed calls this about once a second; of several callers
        exactly one publishes each change.
        """
        feeds = list(feeds)
        clock, *rows = await self._connection.pipeline(
            [("TIME",), *(("HMGET", self._keys.feed(feed), *_FEED_FIELDS) for feed in feeds)]
        )
        now_s = clock[0] + clock[1] / 1_000_000
        commands = []
        for feed, row in zip(feeds, rows, strict=True):
            state, data, announced = _freshness(feed, row, now_s).state, row[3] or b"null", (row[4] or b"").decode()
            if row[1] is not None and (state != announced or data != row[5]):
                keys, args = (
                    [self._keys.feed(feed), self._keys.epoch],
                    [feed_topic(feed), _epoch_candidate(), announced, state, data],
                )
                commands.append(_script(scripts.ANNOUNCE, keys, args))
        if commands:
            await self._connection.pipeline(commands, scripts=[scripts.ANNOUNCE])

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

    def _put_command(self, put: Put) -> Command:
        epoch, n = put.sequence or ("", 0)
        if epoch:
            check_epoch(epoch)
        keys = [self._keys.record(put.topic), self._keys.epoch, self._keys.feed(put.feed)]
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


def _record(topic: str, row: list[bytes | None]) -> Record | None:
    raw, as_of_ms, epoch, n, feed = row
    if raw is None or as_of_ms is None or epoch is None or n is None or feed is None:
        return None
    as_of = datetime.fromtimestamp(int(as_of_ms) / 1000, UTC)
    return Record(topic, raw, as_of, (epoch.decode(), int(n)), feed.decode())


def _freshness(feed: str, row: list[bytes | None], now_s: float) -> FeedFreshness:
    beat_ms, reported, detail, data, _, _, epoch, n, _ = row
    beat_s = int(beat_ms) / 1000 if beat_ms else None
    # A store that was moved to a node with an earlier clock may see the future; that is not an age.
    age_s = max(0.0, now_s - beat_s) if beat_s is not None else None
    reported_state: FreshnessState = (reported or b"down").decode()  # type: ignore[assignment]  # only the store writes it
    return FeedFreshness(
        feed=feed,
        state=decide_state(reported_state, age_s, feed_policy(feed)),
        as_of=datetime.fromtimestamp(beat_s, UTC) if beat_s is not None else None,
        age_s=age_s,
        detail=(detail or b"").decode(),
        data=msgspec.json.decode(data) if data else None,
        sequence=(epoch.decode(), int(n)) if epoch and n else None,
    )
