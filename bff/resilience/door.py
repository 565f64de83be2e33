"""Load shedding at the entry of a house: an ASGI application that refuses requests while the house is overloaded,
before any look-up.

Public: `Door`, `Answer`, `door_limiter`, `class_by_header`; from `limiter`: `Limiter`.

Without overload a request that only reads costs two counter updates, and its load class is not determined. What the
limit is made of, and what is measured: `limiter.py`. What is turned away gets a 503 with `Retry-After`; to another
house it is a problem with the code `shed`, which counts against nobody there.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from http import HTTPStatus
from weakref import WeakKeyDictionary

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bff.contracts import headers
from bff.contracts.load_class import PROBE, SHED, LoadClass, read_load_class
from bff.contracts.paths import OBSERVED_PATHS
from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.resilience.border import Application, Receive, Scope, Send
from bff.resilience.limiter import DoorPolicy, Limiter
from bff.resilience.policies import house_policy

__all__ = ["Answer", "Door", "Limiter", "class_by_header", "door_limiter"]

_LOAD_CLASS, _PROBE = headers.LOAD_CLASS.encode(), PROBE.encode()
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
# By either of these a WebSocket has been let in, or not: from there on it is the house's own to bound.
_HANDSHAKE_ENDS = frozenset({"websocket.accept", "websocket.close", "websocket.http.response.start"})

_chance = random.SystemRandom()

# Headers without `content-length`, and the body.
Answer = tuple[list[tuple[bytes, bytes]], bytes]
# None: never turned away.
Classify = Callable[[Scope], LoadClass | None]
Refuse = Callable[[Scope, int], Answer]


def class_by_header(unclassed: LoadClass, *, writes: LoadClass = LoadClass.MONEY) -> Classify:
    """Reads the shell's header; `unclassed` is the class of a request without it, `writes` that of any request that may
    change something.
    """

    def classify(scope: Scope) -> LoadClass | None:
        if scope["type"] == "http":
            # Health and metrics are needed most during overload, so they are never shed.
            if scope["path"] in OBSERVED_PATHS:
                return None
            if scope["method"] not in _READS:
                return writes
        value = next((value for name, value in scope["headers"] if name == _LOAD_CLASS), b"")
        return None if value == _PROBE else read_load_class(value) or unclassed

    return classify


def _problem(scope: Scope, retry_after_s: int) -> Answer:
    detail = f"There is too much to do here for the moment, so nothing was done. Ask again in {retry_after_s} s."
    body = msgspec.json.encode(Problem(503, HTTPStatus(503).phrase, SHED, detail))
    return [(b"content-type", PROBLEM_TYPE.encode()), (b"cache-control", b"no-store")], body


class Door:
    """`application` behind `limiter`. `refuse` makes what is answered to whom it turns away, given the seconds after
    which they may come again; `processor_s` is the processor time that this process has had. Belongs inside a `Border`,
    which lets each header stand once."""

    def __init__(
        self,
        application: Application,
        limiter: Limiter,
        classify: Classify,
        refuse: Refuse = _problem,
        processor_s: Callable[[], float] = time.process_time,
    ) -> None:
        self._application = application
        self._limiter = limiter
        self._classify = classify
        self._refuse = refuse
        self._processor_s = processor_s
        self._measuring = False
        # The requests that wait before they begin, higher classes first.
        self._held: dict[LoadClass, deque[tuple[int, asyncio.Future[None]]]] = {
            each: deque() for each in reversed(LoadClass)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._application(scope, receive, send)
        loop, limiter = asyncio.get_running_loop(), self._limiter
        now = loop.time()
        load_class = None
        # Of what may be money it is always asked: whether any was seen decides whether others wait.
        may_be_money = scope.get("method", "GET") not in _READS
        if may_be_money or limiter.prioritizes_money(now) or limiter.crowded(now):
            load_class = self._classify(scope)
            if load_class is not None and not limiter.admits(load_class, now):
                return await self._turn_away(scope, send)
        if not self._measuring:
            self._measure(loop)
        held = limiter.money_first.holds(load_class, now)
        entered = limiter.enter(now, load_class)
        try:
            if held and load_class is not None and not await self._hold(entered, load_class):
                return await self._turn_away(scope, send)
            if scope["type"] == "websocket":
                await self._application(scope, receive, _until_handshake(send, lambda: self._leave(entered)))
            else:
                await self._application(scope, receive, send)
        finally:
            self._leave(entered)
        return None

    async def _hold(self, entered: int, load_class: LoadClass) -> bool:
        """Let it wait until it stands in no money's way, or has waited for long enough. Whether it begins then."""
        loop, limiter = asyncio.get_running_loop(), self._limiter
        held = (entered, loop.create_future())
        limiter.money_first.hold(entered)
        self._held[load_class].append(held)
        try:
            await asyncio.wait((held[1],), timeout=limiter.policy.held_s_max)
        finally:
            if waits := not held[1].done():
                limiter.begin(entered, loop.time())
                self._held[load_class].remove(held)
        return not waits or limiter.keeps(entered, load_class, loop.time())

    def _leave(self, entered: int) -> None:
        now = asyncio.get_running_loop().time()
        self._limiter.leave(entered, now)
        for load_class, waiting in self._held.items():
            while waiting and not self._limiter.money_first.holds(load_class, now):
                first, turn = waiting.popleft()
                self._limiter.begin(first, now)
                turn.set_result(None)

    def _measure(self, loop: asyncio.AbstractEventLoop) -> None:
        self._measuring = True
        due = loop.time() + self._limiter.policy.measured_every_ms / 1000
        loop.call_at(due, self._measured, loop, due, self._processor_s())

    def _measured(self, loop: asyncio.AbstractEventLoop, due: float, processor_s: float) -> None:
        now = loop.time()
        self._limiter.observe((now - due) * 1000, self._processor_s() - processor_s, now)
        self._measuring = False
        if self._limiter.in_flight:
            self._measure(loop)

    async def _turn_away(self, scope: Scope, send: Send) -> None:
        policy = self._limiter.policy
        retry_after_s = _chance.randint(policy.retry_after_s_min, policy.retry_after_s_max)
        kind = "http.response"
        if scope["type"] == "websocket":
            kind = "websocket.http.response"
            if kind not in (scope.get("extensions") or {}):
                await send({"type": "websocket.close", "code": 1013})
                return
        fields, body = self._refuse(scope, retry_after_s)
        fields = [*fields, (b"retry-after", b"%d" % retry_after_s), (b"content-length", b"%d" % len(body))]
        await send({"type": f"{kind}.start", "status": 503, "headers": fields})
        await send({"type": f"{kind}.body", "body": b"" if scope.get("method") == "HEAD" else body})


def _until_handshake(send: Send, ended: Callable[[], None]) -> Send:
    async def watched(message: dict[str, object]) -> None:
        if message["type"] in _HANDSHAKE_ENDS:
            ended()
        await send(message)

    return watched


class _DoorCollector(Collector):
    """Reads the limiter at each scrape, so that a request updates no metric."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter

    def collect(self) -> Iterator[Metric]:
        limiter = self.limiter
        yield GaugeMetricFamily("mullion_door_limit", "Requests that may be worked on at once", value=limiter.limit)
        yield GaugeMetricFamily("mullion_door_in_flight", "Requests that are worked on", value=limiter.in_flight)
        wait_s = limiter.wait_ms / 1000
        waits = "How long work waits for other work of this process"
        yield GaugeMetricFamily("mullion_door_wait_seconds", waits, value=wait_s)
        shed = CounterMetricFamily("mullion_door_shed", "Requests turned away, by class", labels=["class"])
        for load_class, times in limiter.shed.items():
            shed.add_metric([load_class.value], times)
        yield shed


_collectors: WeakKeyDictionary[CollectorRegistry, _DoorCollector] = WeakKeyDictionary()


def door_limiter(registry: CollectorRegistry = REGISTRY) -> Limiter:
    """The limiter of this process, as the installation wants it; what it counts stands in `registry`."""
    limiter = Limiter(house_policy("door", DoorPolicy()))
    if registry in _collectors:
        _collectors[registry].limiter = limiter
    else:
        _collectors[registry] = _DoorCollector(limiter)
        registry.register(_collectors[registry])
    return limiter
