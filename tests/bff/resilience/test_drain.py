"""A process that is ending says so, once and for good."""

import pytest

from bff.resilience.drain import Drain

pytestmark = pytest.mark.quick


def test_drain_starts_once_and_stays() -> None:
    """Nobody begins to be welcome again in a process that ends."""
    drain = Drain()
    assert not drain.active
    drain.start()
    drain.start()
    assert drain.active
