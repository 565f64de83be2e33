"""Calls in threads that nobody waits for any more: they end before what they use is taken away.

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
    """Whatever is handed to a pool of threads inside has ended after it. Raises `AssertionError` when it never does."""
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
