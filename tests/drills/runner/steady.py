"""Whether a target is steady: the probes of a drill, repeated until all of them hold or the time is over.

Public: `probed`, `activity_of`, `now`.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.drills.journal import Activity, SteadyState, Step
from tests.drills.kit.drill import Probe
from tests.drills.runner.books import audited
from tests.drills.runner.page import View
from tests.drills.runner.shared_visitor import Looks
from tests.drills.runner.target import Target

PROBE_EVERY_S = 0.5


def now() -> str:
    """The current time in the journal's format (ISO 8601, UTC)."""
    return datetime.now(UTC).isoformat()


def activity_of(probe: Probe, base_url: str, path: str) -> Activity:
    """The probe in Chaos Toolkit's form."""
    provider: dict[str, Any] = {"type": "http", "url": f"{base_url}{probe.page or path}", "timeout": 10}
    if probe.ledger is not None:
        provider = {"type": "process", "path": "manage.py", "arguments": "audit_ledger"}
    tolerance: Any = probe.status if probe.page is not None else probe.ledger or probe.state
    return Activity(type="probe", name=probe.name, provider=provider, tolerance=tolerance)


async def probed(probes: Sequence[Probe], visitor: Looks, target: Target, path: str, *, within_s: float) -> SteadyState:
    """The result of each probe. All are repeated until all hold in one round, for at most `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        steps = await _probed(probes, visitor, target, path)
        met = all(step.tolerance_met for step in steps)
        if met or time.monotonic() >= deadline:
            return SteadyState(steady_state_met=met, probes=steps)
        await asyncio.sleep(PROBE_EVERY_S)


async def _probed(probes: Sequence[Probe], visitor: Looks, target: Target, path: str) -> list[Step]:
    views: dict[str, View] = {}
    steps = []
    for probe in probes:
        start, began = now(), time.monotonic()
        if probe.ledger is None:
            page = probe.page or path
            if page not in views:
                views[page] = await visitor.look(page)
            output, met = _looked(probe, views[page])
        else:
            output, met = await audited(target)
        steps.append(
            Step(
                activity=activity_of(probe, target.base_url, path),
                start=start,
                end=now(),
                duration=round(time.monotonic() - began, 4),
                status="succeeded" if met else "failed",
                output=output,
                tolerance_met=met,
            )
        )
    return steps


def _looked(probe: Probe, view: View) -> tuple[str, bool]:
    if view.problem:
        return f"no page came ({view.problem})", False
    if probe.slot is not None:
        seen = view.slots.get(probe.slot)
        if seen is None:
            return f"{probe.slot} is not on the page", False
        return f"{seen.state} ({seen.reason})" if seen.reason else seen.state, seen.state in probe.state
    words = f"{view.status} in {view.took_ms:.0f} ms{'' if view.whole else ', cut before its end'}"
    whole = view.whole or view.status >= 300
    return words, view.status == probe.status and whole and view.took_ms <= probe.within_ms
