"""A long-running process without glibc's allocator."""

import ctypes
import gc

import pytest

from bff.resilience import memory

pytestmark = pytest.mark.quick


def test_another_allocator_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no `mallopt`, garbage is collected as seldom all the same."""
    before = gc.get_threshold()
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    gc.set_threshold(700)
    try:
        memory.for_long_running()
        assert gc.get_threshold()[0] > 700
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
