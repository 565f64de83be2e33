"""Every outcome in the metrics and in the log; a thousand of one kind in a second are one line that counts them.

Public: `OutcomeLog`, `QUIET_S`.
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache

from bff.resilience import log
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition import metrics
from shell.composition.ladder import Included
from shell.composition.outage import PendingLine

# In an outage every page has the same outcomes: a line each would cost more than the page's other slots.
QUIET_S = 1.0

# Page, slot, fragment, version, state, reason, upstream, name of the partition.
_Kind = tuple[str, str, str, str, State, Reason | None, str, str]

logger = log.get("include")


@lru_cache(maxsize=256)
def _log_skew(fragment: str, version: str, version_seen: str) -> None:
    """Once for each pair of versions, as every include would say it again."""
    logger.warning("version_skew", fragment=fragment, version=version, version_seen=version_seen)


class OutcomeLog:
    """The first outcome of a kind (page, slot, release, state, reason) is logged at once, its likes once a second.

    Repeated outcomes are added to the metric at that moment, too: counting each by itself would cost more than finding
    it.
    """

    def __init__(self, call_later: Callable[[float, Callable[[], None]], object] | None = None) -> None:
        self._call_later = call_later or (lambda delay_s, call: asyncio.get_running_loop().call_later(delay_s, call))
        self._pending: dict[_Kind, PendingLine] = {}

    def record(self, included: Included, page: str, partition: str = "") -> None:
        """Count `included`, and log it unless its like was logged within the last second.

        What a partition met is logged and not counted: it says nothing about anybody else.
        """
        pending = included.repeated.pending if included.repeated is not None else None
        if pending is not None and pending.open:
            pending.uncounted += 1
            pending.times += 1
            return
        slot, state, reason = included.slot, included.state, included.reason
        if included.version_seen:
            metrics.VERSION_SKEW.labels(slot.fragment).inc()
            _log_skew(slot.fragment, included.version, included.version_seen)
        if not partition:
            metrics.includes(slot.fragment, state, reason, included.upstream).inc()
        if included.ms and not partition:  # an immediate outcome took nothing
            metrics.include_seconds(slot.fragment).observe(included.ms / 1000)
        if state is State.FRESH:
            logger.debug("included", page=page, slot=slot.name, state=str(state), ms=included.ms)
            return
        kind = (page, slot.name, slot.fragment, included.version, state, reason, included.upstream, partition)
        pending = self._pending.get(kind)
        if pending is None:
            self._write(kind, included, 1)
        else:
            pending.times += 1
            pending.newest = included
            if included.repeated is not None:
                included.repeated.pending = pending

    def _write(self, kind: _Kind, included: Included, times: int) -> None:
        page, slot, fragment, version, state, reason, upstream, _ = kind
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
        self._pending[kind] = PendingLine()
        self._call_later(QUIET_S, lambda: self._flush(kind))

    def _flush(self, kind: _Kind) -> None:
        pending = self._pending.pop(kind)
        pending.open = False
        if pending.uncounted:
            _, _, fragment, _, state, reason, upstream, _ = kind
            metrics.includes(fragment, state, reason, upstream).inc(pending.uncounted)
        if pending.newest is not None:
            self._write(kind, pending.newest, pending.times)
