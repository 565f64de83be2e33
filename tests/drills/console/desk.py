"""The page's requests, checked and carried out: break, heal, read the system, and carry the tester's mark.

Public: `Desk`, `Nonsense`, `Unavailable`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tests.drills.console import fault_description
from tests.drills.console.history import Fault, History
from tests.drills.console.places import Places
from tests.drills.console.sampler import Sampler
from tests.drills.console.system import catalogue, system
from tests.drills.console.tester import SessionMark
from tests.drills.control import CanNotRun, Control, ControlRefused
from tests.drills.proxy.problems import ApiProblem
from tests.drills.proxy.toxic import TTL_S, TTL_S_MAX

Done = TypeVar("Done")
_NO_SESSION = "This copy has no key for testers' sessions, so that a fault can not hit one alone."


class Nonsense(Exception):
    """The request makes no sense; the message says why."""


class Unavailable(Exception):
    """The request could not be carried out at the moment; the message says why."""


class Desk:
    """Carries out requests and records them in `history`."""

    def __init__(
        self, places: Places, control: Control, sampler: Sampler, history: History, tester: SessionMark
    ) -> None:
        self._places, self._control, self._sampler = places, control, sampler
        self._history, self._tester = history, tester

    def system(self, carried: str) -> dict[str, Any]:
        """Everything that the page draws; `carried` is the mark in the browser's cookie."""
        is_tester = bool(self._tester.mark) and carried == self._tester.mark
        self._sampler.looked_at(tester=is_tester)
        sessions = {
            "there": bool(self._tester.mark),
            "why": "" if self._tester.mark else _NO_SESSION,
            "tester": is_tester,
        }
        return {
            **system(self._places, self._sampler.sample, self._tester.mark),
            "pages": self._places.pages,
            "framed": self._sampler.sample.framed(time.monotonic()),
            "sessions": sessions,
            "slots": self._history.slots(),
            "history": self._history.body(),
        }

    async def catalogue(self) -> dict[str, Any]:
        """The faults that can be set, by hop."""
        if self._sampler.sample.problem:
            raise Unavailable(self._sampler.sample.problem)
        return catalogue(self._sampler.sample)

    async def break_(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Break a hop, as `manage.py drill break` does."""
        hop, kind, attributes = body.get("hop"), body.get("fault"), body.get("attributes", {})
        if not isinstance(hop, str) or not isinstance(kind, str) or not isinstance(attributes, dict):
            raise Nonsense("A hop, a fault and its attributes are wanted.")
        for_s = _number(body, "for_s", TTL_S, 0.1, TTL_S_MAX)
        share = _number(body, "share", 1, 0, 1)
        stream = body.get("stream", "")
        if stream not in ("", "upstream", "downstream"):
            raise Nonsense("stream: upstream or downstream.")
        session = self._tester.mark if body.get("session") is True else ""
        if body.get("session") is True and not session:
            raise Nonsense(_NO_SESSION)
        requested_at, at_ms = time.monotonic(), round(time.time() * 1000)
        done = await _do(
            lambda: self._control.break_(
                hop, kind, attributes, ttl_s=for_s, stream=stream, share=share, session=session
            )
        )
        self._sampler.looked_at()
        fault = self._fault(hop, kind, done, for_s)
        self._history.begin(fault, time.monotonic(), at_ms, requested_at=requested_at)
        return {"broken": hop}

    def _fault(self, hop: str, kind: str, done: Mapping[str, Any], for_s: float) -> Fault:
        if "type" not in done:
            return Fault(hop, "down", "down", "everyone", "everyone", for_s)
        whom = fault_description.whom(done, self._tester.mark)
        described = fault_description.fault(kind, done["attributes"])
        return Fault(hop, str(done["name"]), described, str(done["scope"]), whom, for_s, int(done["number"]))

    async def heal(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Heal a hop, or everything."""
        hop = body.get("hop", "")
        if not isinstance(hop, str):
            raise Nonsense("hop: the name of a hop, or nothing for all of them.")
        requested_at = time.monotonic()
        healed = await _do(lambda: self._control.heal(hop))
        self._history.heal(hop, time.monotonic(), requested_at=requested_at)
        return {"healed": healed}

    def mark_for(self, body: Mapping[str, Any]) -> str:
        """The mark that the browser should carry from now on: the tester's, or none."""
        if not isinstance(body.get("on"), bool):
            raise Nonsense("on: true or false.")
        if body["on"] and not self._tester.mark:
            raise Nonsense(_NO_SESSION)
        return self._tester.mark if body["on"] else ""


def _number(body: Mapping[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Nonsense(f"{name}: a number from {least:g} to {most:g}.")
    return float(value)


async def _do(ask: Callable[[], Done]) -> Done:
    """Calls the fault proxy in another thread."""
    try:
        return await asyncio.to_thread(ask)
    except (ControlRefused, ApiProblem) as problem:
        raise Nonsense(_sentence(str(problem))) from problem
    except CanNotRun as problem:
        raise Unavailable(str(problem)) from problem


def _sentence(text: str) -> str:
    text = text.removeprefix("invalid toxic type: ")
    return text if text.endswith(".") else f"{text}."
