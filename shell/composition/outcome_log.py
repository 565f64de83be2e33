"""Every outcome in the metrics and in the log; a thousand of one kind in a second are one line that counts them.

Public: `OutcomeLog`, `QUIET_S`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bff.resilience import log
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition import metrics
from shell.composition.ladder import Included
from shell.composition.page import Visit

# In an outage every page has the same outcomes: a line each would cost more than the page's other slots.
QUIET_S = 1.0

# Page, slot, fragment, version, state, reason, upstream.
_Kind = tuple[str, str, str, str, State, Reason | None, str]

logger = log.get("include")


@dataclass(slots=True)
class _Repeats:
    """Outcomes of one kind that were not logged yet: how many, and the newest."""

    times: int = 0
    uncounted: int = 0  # of these, shared ones that the metric lacks as well
    newest: Included | None = None


class OutcomeLog:
    """The first outcome of a kind (page, slot, release, state, reason) is logged at once, its likes once a second.

    Those that are shared by many visits are counted then, too: one by one that cost more than to look them up.
    """

    def __init__(self, call_later: Callable[[float, Callable[[], None]], object] | None = None) -> None:
        self._call_later = call_later or (lambda delay_s, call: asyncio.get_running_loop().call_later(delay_s, call))
        self._repeats: dict[_Kind, _Repeats] = {}
        # Those that came twice already; none is held for longer than its like waits to be logged.
        self._shared: dict[Included, _Repeats] = {}

    def record(self, included: Included, visit: Visit) -> None:
        """Count `included`, and log it unless its like was logged within the last second."""
        repeats = self._shared.get(included) if included.shared else None
        if repeats is not None:
            repeats.uncounted += 1
            repeats.times += 1
            return
        slot, state, reason = included.slot, included.state, included.reason
        metrics.includes(slot.fragment, state, reason, included.upstream).inc()
        if included.ms:  # an immediate outcome took nothing
            metrics.include_seconds(slot.fragment).observe(included.ms / 1000)
        if state is State.FRESH:
            logger.debug("included", page=visit.page.name, slot=slot.name, state=str(state), ms=included.ms)
            return
        kind = (visit.page.name, slot.name, slot.fragment, included.version, state, reason, included.upstream)
        repeats = self._repeats.get(kind)
        if repeats is None:
            self._write(kind, included, 1)
        else:
            repeats.times += 1
            repeats.newest = included
            if included.shared:
                self._shared[included] = repeats

    def _write(self, kind: _Kind, included: Included, times: int) -> None:
        page, slot, fragment, version, state, reason, upstream = kind
        logger.warning(
            "included",
            page=page,
            slot=slot,
            fragment=fragment,
            version=version,
            state=str(state),
            reason=str(reason or ""),
            upstream=upstream,
            detail=included.detail,
            ms=included.ms,
            times=times,
        )
        self._repeats[kind] = _Repeats()
        self._call_later(QUIET_S, lambda: self._flush(kind))

    def _flush(self, kind: _Kind) -> None:
        repeats = self._repeats.pop(kind)
        self._shared = {included: other for included, other in self._shared.items() if other is not repeats}
        if repeats.uncounted:
            _, _, fragment, _, state, reason, upstream = kind
            metrics.includes(fragment, state, reason, upstream).inc(repeats.uncounted)
        if repeats.newest is not None:
            self._write(kind, repeats.newest, repeats.times)
