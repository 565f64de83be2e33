"""One visit for all drills that want the same page at the same moment.

Public: `Looks`, `SharedVisitor`.
"""

import asyncio
from typing import Protocol

from tests.drills.runner.page import View

GATHER_S = 0.1


class Looks(Protocol):
    """Anything that can visit a page."""

    async def look(self, path: str) -> View:
        """Visit the page. It raises nothing: if no page came, the view says why."""


class SharedVisitor:
    """`await shared.look("/")`: the result of a visit that begins after the call; one visit serves all callers who wait
    for it to begin.

    A visit that hangs does not delay later callers.
    """

    def __init__(self, visitor: Looks) -> None:
        self._visitor = visitor
        self._next: dict[str, asyncio.Task[View]] = {}

    async def look(self, path: str) -> View:
        if path not in self._next:
            self._next[path] = asyncio.create_task(self._visit(path))
        return await asyncio.shield(self._next[path])

    async def _visit(self, path: str) -> View:
        await asyncio.sleep(GATHER_S)
        del self._next[path]
        return await self._visitor.look(path)
