"""Collects the reports of every shell process about one fragment, over Redis, on a team's request. Nothing is stored
there.

Public: `FragmentReports`, `ReportsPolicy`.
An answer is sealed: whoever else writes to Redis can not tell a team what did not happen.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

import msgspec
from redis.exceptions import RedisError

from bff.resilience import log, pubsub
from bff.resilience.redis_clients import AsyncClient
from shell.composition.fragment_report import FragmentReport

CHANNEL = "mullion:report"
_ANSWERS = "shell:report:"
_SEAL_BYTES = 32

logger = log.get("fleet")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsPolicy:
    """The others are waited for `wait_ms` at most. A process answers `in_flight_max` questions at a time, no more."""

    wait_ms: int = 500
    look_every_ms: int = 20
    answer_life_s: int = 10
    answers_max: int = 64
    answer_bytes_max: int = 1 << 20
    in_flight_max: int = 8


class _Question(msgspec.Struct, array_like=True):
    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")]
    process: str
    fragment: Annotated[str, msgspec.Meta(max_length=100)]


class FragmentReports:
    """Listens in the background for other processes' questions, and asks them. `report` is this process's own."""

    def __init__(
        self,
        redis_url: str,
        client: AsyncClient,
        *,
        process: str,
        secret: str,
        report: Callable[[str], FragmentReport],
        policy: ReportsPolicy,
    ) -> None:
        self.listening = False
        self._redis_url, self._client, self._process = redis_url, client, process
        self._key = hashlib.sha256(b"shell.fleet.reports:" + secret.encode()).digest()
        self._report, self._policy = report, policy
        self._task: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to listen. A second call does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="fragment-reports")

    async def stop(self) -> None:
        task, self._task, self.listening = self._task, None, False
        await pubsub.cancel([*self._answering, *([task] if task else [])])

    async def of(self, fragment: str) -> list[FragmentReport]:
        """This process's own first, then those of all that answer in time; with Redis away its own alone."""
        own, question = self._report(fragment), _Question(uuid4().hex, self._process, fragment)
        try:
            receivers = await self._client.publish(CHANNEL, msgspec.msgpack.encode(question))
        except (RedisError, OSError):
            return [own]
        clock, found = asyncio.get_running_loop().time, list[FragmentReport]()
        end = clock() + self._policy.wait_ms / 1000
        while len(found) < self._others(receivers) and clock() < end:
            await asyncio.sleep(self._policy.look_every_ms / 1000)
            found = await self._answered(question.id)
        return [own, *found]

    def _others(self, receivers: int) -> int:
        """How many processes may answer: a cluster counts the subscribers of one node only."""
        sharded = self._client.key(_ANSWERS) != _ANSWERS
        return self._policy.answers_max if sharded else receivers - self.listening

    async def _answered(self, question: str) -> list[FragmentReport]:
        try:
            raw = await self._client.lrange(self._place(question), 0, self._policy.answers_max - 1)
        except (RedisError, OSError):
            return []
        answers = (self._opened(question, each) for each in raw if isinstance(each, bytes))
        return [report for report in answers if report is not None]

    def _opened(self, question: str, raw: bytes) -> FragmentReport | None:
        data = raw[_SEAL_BYTES:]
        if len(data) > self._policy.answer_bytes_max or not hmac.compare_digest(
            raw[:_SEAL_BYTES], self._seal(question, data)
        ):
            logger.warning("report_not_sealed_by_a_shell")
            return None
        try:
            return msgspec.msgpack.decode(data, type=FragmentReport)
        except msgspec.DecodeError:  # of a shell of another release
            return None

    async def _listen(self) -> None:
        await pubsub.follow(
            self._redis_url,
            self._on_message,
            channels=[CHANNEL],
            policy=pubsub.SubscriptionPolicy(),
            subscribed=self._subscribed,
            lost=self._lost,
        )

    async def _subscribed(self, _client: AsyncClient) -> None:
        self.listening = True

    def _lost(self, _detail: str) -> None:
        self.listening = False

    def _on_message(self, _channel: str, data: bytes) -> None:
        try:
            question = msgspec.msgpack.decode(data, type=_Question)
        except msgspec.DecodeError:
            return
        if question.process == self._process or len(self._answering) >= self._policy.in_flight_max:
            return
        task = asyncio.create_task(self._answer(question), name="fragment-report")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, question: _Question) -> None:
        data, place = msgspec.msgpack.encode(self._report(question.fragment)), self._place(question.id)
        try:
            pipe = self._client.pipeline(transaction=False)
            pipe.rpush(place, self._seal(question.id, data) + data)
            pipe.expire(place, self._policy.answer_life_s)
            await pipe.execute()
        except (RedisError, OSError) as error:
            logger.info("report_unsent", detail=str(error))

    def _place(self, question: str) -> str:
        return self._client.key(_ANSWERS + question)

    def _seal(self, question: str, data: bytes) -> bytes:
        return hmac.digest(self._key, question.encode() + data, "sha256")
