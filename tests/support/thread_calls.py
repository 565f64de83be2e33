"""Calls in threads that nobody waits for any more: they end before their database is removed.

Public: `ending_with_it`.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest

ENDED_S_MAX = 30


@contextmanager
def ending_with_it(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every call that was given to a pool of threads within the block has ended after it. Raises `AssertionError` if
    one never does."""
    calls: set[Future[Any]] = set()
    submit = ThreadPoolExecutor.submit

    def noted(pool: ThreadPoolExecutor, /, *given: Any, **more: Any) -> Future[Any]:
        call = submit(pool, *given, **more)
        calls.add(call)
        return call

    patch.setattr(ThreadPoolExecutor, "submit", noted)
    yield
    running = wait(calls, ENDED_S_MAX).not_done
    assert not running, f"{len(running)} calls in threads still run {ENDED_S_MAX} s after their test"
