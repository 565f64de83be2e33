"""Ports for tests do not run out, however many a process asks for."""

import pytest

from tests.support import free_ports

pytestmark = pytest.mark.quick


def test_ports_are_given_again_when_all_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """None twice while there is another; what was given before is free again by then, or is passed over."""
    monkeypatch.setattr(free_ports, "SINGLES", range(23_990, 23_998))
    monkeypatch.setattr(free_ports, "_given", set())
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    given = [free_ports.free_port() for _ in range(16)]
    assert set(given[:8]) == {*free_ports.SINGLES}
    assert set(given[8:]) <= {*free_ports.SINGLES}
