"""Names that nobody has used: a Kafka, mock or real, can not be flushed between tests."""

import secrets

import pytest


@pytest.fixture
def ledger():
    """A stream."""
    return f"ledger-{secrets.token_hex(4)}"


@pytest.fixture
def group():
    """A consumer group. Kafka keeps a dead member for a session, and while it has one, refuses who is assigned."""
    return f"projector-{secrets.token_hex(4)}"
