"""One visitor for all who want to look at the same page in the same moment.

Public: `Looks`, `SharedVisitor`.
"""

import asyncio
from typing import Protocol

from tests.drills.runner.page import View

GATHER_S = 0.1


class Looks(Protocol):
    """Whoever can be asked for a page."""

    async def look(self, path: str) -> View:
        """The page, or why there was none; it raises nothing."""


class SharedVisitor:
    """`await shared.look("/")`: a visit that begins after the call, and serves everybody who called before it began.

    A visit that hangs holds nobody up who calls later.
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
