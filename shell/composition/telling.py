"""Says every outcome in the metrics and in the log; a thousand of one kind in a second are one line that counts them.

Public: `Teller`, `QUIET_S`.
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

# In an outage every page has the same to say: a line each would cost more than the page's other slots.
QUIET_S = 1.0

# Page, slot, fragment, version, state, reason, upstream.
_Kind = tuple[str, str, str, str, State, Reason | None, str]

logger = log.get("include")


@dataclass(slots=True)
class _Same:
    """Outcomes of one kind that were not said yet: how many, and the newest."""

    times: int = 0
    shared: int = 0  # of these, not counted either
    newest: Included | None = None


class Teller:
    """The first outcome of a kind (page, slot, release, state, reason) is said at once, its likes once a second.

    Those that are shared by many visits are counted then, too: one by one that cost more than to look them up.
    """

    def __init__(self, later: Callable[[float, Callable[[], None]], object] | None = None) -> None:
        self._later = later or (lambda delay_s, call: asyncio.get_running_loop().call_later(delay_s, call))
        self._unsaid: dict[_Kind, _Same] = {}
        # Those that came twice already; none is kept for longer than its like waits to be said.
        self._shared: dict[Included, _Same] = {}

    def tell(self, included: Included, visit: Visit) -> None:
        """Count `included`, and say it unless its like was said within the last second."""
        known = self._shared.get(included) if included.shared else None
        if known is not None:
            known.shared += 1
            known.times += 1
            return
        slot, state, reason = included.slot, included.state, included.reason
        metrics.includes(slot.fragment, state, reason, included.upstream).inc()
        if included.ms:  # what was known at once took nothing
            metrics.include_seconds(slot.fragment).observe(included.ms / 1000)
        if state is State.FRESH:
            logger.debug("included", page=visit.page.name, slot=slot.name, state=str(state), ms=included.ms)
            return
        kind = (visit.page.name, slot.name, slot.fragment, included.version, state, reason, included.upstream)
        same = self._unsaid.get(kind)
        if same is None:
            self._say(kind, included, 1)
        else:
            same.times += 1
            same.newest = included
            if included.shared:
                self._shared[included] = same

    def _say(self, kind: _Kind, included: Included, times: int) -> None:
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
        self._unsaid[kind] = _Same()
        self._later(QUIET_S, lambda: self._flush(kind))

    def _flush(self, kind: _Kind) -> None:
        same = self._unsaid.pop(kind)
        self._shared = {included: other for included, other in self._shared.items() if other is not same}
        if same.shared:
            _, _, fragment, _, state, reason, upstream = kind
            metrics.includes(fragment, state, reason, upstream).inc(same.shared)
        if same.newest is not None:
            self._say(kind, same.newest, same.times)
