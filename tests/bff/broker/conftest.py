"""Unused names for each test: a Kafka, mock or real, can not be emptied between tests."""

import secrets

import pytest


@pytest.fixture
def ledger():
    """The name of a stream."""
    return f"ledger-{secrets.token_hex(4)}"


@pytest.fixture
def group():
    """A consumer group. Kafka keeps a dead member for the length of a session, and meanwhile refuses readers with
    assigned partitions."""
    return f"projector-{secrets.token_hex(4)}"
