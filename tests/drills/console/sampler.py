"""Polls the fault proxy, the processes' metrics and the lobby, as long as a person has the console open.

Public: `Sampler`, `Sample`.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.drills import output
from tests.drills.console import fault_description, figures, watch
from tests.drills.console.history import EVERYONE, TESTER, Fault, History
from tests.drills.console.places import Places, Process
from tests.drills.console.tester import SessionMark
from tests.drills.mark import COOKIE

EVERY_S = 1.0
# While something is broken the lobby is loaded more often, so that the list can say how fast a slot changed.
WATCH_S, WATCH_BROKEN_S = 1.0, 0.25
LOOKED_AT_S = 6.0
PATIENCE_S = 2.0
# How long pages may be framed after the console's last request; and how much of that must be left for a frame to load.
FRAMING_S, FRAME_LOADS_S = 10.0, 4.0


@dataclass(frozen=True, slots=True)
class Source:
    """Whether a process's metrics are `well`, `silent` (it has none) or `unreachable`, and the reason in words."""

    state: str
    detail: str = ""
    breakers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """`problem` says why the proxy did not answer; then the other fields are from the last answer. Pages may be framed
    until `framed_until`."""

    at: float = 0.0
    hops: dict[str, dict[str, Any]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    rates: dict[str, float | None] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    problem: str = "Nothing was seen yet."
    framed_until: float = 0.0

    def framed(self, now: float) -> bool:
        """Whether a page requested at `now` may still be shown in a frame."""
        return now < self.framed_until - FRAME_LOADS_S


class Sampler:
    """`looked_at()` keeps it running; `sample` is the last result."""

    def __init__(self, places: Places, history: History, tester: SessionMark) -> None:
        self._places, self._history, self._tester = places, history, tester
        self.sample = Sample()
        self._looked_at = 0.0
        self._wake = asyncio.Event()
        self._tester_until = 0.0

    def looked_at(self, *, tester: bool = False) -> None:
        self._looked_at = time.monotonic()
        if tester:
            self._tester_until = self._looked_at + LOOKED_AT_S
        self._wake.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S, follow_redirects=False) as http:
            await asyncio.gather(self._sample(http), self._watch(http))

    async def _sleep(self, seconds: float) -> None:
        """Sleeps for so long; for ever while nobody has the console open and nothing is left to observe."""
        await asyncio.sleep(seconds)
        while time.monotonic() - self._looked_at > LOOKED_AT_S and not self._history.open:
            self._wake.clear()
            await self._wake.wait()

    # --- proxy and processes

    async def _sample(self, http: httpx.AsyncClient) -> None:
        while True:
            await self.look(http)
            await self._sleep(EVERY_S)

    async def look(self, http: httpx.AsyncClient) -> None:
        """Polls once."""
        before, sampled_at = self.sample, time.monotonic()
        sources = dict(
            zip(
                [process.name for process in self._places.processes],
                await asyncio.gather(*(_source(http, process) for process in self._places.processes)),
                strict=True,
            )
        )
        try:
            hops = await _json(http, f"{self._places.proxy}/proxies")
            absent = before.absent or await _json(http, f"{self._places.proxy}/absent")
            framed_until = await self._let_frame(http, sampled_at)
            hits = await self._hits(http, hops)
        except (httpx.HTTPError, ValueError) as error:
            problem = f"The fault proxy does not answer ({type(error).__name__}). It is started again by itself."
            self.sample = Sample(before.at, before.hops, before.absent, {}, sources, problem)
            return
        now = time.monotonic()
        rates = {name: _rate(before, name, hop, now) for name, hop in hops.items()}
        self.sample = Sample(now, hops, absent, rates, sources, "", framed_until)
        self._history.follow(faults(hops, self._tester.mark), sampled_at, now, round(time.time() * 1000))
        self._history.count(hits)

    async def _hits(self, http: httpx.AsyncClient, hops: dict[str, dict[str, Any]]) -> dict[int, str]:
        """The hits of each active fault, and the final count of each that ended a moment ago."""
        toxics = [toxic for hop in hops.values() for toxic in hop["toxics"]]
        for name in {entry.fault.hop for entry in self._history.open if entry.fault.number} & hops.keys():
            answer = await http.get(f"{self._places.proxy}/proxies/{name}/ended")
            answer.raise_for_status()
            toxics += answer.json()
        return {toxic["number"]: output.hit(toxic) for toxic in toxics}

    async def _let_frame(self, http: httpx.AsyncClient, now: float) -> float:
        """As long as the console is open, and no longer, the lobby may be shown in its frame; returns until when."""
        if self._places.front and now - self._looked_at < LOOKED_AT_S:
            body = {"ancestor": f"http://localhost:{self._places.port}", "ttl_s": FRAMING_S}
            answer = await http.put(f"{self._places.proxy}/proxies/{self._places.front}/framing", json=body)
            answer.raise_for_status()
            return now + FRAMING_S
        return 0.0

    # --- the lobby

    async def _watch(self, http: httpx.AsyncClient) -> None:
        while True:
            if self._places.pages:
                await self._look_at_pages(http)
            await self._sleep(WATCH_BROKEN_S if self._history.open else WATCH_S)

    async def _look_at_pages(self, http: httpx.AsyncClient) -> None:
        viewers = {EVERYONE: ""}
        scoped = any(entry.fault.scope == "session" for entry in self._history.open)
        if self._tester.mark and (scoped or time.monotonic() < self._tester_until):
            viewers[TESTER] = f"{COOKIE}={self._tester.mark}"
        else:
            self._history.forget(TESTER)
        url = f"{self._places.pages}/"
        async with asyncio.TaskGroup() as group:
            for viewer, cookie in viewers.items():
                group.create_task(watch.look(http, url, cookie, _into(self._history, viewer)))


def _into(history: History, viewer: str) -> watch.Seen:
    return lambda slots, at: history.see(viewer, slots, at)


def faults(hops: dict[str, dict[str, Any]], mark: str) -> list[Fault]:
    """All active faults in the answer of the proxy's API."""
    found = []
    for name, hop in hops.items():
        for toxic in hop["toxics"]:
            described = fault_description.fault(toxic["type"], toxic["attributes"])
            whom = fault_description.whom(toxic, mark)
            left_s, number = toxic["expires_in_s"], toxic["number"]
            found.append(Fault(name, toxic["name"], described, toxic["scope"], whom, left_s, number))
        if not hop["enabled"]:
            found.append(Fault(name, "down", "down", "everyone", "everyone", hop.get("enabled_in_s", 0.0)))
    return found


def _rate(before: Sample, name: str, hop: dict[str, Any], now: float) -> float | None:
    if name not in before.hops or before.problem:
        return None
    return figures.rate(before.hops[name]["turns"], hop["turns"], now - before.at)


async def _source(http: httpx.AsyncClient, process: Process) -> Source:
    try:
        answer = await http.get(process.metrics)
        if answer.status_code == 404:
            return Source("silent", "It keeps no figures.")
        answer.raise_for_status()
        return Source("well", "", figures.breakers(answer.text))
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return Source("unreachable", f"Its figures can not be read ({type(error).__name__}).")


async def _json(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    answer = await http.get(url)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found
