"""A process goes before others on the processor where its house asks for it and the system permits it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shell.operations.up.child import Child
from shell.operations.up.orphan_guard import OrphanGuard

NICENESS = (sys.executable, "-I", "-S", "-c", "import os; print(os.nice(0))")


@pytest.fixture
def orphan_guard() -> Iterator[OrphanGuard]:
    """The sweeper of one test."""
    guard = OrphanGuard()
    yield guard
    guard.close()


async def niceness_of_a_child(nice: int, orphan_guard: OrphanGuard) -> int:
    lines: list[str] = []
    child = await Child.start(NICENESS, dict(os.environ), Path.cwd(), orphan_guard, lines.append, nice=nice)
    assert await child.wait() == 0
    return int(lines[0])


async def test_process_has_the_niceness_that_its_house_asks_for(orphan_guard: OrphanGuard) -> None:
    """A higher one is permitted to everybody; without a wish it is the parent's."""
    ours = os.nice(0)
    assert await niceness_of_a_child(ours + 3, orphan_guard) == ours + 3
    assert await niceness_of_a_child(0, orphan_guard) == ours


async def test_process_starts_where_the_system_permits_no_priority(
    orphan_guard: OrphanGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs as all others do, and nothing is lines about it."""

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    assert await niceness_of_a_child(-10, orphan_guard) == os.nice(0)
