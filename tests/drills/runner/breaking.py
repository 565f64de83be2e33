"""Sets and heals the faults of a drill: hops through the fault proxy, sandbox providers through their own switch.

Public: `Breaker`, `hops_of`, `activity_of`.
"""

import fnmatch
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import httpx

from tests.drills import journal
from tests.drills.control import CanNotRun, Control, ControlRefused
from tests.drills.journal import Activity
from tests.drills.kit.drill import Drill, Step
from tests.drills.proxy.problems import ApiProblem
from tests.drills.proxy.toxic import fault_of
from tests.drills.runner.steady import now
from tests.drills.runner.target import Target

PATIENCE_S = 5.0


def hops_of(step: Step, hops: Mapping[str, Any]) -> list[str]:
    """The names of the hops that a step breaks. A pattern that matches none is returned as it is, and refused later."""
    name = (step.hop or "").replace("->", ":")
    if "*" not in name:
        return [name]
    return sorted(fnmatch.filter(hops, name)) or [name]


def activity_of(step: Step, scope: str, target: Target) -> Activity:
    """The step in Chaos Toolkit's form."""
    if step.hop is not None:
        down = step.fault == "down"
        body = {"enabled": False} if down else {"type": step.fault, "attributes": step.parameters, "scope": scope}
        provider: dict[str, Any] = {
            "type": "http",
            "method": "PATCH" if down else "POST",
            "url": f"{target.control_url}/proxies/{step.hop}{'' if down else '/toxics'}",
            "arguments": {**body, "ttl_s": step.for_s},
        }
    elif step.provider is not None:
        url = f"{target.sandbox.get(step.provider, step.provider)}/control/fault"
        arguments = {"kind": step.fault, "for_s": step.for_s, **step.parameters}
        provider = {"type": "http", "method": "POST", "url": url, "arguments": arguments}
    else:
        provider = {"type": "http", "method": "POST", "url": target.base_url}
    return Activity(type="action", name=step.name, provider=provider)


class Breaker:
    """Synchronous: call it in a thread. `heal` removes everything that it has set."""

    def __init__(self, drill: Drill, target: Target, control: Control, mark: str) -> None:
        self._drill, self._target, self._control, self._mark = drill, target, control, mark
        self._broken: list[tuple[str, str]] = []
        self._failing: list[str] = []
        self._numbers: dict[int, str] = {}
        self.addresses: dict[str, str] = {}

    def check(self, *, alone: bool = True) -> None:
        """Checks that every fault can be set there and, with `alone`, that nothing is broken yet. Raises
        `ControlRefused` or `CanNotRun`; changes nothing."""
        hops = self._control.hops()
        self.addresses = {name: f"http://{hop['listen']}" for name, hop in hops.items() if name.startswith("browser:")}
        for number, step in enumerate(self._drill.method):
            if step.hop is not None:
                _check_fault(step.fault)
                for name in hops_of(step, hops):
                    self._control.hop(name)
            elif step.provider is not None and step.provider not in self._target.sandbox:
                there = ", ".join(sorted(self._target.sandbox)) or "none here"
                raise ControlRefused(
                    f"step {number + 1}: there is no sandbox provider '{step.provider}'; there are: {there}."
                )
            elif step.provider is not None and self._drill.scope_of(step) == "session":
                raise ControlRefused(
                    f"step {number + 1}: {step.provider} fails for everybody; a session's faults are on hops."
                )
        if alone and (
            already := [f"{name} ({', '.join(_faults(hop))})" for name, hop in hops.items() if self._in_the_way(hop)]
        ):
            raise CanNotRun(
                f"Something is broken there already: {'; '.join(already)}. "
                "Wait until it heals, or heal it: manage.py drill heal"
            )

    def _in_the_way(self, hop: Mapping[str, Any]) -> bool:
        """Whether this toxic would disturb a drill: a fault for another session does not."""
        return not hop["enabled"] or any(toxic["scope"] != "session" for toxic in hop["toxics"])

    def put_on(self, step: Step) -> journal.Step:
        """Set the fault of a step; returns how that went. Raises `ControlRefused` or `CanNotRun`."""
        return self._done(step, lambda: self._hop(step) if step.hop is not None else self._provider(step))

    def _hop(self, step: Step) -> list[Any]:
        fault = fault_of(step.fault)
        given = step.parameters or {each.name: each.typical for each in fault.parameters if each.typical is not None}
        session = self._mark if self._drill.scope_of(step) == "session" else ""
        done = []
        for name in hops_of(step, self._control.hops()):
            self._broken.append((name, session))
            toxic = self._control.break_(
                name,
                step.fault,
                given,
                ttl_s=step.for_s,
                stream="upstream" if step.upstream else "",
                share=step.share,
                session=session,
            )
            done.append(toxic)
            if "number" in toxic:
                self._numbers[toxic["number"]] = name
        return done

    def hits(self) -> list[journal.Hit]:
        """What each countable fault has hit; empty if the proxy does not answer."""
        found = []
        for hop in dict.fromkeys(self._numbers.values()):
            with suppress(CanNotRun, ControlRefused):
                found += [
                    journal.Hit(hop=hop, fault=each["type"], count=each["hits"], of=each["hits_of"])
                    for each in self._control.toxics(hop)
                    if self._numbers.get(each["number"]) == hop
                ]
        return found

    def _provider(self, step: Step) -> list[Any]:
        assert step.provider is not None
        self._failing.append(step.provider)
        return [self._tell(step.provider, "fault", {"kind": step.fault, "for_s": step.for_s, **step.parameters})]

    def hold_clock(self, *, held: bool) -> None:
        """Hold or release the clock of every sandbox provider."""
        for provider in self._target.sandbox:
            self._tell(provider, "clock", {"held": held})

    def play(self, step: Step) -> journal.Step:
        """Set the next result of a table."""
        outcome = {"table": step.table, "result": step.value}
        return self._done(step, lambda: [self._tell("sandbox-tables", "result", outcome)])

    def _tell(self, provider: str, what: str, body: Mapping[str, object]) -> Any:
        url = f"{self._target.sandbox[provider]}/control/{what}"
        try:
            answer = httpx.post(url, json=body, timeout=PATIENCE_S, trust_env=False)
        except httpx.HTTPError as error:
            raise CanNotRun(f"{provider} does not answer at {url} ({type(error).__name__}).") from error
        if answer.is_error:
            raise ControlRefused(f"{provider}: {answer.json().get('detail', answer.text)}")
        return answer.json()

    def heal(self) -> list[journal.Step]:
        """Heal everything that was set. What can not be healed ends by its time-to-live, and the journal says so."""
        steps = []
        for name, session in dict.fromkeys(self._broken):
            steps.append(self._undone(f"heal {name}", partial(self._control.heal, name, session=session)))
        for provider in dict.fromkeys(self._failing):
            well = partial(self._tell, provider, "fault", {"kind": "none"})
            steps.append(self._undone(f"heal {provider}", well))
        return steps

    def _done(self, step: Step, work: Callable[[], Sequence[Any]]) -> journal.Step:
        start, began = now(), time.monotonic()
        output = [*work()]
        return journal.Step(
            activity=activity_of(step, self._drill.scope_of(step), self._target),
            start=start,
            end=now(),
            duration=round(time.monotonic() - began, 4),
            status="succeeded",
            output=output,
        )

    def _undone(self, name: str, work: Callable[[], Any]) -> journal.Step:
        start, began = now(), time.monotonic()
        problem: list[str] | None = None
        output = None
        try:
            output = work()
        except (CanNotRun, ControlRefused) as error:
            problem = [str(error)]
        return journal.Step(
            activity=Activity(type="action", name=name, provider={"type": "http", "url": self._target.control_url}),
            start=start,
            end=now(),
            duration=round(time.monotonic() - began, 4),
            status="failed" if problem else "succeeded",
            output=output,
            exception=problem,
        )


def _check_fault(name: str) -> None:
    try:
        fault_of(name)
    except ApiProblem as problem:
        raise ControlRefused(str(problem).removeprefix("invalid toxic type: ")) from problem


def _faults(hop: Mapping[str, Any]) -> list[str]:
    return [f"{toxic['type']}, {toxic['expires_in_s']:.0f} s left" for toxic in hop["toxics"]] + (
        [] if hop["enabled"] else ["down"]
    )
