"""Tickets count once.

Public: `Tickets`.
A ticket that was seen on its way (a log, a proxy, a shared screen) must not open a second socket, so each is written
down under its name until it would have expired: in this process, and in the store for all processes.
"""

import re
from collections import OrderedDict
from typing import Protocol

from bff.resilience import log
from bff.store import StoreUnavailable

_LOG = log.get("live")
_NAME = re.compile(r"[A-Za-z0-9_-]{16,64}")


class ClaimStore(Protocol):
    """What tickets need of the store."""

    async def claim(self, name: str, *, ttl_ms: int) -> bool: ...


class Tickets:
    """Which tickets have been used. Unix seconds are passed in.

    While the store is away a ticket counts once in each process: this process's own memory decides. That memory holds
    `tickets_max` at most; what it has no room for is refused, because a forgotten ticket would count again.
    """

    def __init__(self, store: ClaimStore, tickets_max: int) -> None:
        self._store = store
        self._max = tickets_max
        self._used: OrderedDict[str, int] = OrderedDict()
        self._store_failed = False

    def __len__(self) -> int:
        return len(self._used)

    async def spend(self, token_id: str, expires_at: int, now: int) -> bool:
        """Use the ticket `token_id`; False when it has been used, has no name, or can not be remembered."""
        if not _NAME.fullmatch(token_id) or not self._note(token_id, expires_at, now):
            return False
        try:
            is_first = await self._store.claim(f"ticket.{token_id}", ttl_ms=(expires_at - now + 1) * 1000)
        except StoreUnavailable as error:
            if not self._store_failed:
                self._store_failed = True
                _LOG.warning("live.tickets_by_process", detail=str(error))
            return True
        self._store_failed = False
        return is_first

    def _note(self, token_id: str, expires_at: int, now: int) -> bool:
        used = self._used
        # All live equally long, so the first in is the first that may be forgotten.
        while used and next(iter(used.values())) < now:
            used.popitem(last=False)
        if token_id in used or len(used) >= self._max:
            return False
        used[token_id] = expires_at
        return True
