"""Start and end of an application, and ended sessions: one implementation for every house."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bff.resilience.lifespan import serve_lifespan
from bff.resilience.revocation_log import RevocationLog

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]


async def test_start_comes_before_the_first_request_and_stop_before_the_answer_to_the_end() -> None:
    """A server that waits for the answers finds everything started, and ends nothing that still works."""
    seen: list[str] = []
    messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    for kind in ("lifespan.startup", "lifespan.shutdown"):
        messages.put_nowait({"type": kind})

    async def send(message: Any) -> None:
        seen.append(message["type"])

    async def start() -> None:
        seen.append("start")

    async def stop() -> None:
        seen.append("stop")

    await serve_lifespan(messages.get, send, start=start, stop=stop)
    assert seen == ["start", "lifespan.startup.complete", "stop", "lifespan.shutdown.complete"]


def test_every_house_starts_and_ends_by_the_same_loop() -> None:
    """A mend of one is a mend of all."""
    houses = [path for house in ("bff", "shell", "fragments") for path in (ROOT / house).rglob("*.py")]
    answering = [path for path in houses if "lifespan.startup.complete" in path.read_text("utf-8")]
    assert [path.relative_to(ROOT).as_posix() for path in answering] == ["bff/resilience/lifespan.py"]


def test_what_is_forgotten_says_from_when_it_was() -> None:
    """Whoever believes a token for want of a revocation has to know what this log does not hold any more."""
    log = RevocationLog(revocations_max=2, retained_s=100)
    assert [log.add("p", now, mark=f"m{now}") for now in (1, 2, 3)] == [None, None, 1]
    assert log.covers("p", "m3.0")
    assert not log.covers("p", "m1.0")
    assert log.add("p", 500, epoch=7) == 3
    assert log.covers("p", "m9.6")
    assert not log.covers("p", "m9.7")
    assert [log.add(player, now, epoch=1) for player, now in (("q", 501), ("r", 502))] == [None, 500]
    assert not log.covers("p", "m9.6")
